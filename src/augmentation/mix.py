"""MixUp and CutMix: images and labels of a batch mixed with each other's.

MixUp: Zhang, Cisse, Dauphin, Lopez-Paz (2018). CutMix: Yun et al. (2019), with rectangles of whole pixels within the
image, so that a label says to the pixel what is to be seen; Keras's counts parts of pixels that it does not show.
"""

from dataclasses import asdict, dataclass
from typing import Any

import keras

from src.augmentation.seeds import seed_of
from src.config.augmentation import AugmentationConfig

ops: Any = keras.ops  # their type hints say that any of them may return None


@dataclass(frozen=True)
class Plan:
    """How the images of a batch are mixed.

    Attributes:
        partner: int32 [B], the image that each is mixed with.
        share: float32 [B], of the image's own label.
        own: float32 [B, H, W, 1] or [B, 1, 1, 1], the weight of the image's own pixels.
    """

    partner: Any
    share: Any
    own: Any

    def images(self, images: Any) -> Any:
        """Return mixed images, float32 [B, H, W, C]."""
        return self.own * images + (1 - self.own) * ops.take(images, self.partner, axis=0)

    def labels(self, labels: Any, weights: Any = None) -> tuple[Any, Any]:
        """Return mixed labels [B, classes] of one-hot ones, and the weights of images in the loss.

        A loss that is linear in the labels, as crossentropy is with its smoothing and focal, becomes that of both
        labels in their shares, each by the weight of its own image.
        """
        others = ops.take(labels, self.partner, axis=0)
        if weights is None:
            return _mixed(self.share, labels, 1 - self.share, others), None
        own, other = self.share * weights, (1 - self.share) * ops.take(weights, self.partner, axis=0)
        total = own + other
        counted = ops.where(total > 0, total, 1.0)
        return _mixed(own / counted, labels, other / counted, others), total


def _mixed(own: Any, labels: Any, other: Any, others: Any) -> Any:
    return own[:, None] * labels + other[:, None] * others


def draw_plan(config: AugmentationConfig, count: Any, height: int, width: int, seed: Any) -> Plan:
    """Draw how `count` images are mixed; with both kinds on, each image by one of them, by an even chance.

    Args:
        config: Its alphas.
        count: An integer or a scalar tensor.
        height, width: Of the images, in pixels.
        seed: A `keras.random.SeedGenerator`.
    """
    partner = keras.random.shuffle(ops.arange(count, dtype="int32"), seed=seed)
    if not config.cutmix:
        share = _share(config.mixup, count, seed)
        return Plan(partner, share, share[:, None, None, None])
    cut_share, outside = _boxes(config.cutmix, count, height, width, seed)
    if not config.mixup:
        return Plan(partner, cut_share, outside)
    share = _share(config.mixup, count, seed)
    drawn: Any = keras.random.uniform((count,), 0.0, 1.0, "float32", seed)
    cuts = drawn < 0.5
    own = ops.where(cuts[:, None, None, None], outside, share[:, None, None, None])
    return Plan(partner, ops.where(cuts, cut_share, share), own)


def _share(alpha: float, count: Any, seed: Any) -> Any:
    share: Any = keras.random.beta((count,), alpha, alpha, "float32", seed)
    return ops.where(ops.isfinite(share), share, 1.0)  # an alpha near 0 gives 0 / 0


def _boxes(alpha: float, count: Any, height: int, width: int, seed: Any) -> tuple[Any, Any]:
    """Return the part of each image outside a rectangle, and 1 there and 0 inside: float32 [B] and [B, H, W, 1]."""
    side = ops.sqrt(1 - _share(alpha, count, seed))
    tall, wide = ops.round(side * height), ops.round(side * width)
    drawn: Any = keras.random.uniform((2, count), 0.0, 1.0, "float32", seed)
    top = ops.minimum(ops.floor(drawn[0] * (height - tall + 1)), height - tall)
    left = ops.minimum(ops.floor(drawn[1] * (width - wide + 1)), width - wide)
    rows, columns = ops.arange(height, dtype="float32"), ops.arange(width, dtype="float32")
    down = (rows >= top[:, None]) & (rows < (top + tall)[:, None])
    across = (columns >= left[:, None]) & (columns < (left + wide)[:, None])
    inside = down[:, :, None, None] & across[:, None, :, None]
    pixels = height * width
    return (pixels - tall * wide) / pixels, 1 - ops.cast(inside, "float32")


class Mix(keras.layers.Layer):
    """Mix the images of a training step by the plan that was drawn for it; else pass them on."""

    def __init__(self, config: AugmentationConfig, seed: int) -> None:
        super().__init__(name="mix", dtype="float32")
        self.supports_jit = False  # XLA draws from no gamma distribution
        self._settings, self._seed = config, seed
        self._random = keras.random.SeedGenerator(seed_of(seed, "mix"))
        self._plan: Plan | None = None

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"config": asdict(self._settings), "seed": self._seed}

    def begin(self, images: Any) -> Plan:
        """Draw the plan of a training step, which the next call goes by."""
        count, height, width, _ = ops.shape(images)
        self._plan = draw_plan(self._settings, count, height, width, self._random)
        return self._plan

    def call(self, images: Any, training: bool = False) -> Any:
        if not training or self._plan is None:
            return images
        plan, self._plan = self._plan, None
        return plan.images(images)


class MixingModel(keras.Model):
    """A model with a layer `mix`, which fits to mixed images and labels, and evaluates as ever."""

    def train_step(self, data: Any) -> Any:
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        mix: Any = self.get_layer("mix")
        plan = mix.begin(images)
        return super().train_step((images, *plan.labels(labels, weights)))
