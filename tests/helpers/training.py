"""A small network, and data to fit it to."""

import keras
import numpy as np

from src.config.augmentation import AugmentationConfig
from src.config.dataset import DatasetConfig
from src.config.model import CNN
from src.config.schedule import Constant, ScheduleConfig
from src.config.schema import TrainingConfig
from src.dataset import Dataset, Split, load
from src.model import build
from src.training import Checkpoint, History, Verdict, fit, prepare

GO_ON, STOP, PAUSE = Verdict.GO_ON, Verdict.STOP, Verdict.PAUSE


def split(count: int = 50) -> Split:
    """Images whose brightness tells their class, 0 or 1, and whose corner tells their number."""
    labels = (np.arange(count) % 2).astype("int32")
    images = np.repeat(labels * 200, 16).reshape(count, 4, 4, 1).astype("uint8")
    images[:, 0, 0, 0] = np.arange(count)
    return Split(images, labels)


def data() -> Dataset:
    return Dataset("made", split(64), split(32), None, ("dark", "light"), (1 / 255,), (0.0,))


def network(seed: int = 0, shape: tuple[int, ...] = (4, 4, 1), classes: int = 2) -> keras.Model:
    layers = [keras.Input(shape), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    start = keras.initializers.GlorotUniform(seed)
    dense = keras.layers.Dense(classes, "softmax", kernel_initializer=start)  # pyright: ignore[reportArgumentType]
    return keras.Sequential([*layers, dense])


def train(epochs: int = 4, rate: float = 0.01, metric: str = "val_loss", stop_at: int = 0, **config) -> History:
    prepare("float32", None)
    settings = TrainingConfig(epochs=epochs, batch_size=16, precision="float32", **config)
    optimizer = keras.optimizers.SGD(rate)
    return fit(
        network(),
        optimizer,
        data(),
        settings,
        Constant(),
        metric,
        0,
        lambda epoch, *_: STOP if epoch == stop_at else GO_ON,
    )


AUGMENTED = AugmentationConfig(rotation_range=10.0, width_shift_range=0.1, horizontal_flip=True)
DROPPING = CNN(
    filters=4, depth=1, dropout=0.5, batch_norm=True, l1=0.0, l2=1e-3, kernel_size=3, stride=1, padding="same",
    pooling="max", dense_units=8, spatial_dropout=0.2,
)  # fmt: skip


def train_digits(
    checkpoint: Checkpoint | None, schedule: ScheduleConfig, pause_after: int = 0, optimizer: str = "Adam"
) -> tuple[list, list]:
    """Train with all that is random, and with an optimizer that remembers; return the history and the weights."""
    prepare("float32", 1)
    digits = load(DatasetConfig("digits", limit=200), 0)
    model = build(DROPPING, digits.input_shape, 10, 7, digits.scale, digits.offset)
    settings = TrainingConfig(epochs=5, batch_size=32, precision="float32")
    chosen = getattr(keras.optimizers, optimizer)(0.003)
    ask = lambda epoch, *_: PAUSE if epoch == pause_after else GO_ON  # noqa: E731
    history = fit(model, chosen, digits, settings, schedule, "val_loss", 7, ask, checkpoint, AUGMENTED)
    assert history.paused == bool(pause_after)
    numbers = [[m[name] for name in ("loss", "val_loss", "val_accuracy", "learning_rate")] for m in history.epochs]
    return [numbers, history.best_epoch], [] if pause_after else model.get_weights()
