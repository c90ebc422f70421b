"""Settings of the group `model`: one dataclass an architecture, and the values that each key takes.

The values themselves stand in `conf/model/*.yaml`; here are their names, types and limits. Nothing here
imports Keras, so that a wrong value is answered in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from src.config import own_model, pretrained
from src.config.own_model import Custom
from src.config.pretrained import Pretrained

if TYPE_CHECKING:
    from hydra.core.config_store import ConfigStore


@dataclass(kw_only=True)
class ModelConfig:
    """What every architecture has. Widths grow in proportion to `filters`, the width of the first block."""

    name: str
    filters: int  # width of the first block
    depth: int  # layers or blocks
    dropout: float  # in the classifier
    batch_norm: bool  # after every hidden convolution and dense layer
    l1: float  # of every kernel: adds l1 * sum(|w|) to the loss
    l2: float  # of every kernel: adds l2 * sum(w^2) to the loss

    @property
    def any_size(self) -> bool:
        """Whether the classifier comes after a global pooling, so that images of any size have the same weights."""
        return False


@dataclass(kw_only=True)
class CNN(ModelConfig):
    """`depth` blocks of convolution and pooling, then a classifier with one hidden layer."""

    name: str = "cnn"
    kernel_size: int  # of the convolutions, pixels a side
    stride: int  # of the convolutions
    padding: str  # of the convolutions: same or valid
    pooling: str  # max, average or none
    dense_units: int  # of the hidden layer; 0 leaves it out
    spatial_dropout: float  # of whole feature maps, after each block


@dataclass(kw_only=True)
class MLP(ModelConfig):
    """`depth` hidden layers of `dense_units` units; `filters` only gives `dense_units` its default."""

    name: str = "mlp"
    dense_units: int  # of each hidden layer


@dataclass(kw_only=True)
class AlexNet(ModelConfig):
    """Five convolutions and three dense layers; depth 7 and 6 leave out middle convolutions."""

    name: str = "alexnet"
    stem: str  # small or published


@dataclass(kw_only=True)
class VGG(ModelConfig):
    """Five blocks of 3x3 convolutions, then three dense layers (one hidden layer with the small stem)."""

    name: str = "vgg"
    stem: str  # small or published

    @property
    def any_size(self) -> bool:
        return self.stem == "small"


@dataclass(kw_only=True)
class Inception(ModelConfig):
    """GoogLeNet; a smaller depth leaves out inception modules."""

    name: str = "inception"
    stem: str  # small or published

    @property
    def any_size(self) -> bool:
        return True


@dataclass(kw_only=True)
class ResNet(ModelConfig):
    """Residual stages of basic (18, 34) or bottleneck blocks (50, 101, 152)."""

    name: str = "resnet"
    stem: str  # small or published

    @property
    def any_size(self) -> bool:
        return True


@dataclass(kw_only=True)
class Airbench(ModelConfig):
    """A whitening layer, then three groups of two (depth 8) or three (11) convolutions."""

    name: str = "airbench"
    bias_scale: float  # how many times as fast as all else the biases of the normalizations learn, under SGD

    @property
    def any_size(self) -> bool:
        return True


ARCHITECTURES: tuple[type[ModelConfig], ...] = (CNN, MLP, AlexNet, VGG, Inception, ResNet, Airbench)


def register(store: ConfigStore) -> None:
    """Store each schema as `schemas/model/<name>`, for the defaults list of `conf/model/<name>.yaml`."""
    for schema in ARCHITECTURES:
        name = schema.__name__.lower()
        store.store(group="schemas/model", name=name, node=schema)
    own_model.register(store)
    pretrained.register(store)


def read(group: Any) -> ModelConfig | Custom | Pretrained:
    """Return the group `model` as a dataclass: what has a schema is one already, a network of one's own is a dict."""
    return Custom.of(group) if isinstance(group, dict) else group


@dataclass(frozen=True)
class _Rule:
    """The values that a key takes: a test, its wording, and a value near a wrong one that passes."""

    holds: Callable[[Any], bool]
    expected: str
    near: Callable[[Any], object]


def _one_of(*options: Any) -> _Rule:
    def near(value: Any) -> object:
        numeric = isinstance(value, int | float) and isinstance(options[0], int)
        return min(options, key=lambda option: abs(option - value)) if numeric else options[0]

    return _Rule(lambda value: value in options, f"one of {', '.join(map(str, options))}", near)


def _at_least(low: float, example: float) -> _Rule:
    # The upper limit refuses infinity; a NaN fails every comparison.
    return _Rule(lambda value: low <= value < float("inf"), f"a number from {low} up", lambda _: example)


_FRACTION = _Rule(lambda value: 0 <= value < 1, "at least 0 and below 1", lambda _: 0.25)
_STEM = _one_of("small", "published")

_RULES: dict[str, _Rule] = {
    "filters": _at_least(1, 32),
    "dropout": _FRACTION,
    "l1": _at_least(0, 1e-5),
    "l2": _at_least(0, 1e-4),
    "kernel_size": _at_least(1, 3),
    "stride": _at_least(1, 1),
    "padding": _one_of("same", "valid"),
    "pooling": _one_of("max", "average", "none"),
    "spatial_dropout": _FRACTION,
    "stem": _STEM,
    "cnn.depth": _at_least(1, 2),
    "cnn.dense_units": _at_least(0, 128),
    "mlp.depth": _at_least(1, 2),
    "mlp.dense_units": _at_least(1, 128),
    "alexnet.filters": _at_least(2, 48),  # half of them in each tower
    "alexnet.depth": _one_of(6, 7, 8),
    "vgg.depth": _one_of(11, 13, 16, 19),
    "inception.depth": _one_of(10, 14, 18, 22),
    "resnet.depth": _one_of(18, 34, 50, 101, 152),
    "airbench.depth": _one_of(8, 11),
    "bias_scale": _at_least(1, 64),
}


def check(config: ModelConfig | Custom | Pretrained) -> list[str]:
    """List what is wrong with the values of `config`, a line each: key, expected, got, what to type instead."""
    if isinstance(config, Custom):
        return own_model.check(config)
    if isinstance(config, Pretrained):
        return pretrained.check(config)
    architecture = type(config).__name__.lower()
    if config.name != architecture:
        return [f"`model.name` must be {architecture}, got {config.name}; type e.g. model={config.name}"]
    problems = []
    for key in (field.name for field in fields(config)):
        rule = _RULES.get(f"{architecture}.{key}") or _RULES.get(key)
        value = getattr(config, key)
        if rule is not None and not rule.holds(value):
            instead = f"type e.g. model.{key}={rule.near(value)}"
            problems.append(f"`model.{key}` must be {rule.expected}, got {value}; {instead}")
    return problems


def check_sizes(config: ModelConfig | Custom, sizes: object) -> list[str]:
    """Return why a network cannot be trained on images of other sizes; of one's own it is seen when it is built."""
    if sizes is None or getattr(config, "any_size", True):
        return []
    instead = "model.stem=small" if config.name == "vgg" else "model=resnet"
    why = "which has no global pooling before its dense layers and so takes images of one size"
    if config.name == "pretrained":
        why = "whose backbone is built for images of one size"
    return [
        f"`training.progressive_resizing` must be null with model={config.name}, {why}, got {sizes}; "
        f"type e.g. {instead}"
    ]
