"""What a trial trains on what: a network on images, or a new head on what a frozen backbone has made of them."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import keras

from src.config.model import Custom
from src.config.pretrained import Pretrained, keeps_features
from src.config.training import RUNNING
from src.model import backbones, build
from src.model.features import load_features
from src.model.pretrained import backbone_of, build_head, build_pretrained
from src.training.checkpoint import Checkpoint
from src.training.finished import copied
from src.training.fit import EpochEnd, Measure, NotCompiled, Verdict, fit, rate_of
from src.training.history import History

if TYPE_CHECKING:
    from src.config import Config
    from src.dataset import Dataset


@dataclass
class Course:
    """What is trained and judged at present.

    Attributes:
        network: takes what `seen` has.
        seen: images, or features in their place.
        whole: returns the network that takes images, with what `network` has learned.
        parameters: of the whole network.
        second: returns the course of a second phase; None where there is none.
    """

    network: keras.Model
    seen: Dataset
    whole: Callable[[], keras.Model]
    parameters: int
    second: Callable[[], Course] | None = None


def plain(network: keras.Model, data: Dataset) -> Course:
    """Return the course of a network that sees images, all of it, in all epochs."""
    return Course(network, data, lambda: network, network.count_params())


def course(config: Config, data: Dataset, seed: int, stop: Callable[[], bool] = lambda: False) -> Course:
    """Build what a config trains: with `model=pretrained` the head first, on features where they can be kept.

    Args:
        config: The whole config; its seed is that of the study.
        data: The images.
        seed: The trial's.
        stop: Asked from time to time, while features are computed, whether to give up.

    Raises:
        Stopped: `stop` said so.
        DatasetError: There is no room for the features.
        ModelError: The backbone cannot be had, or a network of one's own cannot be trained.
    """
    if isinstance(config.model, Pretrained):
        return _transfer(config, config.model, data, seed, stop)
    return plain(build(config.model, data.input_shape, len(data.class_names), seed, data.scale, data.offset), data)


def _transfer(config: Config, settings: Pretrained, data: Dataset, seed: int, stop: Callable[[], bool]) -> Course:
    tunes = config.training.fine_tune_epochs > 0
    shape, classes = data.input_shape, len(data.class_names)
    only_head = settings.trainable == "head"
    if not (keeps_features(settings, config.augmentation) and (only_head or tunes)):
        course = plain(build_pretrained(settings, shape, classes, seed), data)
        course.second = _tuned(course, settings) if tunes else None
        return course
    of_fold = config.dataset.splits > 1
    features = load_features(settings, data, config.augmentation, config.seed, stop, of_fold=of_fold)
    head = build_head(settings, features.data.train.images.shape[1], classes, seed)
    whole = functools.cache(lambda: build_pretrained(settings, shape, classes, seed, head, shared=only_head))
    parameters = features.parameters + head.count_params()
    course = Course(head, features.data, whole, parameters)
    if tunes:
        course.second = lambda: replace(course, second=None) if only_head else plain(whole(), data)
    return course


def _tuned(course: Course, settings: Pretrained) -> Callable[[], Course]:
    """Freeze the backbone for the first phase; return what makes the second one's network.

    It is a copy: the graph of the first is kept for later trials, and must stay as it is.
    """
    backbones.free(backbone_of(course.network), "head")

    def second() -> Course:
        network = copied(course.network)
        network.set_weights(course.network.get_weights())
        backbones.free(backbone_of(network), settings.trainable)
        return plain(network, course.seen)

    return second


def fit_course(
    course: Course,
    optimizer: Callable[[], keras.optimizers.Optimizer],
    config: Config,
    metric: str,
    seed: int,
    on_epoch_end: EpochEnd,
    checkpoint: Checkpoint,
    measure: Callable[[Dataset], Measure | None],
) -> tuple[Course, History]:
    """Train in one phase or two; return the course that the training ended with, and its history.

    The second phase begins with the best epoch's weights of the first, another optimizer, and its own schedule.

    Args:
        course: What is trained on what.
        optimizer: Makes one, with the learning rate of the first phase.
        config: The whole config.
        metric, seed, on_epoch_end, checkpoint: As for `fit`.
        measure: Returns what measures more, on such data, after each epoch.

    Raises:
        Diverged: The loss became NaN or infinite.
    """
    training = config.training
    # Layers of one's own are left as they are: nobody knows what else they do with their averages.
    statistics = RUNNING if isinstance(config.model, Custom) else training.norm_statistics

    def phase(course: Course, epochs: int, rate: float, ask: EpochEnd, before: History | None = None) -> History:
        augmentation = config.augmentation if course.seen.train.images.ndim == 4 else None

        def fitted(jit_compile: bool | str) -> History:
            chosen = optimizer()
            if rate != 1:
                chosen.learning_rate = rate * rate_of(chosen)
            settings = replace(training, epochs=epochs, jit_compile=jit_compile, norm_statistics=statistics)
            return fit(
                course.network, chosen, course.seen, settings, config.schedule, metric, seed, ask,
                checkpoint, augmentation, measure(course.seen), before,
            )  # fmt: skip

        try:
            return fitted(training.jit_compile)
        except NotCompiled as error:
            said = str(error.__cause__).splitlines()
            what = next((line for line in said if "unsupported" in line), said[-1])[:300]
            logging.getLogger(__name__).warning("the model is trained without XLA, which cannot compile it: %s", what)
            return fitted(False)

    if course.second is None:
        return course, phase(course, training.epochs, 1.0, on_epoch_end)
    random_states = _random_states(course.network)
    started = [keras.ops.convert_to_numpy(state) for state in random_states]
    history = checkpoint.peek()
    if history is None or not history.first_phase:
        verdicts: list[Verdict] = []

        def ask(epoch: int, metrics: dict[str, float], last: bool) -> Verdict:
            verdicts.append(on_epoch_end(epoch, metrics, False))
            return verdicts[-1]

        history = phase(course, training.epochs, 1.0, ask)
        if history.paused or verdicts[-1:] == [Verdict.STOP]:
            return course, history
        history.first_phase = len(history.epochs)
    for state, value in zip(random_states, started, strict=True):
        state.assign(value)  # whichever model was fitted in place of this one: the same dropout as after a pause
    second = course.second()
    epochs = history.first_phase + training.fine_tune_epochs
    return second, phase(second, epochs, training.fine_tune_rate, on_epoch_end, history)


def _random_states(network: keras.Model) -> list[keras.Variable]:
    weights = {id(weight) for weight in network.weights}
    return [variable for variable in network.variables if id(variable) not in weights]
