"""Any Keras script in a study, by one line.

python examples/keras/train.py -m 'units=16,64' 'rate=tag(log,interval(1e-4,1e-1))'
"""

import sys

try:
    import hydra
    import keras
    from omegaconf import DictConfig
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from convsweep.keras import TrialCallback
except ModuleNotFoundError as error:
    sys.exit(f"error: {error}; type in the checkout: make venv && . .venv/bin/activate")


@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(cfg: DictConfig) -> float:
    keras.utils.set_random_seed(cfg.seed)
    images, labels = load_digits(return_X_y=True)
    x, x_val, y, y_val = train_test_split(images / 16, labels, test_size=0.2, random_state=0, stratify=labels)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(cfg.units, "relu"), keras.layers.Dense(10, "softmax")]
    )
    model.compile(keras.optimizers.Adam(cfg.rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    trial = TrialCallback("val_accuracy")
    model.fit(
        x,
        y,
        epochs=cfg.epochs,
        validation_data=(x_val, y_val),
        verbose=0,  # pyright: ignore[reportArgumentType]
        callbacks=[trial],
    )
    print(f"best val_accuracy {trial.best:.4f}")
    return trial.best


if __name__ == "__main__":
    main()
