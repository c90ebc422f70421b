"""The yardstick: the shortest loop of Optuna, Keras and MLflow that one would write by hand, in one process.

    python -m benchmarks.handwritten [storage folder]

16 trials of 8 epochs on 8,000 images of Fashion-MNIST, 1,600 of them for validation; prints the best accuracy.
"""

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import mlflow
import optuna

from src.config.dataset import DatasetConfig
from src.dataset import load

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
data = load(
    DatasetConfig(name="fashion_mnist", limit=8000, validation_fraction=0.2, scaling="minmax", labels="sparse"), 0
)


def objective(trial: optuna.Trial) -> float:
    depth, filters = trial.suggest_int("depth", 1, 3), trial.suggest_categorical("filters", [16, 32])
    batch_norm, dropout = trial.suggest_categorical("batch_norm", [True, False]), trial.suggest_float("dropout", 0, 0.5)
    rate = trial.suggest_float("learning_rate", 1e-4, 3e-2, log=True)
    name = trial.suggest_categorical("optimizer", ["adam", "rmsprop", "sgd"])
    layers: list = [keras.Input(data.input_shape), keras.layers.Rescaling(1 / 255)]
    for block in range(depth):
        layers.append(keras.layers.Conv2D(filters * 2**block, 3, padding="same", use_bias=not batch_norm))
        layers += [keras.layers.BatchNormalization()] * batch_norm
        layers += [keras.layers.ReLU(), keras.layers.MaxPooling2D()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(128, "relu"), keras.layers.Dropout(dropout)]
    model = keras.Sequential([*layers, keras.layers.Dense(10, "softmax")])
    optimizer = keras.optimizers.get({"class_name": name, "config": {"learning_rate": rate}})
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)  # pyright: ignore
    with mlflow.start_run(nested=True):
        mlflow.log_params(trial.params)
        history = model.fit(*data.train, 128, 8, verbose=0, validation_data=tuple(data.validation)).history  # pyright: ignore
        for epoch in range(8):
            mlflow.log_metrics({key: values[epoch] for key, values in history.items()}, step=epoch + 1)
    return max(history["val_accuracy"])


mlflow.set_tracking_uri(f"sqlite:///{FOLDER.absolute()}/mlflow.db")
mlflow.set_experiment(experiment_id=mlflow.create_experiment("handwritten", artifact_location=str(FOLDER / "mlruns")))
optuna.logging.set_verbosity(optuna.logging.WARNING)
sampler = optuna.samplers.TPESampler(seed=int(os.environ.get("SEED", "0")))
study = optuna.create_study(direction="maximize", sampler=sampler)
with mlflow.start_run():
    study.optimize(objective, n_trials=16)
print(f"best {study.best_value:.4f}")
