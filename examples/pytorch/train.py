"""PyTorch in a study.

python examples/pytorch/train.py -m 'units=16,64' 'rate=tag(log,interval(1e-4,1e-1))'
"""

import sys

try:
    import hydra
    import torch  # pyright: ignore[reportMissingImports]
    from omegaconf import DictConfig
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from convsweep import current_trial
except ModuleNotFoundError as error:
    sys.exit(f"error: {error}; type in the checkout: make venv && . .venv/bin/activate && uv pip install torch")


@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(cfg: DictConfig) -> float:
    trial = current_trial()
    torch.manual_seed(cfg.seed if trial is None else trial.seed)
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images / 16, labels, test_size=0.2, random_state=0, stratify=labels)
    x, x_val = (torch.tensor(part, dtype=torch.float32) for part in parts[:2])
    y, y_val = (torch.tensor(part) for part in parts[2:])
    model = torch.nn.Sequential(torch.nn.Linear(64, cfg.units), torch.nn.ReLU(), torch.nn.Linear(cfg.units, 10))
    optimizer = torch.optim.Adam(model.parameters(), cfg.rate)
    best = 0.0
    for epoch in range(1, cfg.epochs + 1):
        for batch in torch.randperm(len(x)).split(32):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
        accuracy = (model(x_val).argmax(1) == y_val).float().mean().item()
        best = max(best, accuracy)
        if trial is not None:
            trial.report(accuracy, epoch)
            if epoch < cfg.epochs and trial.should_stop():
                break
    return best


if __name__ == "__main__":
    main()
