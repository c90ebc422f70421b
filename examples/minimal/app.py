"""The sweeper on any Hydra app: python examples/minimal/app.py -m 'x=interval(-5,5)' hydra.sweeper.n_trials=30"""

import sys

try:
    import hydra
    from omegaconf import DictConfig

    from convsweep import current_trial
except ModuleNotFoundError as error:
    sys.exit(f"error: {error}; type in the checkout: make venv && . .venv/bin/activate")


@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(cfg: DictConfig) -> float:
    loss = (cfg.x - 2) ** 2
    trial = current_trial()
    for step in range(1, 10):
        loss = (cfg.x - 2) ** 2 + 1 / step
        if trial is not None:
            trial.report(loss, step)
            if trial.should_stop():
                break
    return loss


if __name__ == "__main__":
    main()
