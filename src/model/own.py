"""A network of one's own: what its function returns, checked, between the scaling of the pixels and probabilities."""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from src.config.build import make_arguments
from src.config.own_model import Custom, folder
from src.model import randomness

TOLERANCE = 0.02  # of the sum of an image's probabilities, which half precision rounds
STEPS = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics")  # Keras calls the outer model's

_told: set[str] = set()  # functions whose networks draw without a seed: a word about each is enough


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
    function = _function(config)
    keras.utils.set_random_seed(seed)
    own = function(input_shape=input_shape, classes=classes, **make_arguments(config.arguments))
    if not isinstance(own, keras.Model):
        raise ModelError(_wrong(config, "return a Keras model", f"{type(own).__name__} from {config.build}"))
    _check_steps(config, own)
    own.compiled = False  # an optimizer that trains nothing would be saved with it, and could not be read back
    images = keras.Input(input_shape, dtype="float32", name="images")
    pixels = images
    if scale is not None:
        factor: Any = list(scale)
        shift: Any = list(offset or [0.0] * len(scale))
        pixels = keras.layers.Rescaling(factor, shift, dtype="float32", name="rescaling")(images)
    try:
        outputs = own(pixels)
    except Exception as error:
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(_wrong(config, f"return a model of images {input_shape}", said)) from error
    shape = getattr(outputs, "shape", None)
    if shape is None or tuple(shape) != (None, classes):
        shown = f"{len(outputs)} outputs" if isinstance(outputs, list | tuple | dict) else f"the shape {shape}"
        expected = f"return a model that gives probabilities, of the shape (None, {classes})"
        raise ModelError(_wrong(config, expected, shown, f"Dense({classes}, activation='softmax')"))
    if keras.backend.standardize_dtype(outputs.dtype) != "float32":
        outputs = keras.layers.Activation("linear", dtype="float32", name="float32")(outputs)
    # Graphs are told apart by what a model says of itself. A class from elsewhere may leave something out, but not
    # what its function was given.
    given = json.dumps([config.build, config.arguments], sort_keys=True, default=str)
    model = keras.Model(images, outputs, name=f"{config.name}_{hashlib.sha1(given.encode()).hexdigest()[:8]}")
    _check_probabilities(config, model, classes)
    said = randomness.note(model)
    if said is not None and config.build not in _told:
        _told.add(config.build)
        logging.getLogger(__name__).warning("%s %s", config.build, said)
    return model


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
