"""A network of one's own: what its function returns, checked, between the scaling of the pixels and probabilities."""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras.src.utils.rng_utils import get_random_seed

from src.config.build import make_arguments
from src.config.own_model import Custom, folder
from src.model import randomness
from src.model.own_code import settings_kept
from src.model.own_kept import in_words

TOLERANCE = 0.02  # of the sum of an image's probabilities, which half precision rounds
STEPS = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics")  # Keras calls the outer model's

_told: set[tuple[str, str]] = set()  # what has been said of which function: a word is enough


class ModelError(Exception):
    """A network of one's own that cannot be trained; the message says what is wrong with it."""


def build_own(
    config: Custom,
    input_shape: tuple[int, int, int],
    classes: int,
    seed: int,
    scale: Sequence[float] | None,
    offset: Sequence[float] | None,
) -> keras.Model:
    """Call the function, and return its model as one that takes raw pixels and gives float32 probabilities.

    What draws without a seed of its own draws by `seed`.

    Raises:
        ModelError: There is no such function, or it returns something else.
        Exception: What the function raises.
    """
    with _settings_kept(config, "its module"):
        function = _function(config)
    with _settings_kept(config, "it"):
        return _built(config, function, input_shape, classes, seed, scale, offset)


def _built(
    config: Custom,
    function: Callable[..., Any],
    input_shape: tuple[int, int, int],
    classes: int,
    seed: int,
    scale: Sequence[float] | None,
    offset: Sequence[float] | None,
) -> keras.Model:
    keras.utils.set_random_seed(seed)
    own = function(input_shape=input_shape, classes=classes, **make_arguments(config.arguments))
    if not isinstance(own, keras.Model):
        raise ModelError(_wrong(config, "return a Keras model", f"{type(own).__name__} from {config.build}"))
    if get_random_seed() != seed:
        _tell(config, "sets the random seed itself: its trials begin with the same weights; take that out")
    _check_steps(config, own)
    own.compiled = False  # an optimizer that trains nothing would be saved with it, and could not be read back
    images = keras.Input(input_shape, dtype="float32", name="images")
    pixels = images
    if scale is not None:
        factor: Any = list(scale)
        shift: Any = list(offset or [0.0] * len(scale))
        pixels = keras.layers.Rescaling(factor, shift, dtype="float32", name="rescaling")(images)
    try:
        outputs = own(_as_taken(own, pixels))
    except Exception as error:
        raise ModelError(_wrong(config, f"return a model of images {input_shape}", in_words(error))) from error
    answer: Any = _only(outputs)
    shape = getattr(answer, "shape", None)
    if shape is None or tuple(shape) != (None, classes):
        shown = f"{len(answer)} outputs" if isinstance(answer, list | tuple | dict) else f"the shape {shape}"
        expected = f"return a model that gives probabilities, of the shape (None, {classes})"
        several = isinstance(answer, list | tuple | dict)
        instead = "the one of probabilities alone" if several else f"Dense({classes}, activation='softmax')"
        raise ModelError(_wrong(config, expected, shown, instead))
    if keras.backend.standardize_dtype(answer.dtype) != "float32":
        answer = keras.layers.Activation("linear", dtype="float32", name="float32")(answer)
    # Graphs are told apart by what a model says of itself. A class from elsewhere may leave something out, but not
    # what its function was given.
    given = json.dumps([config.build, config.arguments], sort_keys=True, default=str)
    model = keras.Model(images, answer, name=f"{config.name}_{hashlib.sha1(given.encode()).hexdigest()[:8]}")
    _check_probabilities(config, model, classes)
    if (said := randomness.note(model)) is not None:
        _tell(config, said)
    return model


def _only(outputs: Any) -> Any:
    """Return the one output of `Model(images, [probabilities])`, or of a dictionary in its place."""
    if isinstance(outputs, list | tuple | dict) and len(outputs) == 1:
        return next(iter(outputs.values() if isinstance(outputs, dict) else outputs))
    return outputs


def _as_taken(own: keras.Model, pixels: Any) -> Any:
    """Return the pixels as `Model([images], ...)`, or a dictionary in its place, wants them."""
    taken = getattr(own, "_inputs_struct", None)
    if isinstance(taken, dict) and len(taken) == 1:
        return dict.fromkeys(taken, pixels)
    return [pixels] if isinstance(taken, list | tuple) and len(taken) == 1 else pixels


def _tell(config: Custom, said: str) -> None:
    """Say something of a function, once."""
    if (config.build, said) not in _told:
        _told.add((config.build, said))
        logging.getLogger(__name__).warning("%s %s", config.build, said)


@contextmanager
def _settings_kept(config: Custom, who: str) -> Iterator[None]:
    """Put Keras's own settings back as they were: what the first trial of a process imports, no later one does."""
    before = keras.config.dtype_policy().name
    with settings_kept():
        yield
        after = keras.config.dtype_policy().name
    if after != before:
        kept = "its layers compute in it all the same" if who == "it" else "it is put back"
        said = f"sets the dtype policy {after}, where training.precision={before}: {kept}; take that out, and "
        _tell(config, f"{said}type training.precision={after}")


def _function(config: Custom) -> Callable[..., Any]:
    """Import the function; modules are looked for where the command was typed, too."""
    if str(folder()) not in sys.path:
        sys.path.insert(0, str(folder()))
    parts = config.build.split(".")
    for count in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:count])
        try:
            found: Any = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
                continue  # a part of the path is a class
            raise ModelError(_failed(config, name, error)) from error
        except Exception as error:
            raise ModelError(_failed(config, name, error)) from error
        try:
            for part in parts[count:]:
                found = getattr(found, part)
        except AttributeError:
            break
        return found
    raise ModelError(_wrong(config, "be a function that returns a Keras model", f"{config.build}, which is not there"))


def _failed(config: Custom, module: str, error: Exception) -> str:
    said = " ".join(str(error).split())
    return f"`model.{config.key}`: {module} fails while it is imported: {type(error).__name__}: {said}"


def _wrong(config: Custom, expected: str, got: str, instead: str = "") -> str:
    return f"`model.{config.key}` must {expected}, got {got}" + (f"; end it with {instead}" if instead else "")


def _check_steps(config: Custom, own: keras.Model) -> None:
    """Refuse a model that trains in a way of its own, which would never be called: it is a layer of the one trained."""
    kinds = type(own).__mro__
    definers = {name: next(kind for kind in kinds if name in vars(kind)) for name in STEPS}
    ways = [name for name, kind in definers.items() if kind.__module__.partition(".")[0] != "keras"]
    if ways:
        expected = "return a model that trains as Keras's own do"
        got = f"{type(own).__name__} with {', '.join(ways)} of its own, never called here"
        instead = "put noise and augmentation into layers, further losses into add_loss, and take the rest out"
        raise ModelError(f"{_wrong(config, expected, got)}; {instead}, or search from a script of your own")


def _check_probabilities(config: Custom, model: keras.Model, classes: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, *model.input_shape[1:]), np.uint8)
    given = np.asarray(keras.ops.convert_to_numpy(model(noise, training=False)))
    sums = given.sum(axis=1)
    if np.isfinite(given).all() and (given.min() < 0 or (np.abs(sums - 1) > TOLERANCE).any()):
        shown = ", ".join(f"{value:.3g}" for value in given[0][:3])
        expected = "return a model that gives probabilities, which add up to 1"
        raise ModelError(_wrong(config, expected, f"{shown}, ...", f"Dense({classes}, activation='softmax')"))
