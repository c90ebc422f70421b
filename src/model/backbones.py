"""Backbones: networks that have seen ImageNet, without their last layer, with their own way to look at pixels."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import keras

from src.config.backbones import BACKBONES, LITE
from src.config.pretrained import Pretrained, weights_file
from src.dataset import cache
from src.model import torch_file
from src.model.efficientnet_lite import WrongWeights, efficientnet_lite0, set_torch_weights
from src.model.own import ModelError

KEPT = 2  # backbones that a process keeps for its later trials; that of MobileNetV2 takes 9 MB
# Factor and term of each channel, RGB: what `preprocess_input` of each of Keras's modules does to pixels from 0 to 255.
_DEVIATIONS, _MEANS = (0.229, 0.224, 0.225), (0.485, 0.456, 0.406)
PIXELS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "raw": ((1.0,) * 3, (0.0,) * 3),
    "lite": ((1 / 128,) * 3, (-127 / 128,) * 3),
    "tf": ((1 / 127.5,) * 3, (-1.0,) * 3),
    "torch": (
        tuple(1 / 255 / deviation for deviation in _DEVIATIONS),
        tuple(-mean / deviation for mean, deviation in zip(_MEANS, _DEVIATIONS, strict=True)),
    ),
    "caffe": ((1.0,) * 3, (-123.68, -116.779, -103.939)),  # then BGR
}

_frozen: OrderedDict[str, keras.Model] = OrderedDict()


def prepared(images: Any, name: str) -> Any:
    """Turn raw pixels [B, H, W, 1 or 3] into what a backbone was trained on, by layers of Keras's alone."""
    x = images if images.shape[-1] == 3 else keras.layers.Concatenate(name="colours")([images] * 3)
    how = BACKBONES[name].pixels
    if how == "raw":
        return x
    factors, terms = PIXELS[how]
    scale: Any = list(factors)
    offset: Any = list(terms)
    x = keras.layers.Rescaling(scale, offset, dtype="float32", name="pixels")(x)
    return keras.ops.flip(x, axis=-1) if how == "caffe" else x


def frozen(config: Pretrained, height: int, width: int) -> keras.Model:
    """Return a backbone that stays as it is, the same one as before if this process has it."""
    key = json.dumps([config.backbone, weights_digest(config), height, width, keras.config.dtype_policy().name])
    if key not in _frozen:
        _frozen[key] = load(config, height, width, 0)
        _frozen[key].trainable = False
    _frozen.move_to_end(key)
    while len(_frozen) > KEPT:
        _frozen.popitem(last=False)
    return _frozen[key]


def own(config: Pretrained, height: int, width: int, seed: int) -> keras.Model:
    """Return a backbone that may learn, all of whose layers have the same names each time: so graphs are used again."""
    if config.weights is None:
        return load(config, height, width, seed)
    start = frozen(config, height, width)
    network: Any = keras.models.clone_model(start)
    network.set_weights(start.get_weights())
    return network


def load(config: Pretrained, height: int, width: int, seed: int) -> keras.Model:
    """Make a backbone with its weights; random ones come from the seed.

    Raises:
        ModelError: The weights are another network's, or cannot be had.
    """
    keras.utils.set_random_seed(seed)
    shape = (height, width, 3)
    try:
        if config.backbone != LITE:
            return _steady(_of_keras(config, shape))
        network, file = efficientnet_lite0(shape), weights_file(config)
        if file is not None:
            if file.suffix in (".pth", ".pt"):
                set_torch_weights(network, torch_file.read(file))
            else:
                _read(network, file)
        return network
    except (ImportError, OSError, ValueError, KeyError, IndexError, AttributeError, WrongWeights) as error:
        raise ModelError(_refusal(config, error)) from error


def _of_keras(config: Pretrained, shape: tuple[int, int, int]) -> keras.Model:
    make = getattr(keras.applications, config.backbone)
    file = weights_file(config)
    given = {"include_top": False, "input_shape": shape}
    if config.weights != "imagenet":
        network = make(weights=None, **given)
        if file is not None:
            _read(network, file)
        return network
    with cache.lock(cache.default_folder()):  # workers that download one file at once would spoil it
        try:
            return make(weights="imagenet", **given)
        except Exception as error:  # Keras raises a plain one without a net
            raise ModelError(
                f"`model.weights` must be a file, or null, where Keras cannot download {config.backbone}'s, got "
                f"imagenet: {_line(error)}; type e.g. model.backbone={LITE}, whose weights are a package"
            ) from error


def _read(network: keras.Model, file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what does not fit: the error that follows says it
        network.load_weights(file)


def _refusal(config: Pretrained, error: Exception) -> str:
    return (
        f"`model.weights` must be a file of {config.backbone}'s weights without its last layer, got {config.weights}: "
        f"{_misfit(str(error)) or _line(error)}; type e.g. model.weights=imagenet"
    )


def _misfit(said: str) -> str | None:
    """Return what does not fit, where Keras says so in the midst of much else."""
    example = re.search(r"for object <\w+ name=([^,>]+)[^>]*>:\s*(.*?)(?:\.\s|$)", said, re.DOTALL)
    shapes = re.search(r"variable\.shape=(\([^)]*\)).*?value\.shape=(\([^)]*\))", said, re.DOTALL)
    if example and shapes:
        return f"its layer {example[1]} has weights of shape {shapes[1]}, and the file of {shapes[2]}"
    return " ".join(example[2].split()) if example else None


def _line(error: Exception) -> str:
    """Return the beginning of what may be many lines."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= 200 else f"{said[:200]}..."


def weights_digest(config: Pretrained) -> str:
    """Tell weights apart: by the content of their file, or by Keras's name and version."""
    file = weights_file(config)
    if file is None:
        return f"{config.weights} {keras.__version__}"
    status = file.stat()
    return _digest(str(file), status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _digest(file: str, *_: int) -> str:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def free(backbone: keras.Model, trainable: Any) -> None:
    """Let the last blocks of a backbone learn: `head` for none, `all`, or so many.

    Its batch normalization never does, which also keeps it in inference mode: Keras tells all layers of a model that it
    trains that they train, whatever they were called with.
    """
    for layer in [*backbone._flatten_layers(include_self=False), backbone]:  # each: a copy's setter stops at itself
        layer.trainable = trainable != "head"
    if isinstance(trainable, int):
        held = blocks(backbone)
        for layer in [layer for block in held[: max(0, len(held) - trainable)] for layer in block]:
            layer.trainable = False
    for layer in backbone._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def _steady(backbone: keras.Model) -> keras.Model:
    """Leave nothing to chance in a backbone: its features are the same in training as ever."""
    for layer in backbone._flatten_layers(include_self=False):
        for rate in ("rate", "drop_path_rate"):  # of Keras's dropout, of ConvNeXt's
            if hasattr(layer, rate):
                setattr(layer, rate, 0.0)
    return backbone


def blocks(backbone: keras.Model) -> list[list[keras.Layer]]:
    """Cut a network where a single tensor carries everything, and branches have met or the maps change their size.

    Each block has weights. These are the residual blocks of ResNets, the inception modules, VGG's five blocks.
    """
    layers = list(backbone.layers)  # none before those that it is fed by
    position = {id(layer): i for i, layer in enumerate(layers)}
    last_use = [0] * len(layers)
    for i, layer in enumerate(layers):
        for node in layer._inbound_nodes:
            for parent in node.parent_nodes:
                if (place := position.get(id(parent.operation))) is not None:
                    last_use[place] = max(last_use[place], i)
    found: list[list[keras.Layer]] = [[]]
    for i, layer in enumerate(layers):
        found[-1].append(layer)
        alone = all(last_use[before] <= i for before in range(i)) and i + 1 < len(layers)
        if alone and any(part.weights for part in found[-1]) and (_joins(layer) or _resizes(layer, layers[i + 1])):
            found.append([])
    if not any(layer.weights for layer in found[-1]) and len(found) > 1:
        last = found.pop()
        found[-1] += last
    return found


def _joins(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.layers.Add | keras.layers.Concatenate)


def _resizes(layer: keras.Layer, following: keras.Layer) -> bool:
    shapes = [getattr(one.output, "shape", ()) for one in (layer, following)]
    return all(len(shape) == 4 for shape in shapes) and shapes[0][1:3] != shapes[1][1:3]
