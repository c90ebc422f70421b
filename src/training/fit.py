import functools
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any
from zlib import crc32

import keras
import numpy as np

from src.augmentation import augmented, expanded
from src.config.augmentation import AugmentationConfig
from src.config.objective import direction
from src.config.schedule import Cosine, OneCycle, Plateau, ScheduleConfig, Triangle
from src.config.training import EPOCH, TrainingConfig
from src.dataset import Dataset
from src.model import whiten
from src.training.averages import Averages
from src.training.backend import uses_xla
from src.training.batches import evaluation_batches, training_batches
from src.training.checkpoint import Checkpoint
from src.training.history import History
from src.training.losses import encoded, make_loss
from src.training.norms import Norms
from src.training.resizing import Resize, size_in
from src.training.schedule import rate_after, rate_by_step
from src.training.traced import compiled
from src.training.weights import class_weights


class Verdict(Enum):
    """What becomes of a training run after an epoch."""

    GO_ON = "go on"
    STOP = "stop"  # for good
    PAUSE = "pause"  # to go on another time, from a checkpoint


# Called with the epoch, from 1, its metrics, and whether it is the last in any case.
EpochEnd = Callable[[int, dict[str, float], bool], Verdict]
# Returns more metrics of the model after an epoch, a number from 1.
Measure = Callable[[keras.Model, int], dict[str, float]]


class Diverged(Exception):
    """The loss is not a finite number."""


class NotCompiled(Exception):
    """XLA, which nobody asked for by name, cannot compile the first step: nothing has been trained yet."""


def fit(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    data: Dataset,
    config: TrainingConfig,
    schedule: ScheduleConfig,
    metric: str,
    seed: int,
    on_epoch_end: EpochEnd,
    checkpoint: Checkpoint | None = None,
    augmentation: AugmentationConfig | None = None,
    measure: Measure | None = None,
    before: History | None = None,
) -> History:
    """Train the model and leave it with the weights of its best epoch by `metric`; `finished` makes it one to keep.

    A run that finds its checkpoint goes on from there, and gives what an unbroken one would.

    Args:
        model: Takes `data`'s images, gives probabilities [B, classes].
        optimizer: Its learning rate, a number, is what `schedule` changes; a schedule in it goes with `Constant`.
        data: What to train and to validate on.
        config: Epochs, batch size and the like.
        schedule: One of the dataclasses of `src.config.schedule`.
        metric: The name of a metric that is known after an epoch: one of Keras's, or of `measure`'s.
        seed: Of the order of the images and what else is drawn in an epoch.
        on_epoch_end: Called after each epoch.
        checkpoint: Where the run's state is kept from time to time, and when it pauses.
        augmentation: What is done to the training images; None for nothing.
        measure: What more is to be known of the model after each epoch.
        before: A first phase, which this one follows; the model has the weights of its best epoch.

    Everything random depends on the seed and the epoch alone, given the model's own seeds.

    Raises:
        Diverged: The loss became NaN or infinite.
        NotCompiled: XLA was this function's choice, and fails.
    """
    started = time.perf_counter()
    whiten(model, data)
    classes, augmentation = len(data.class_names), augmentation or AugmentationConfig()
    resize = Resize() if config.progressive_resizing is not None else None
    # Other numbers than those that the epochs' orders come from.
    drawn = int(np.random.SeedSequence([seed, crc32(b"augmentation")]).generate_state(1)[0] >> 1)
    train, streamed = data.train, augmentation
    if augmentation.on and augmentation.mode == "expand":
        train, streamed = expanded(train, augmentation, drawn, data.white), AugmentationConfig()
    phase = config.epochs - (before.first_phase if before else 0)
    steps = phase * -(-len(train.images) // config.batch_size)
    xla, fitted = uses_xla(config.jit_compile, steps), model
    if resize is not None or streamed.warps or streamed.recolours or streamed.mixes:
        fitted = augmented(model, streamed, drawn, data.white, resize, xla)
    train, validation = (encoded(split, classes, config, augmentation.mixes) for split in (train, data.validation))
    augmenting = time.perf_counter() - started
    rate = rate_of(optimizer)
    if isinstance(schedule, Cosine | OneCycle | Triangle):
        optimizer.learning_rate = rate_by_step(schedule, rate, steps)
    keras.utils.set_random_seed(seed)
    plateau = functools.partial(rate_after, schedule, rate) if isinstance(schedule, Plateau) else None
    settle = functools.partial(Norms, images=len(train.images), batch_size=config.batch_size)
    settles = config.norm_statistics == EPOCH and settle(fitted).is_needed
    watched = settles and settle(fitted).sees_steps  # one by one: then no steps in a row are handed over
    loss = make_loss(train.labels, config)
    with compiled(fitted, optimizer, loss, 0 if watched else steps, xla) as traced:
        kept = checkpoint or Checkpoint(None)
        follower = _Follower(traced, metric, config, plateau, on_epoch_end, kept, measure, before)
        follower.history.fit_seconds += augmenting
        first = len(follower.history.epochs)
        if not follower.is_over:  # as after a pause between two phases
            batches = training_batches(
                train, config.batch_size, seed, first, config.balanced_batches, augmentation.alternating_flip
            )
            with _choosing_xla(traced, xla and config.jit_compile == "auto"):
                traced.fit(
                    batches,
                    initial_epoch=first,
                    epochs=config.epochs,
                    validation_data=evaluation_batches(validation),
                    class_weight=class_weights(train.labels, classes, config.class_weight),  # pyright: ignore[reportArgumentType]
                    callbacks=[follower, *([settle(traced)] if settles else [])],
                    shuffle=False,
                    verbose=0,  # pyright: ignore[reportArgumentType]
                )
        if follower.diverged:
            raise Diverged(follower.diverged)
    if not follower.history.paused:
        model.set_weights(follower.best_weights)
        follower.tick()
    return follower.history


@contextmanager
def _choosing_xla(model: keras.Model, chosen: bool) -> Iterator[None]:
    """Tell an operation that XLA does not know from what goes wrong in a training that has begun."""
    steps = model.optimizer.iterations
    before = int(np.asarray(steps))
    try:
        yield
    except Exception as error:
        if chosen and type(error).__module__.startswith("tensorflow.") and int(np.asarray(steps)) == before:
            raise NotCompiled from error
        raise


def rate_of(optimizer: keras.optimizers.Optimizer) -> float:
    """Return an optimizer's learning rate, in the next step."""
    return float(np.asarray(keras.ops.convert_to_numpy(optimizer.learning_rate)))


class _Follower(keras.callbacks.Callback):
    """Keeps the history and the best weights, and asks after each epoch whether to go on."""

    def __init__(
        self,
        model: keras.Model,
        metric: str,
        config: TrainingConfig,
        plateau: Callable[[list[float]], float] | None,
        on_epoch_end: EpochEnd,
        checkpoint: Checkpoint,
        measure: Measure | None,
        before: History | None,
    ) -> None:
        super().__init__()
        self._network, self._metric, self._config = model, metric, config
        self._plateau, self._ask, self._checkpoint = plateau, on_epoch_end, checkpoint
        self._measure = measure
        self._averages = Averages(model)
        self._sign = 1.0 if direction(metric) == "maximize" else -1.0
        loaded = checkpoint.load(model, before.first_phase if before else 0)
        begun = (before, model.get_weights()) if before else (History(), [])
        self.history, self.best_weights = loaded or begun
        self.history.paused = False
        self.diverged = ""
        self._ticked = time.perf_counter()

    def tick(self) -> None:
        """Count the time since the last call as spent on the training."""
        now = time.perf_counter()
        self.history.fit_seconds += now - self._ticked
        self._ticked = now

    @property
    def is_over(self) -> bool:
        """Whether the phase has no more epochs: all are done, or it has not got better for long enough."""
        history, patience = self.history, self._config.early_stopping
        stale = patience is not None and history.stale(self._metric, self._sign) >= patience
        return stale or len(history.epochs) >= self._config.epochs

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._started = time.perf_counter()
        if self._plateau is not None:
            losses = [metrics["val_loss"] for metrics in self.history.epochs[self.history.first_phase :]]
            self._network.optimizer.learning_rate = self._plateau(losses)
        if self._config.progressive_resizing is not None:
            resize: Any = self._network.get_layer("resize")
            resize.set(*size_in(epoch, self._config, *self._network.input_shape[1:3]))

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        # Of the validation after an epoch. They are there until its end, which measures and keeps them.
        self._averages.put_in()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        metrics["learning_rate"] = rate_of(self._network.optimizer)
        metrics["epoch_seconds"] = time.perf_counter() - self._started
        if not math.isfinite(metrics["loss"]):
            self.diverged = f"the loss became {metrics['loss']} in epoch {epoch + 1}"
            self._network.stop_training = True
            return
        if self._measure is not None:
            metrics |= self._measure(self._network, epoch + 1)
        history = self.history
        if history.add(metrics, self._metric, self._sign):
            self.best_weights = self._network.get_weights()
        last = self.is_over
        verdict = self._ask(epoch + 1, metrics, last)
        self._averages.take_out()
        self.tick()
        if verdict is Verdict.PAUSE or (verdict is Verdict.GO_ON and not last and self._checkpoint.due()):
            self._checkpoint.save(self._network, history, self.best_weights)
        history.paused = verdict is Verdict.PAUSE
        # Setting the flag, rather than raising, lets Keras finish the epoch and keep its state in order.
        self._network.stop_training = last or verdict is not Verdict.GO_ON
