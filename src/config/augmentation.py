"""The `augmentation` group: random variants of the training images, in the words of Keras's ImageDataGenerator where it
has them, and of the papers where not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore

FILL_MODES = ("nearest", "constant", "reflect", "wrap")
MODES = ("stream", "expand")
MAX_ALPHA = 100  # where all weights are nearly a half


@dataclass
class AugmentationConfig:
    """How far images are turned, shifted, coloured, erased and mixed at random; as it stands, not at all.

    Attributes:
        rotation_range: degrees, to either side.
        width_shift_range: to either side: below 1 a fraction of the width, else pixels; a whole number n of pixels
            shifts by whole pixels, n - 1 at most.
        height_shift_range: the same up and down.
        shear_range: degrees, to either side.
        zoom_range: z for factors from 1 - z to 1 + z, or [lowest, highest]; horizontally and vertically another.
            A factor of 2 shows everything at half its size.
        horizontal_flip: whether every second image, on average, is mirrored left to right.
        vertical_flip: the same top to bottom.
        fill_mode: what lies beyond the border, one of `FILL_MODES`.
        cval: the pixel value there with fill_mode=constant, of the raw pixels (0 to 255).
        rescale: factor of the raw pixels for the network, in training and after; None for 1.
        mode: other variants in each epoch (`stream`), or the same ones beside the originals (`expand`).
        copies: variants of each image with mode=expand; None for one.
        random_crop: padding on each side, of which a window of the image's size is cut: below 1 a fraction of the
            side, else whole pixels; what the padding holds, `fill_mode` says.
        alternating_flip: mirror every image left to right in every second epoch, half of them in the even ones.
        color_jitter: s for brightness, contrast and saturation times 1 - s to 1 + s, and hues turned by up to s / 4.
        rand_augment: strength of two of RandAugment's operations an image, as a part of their whole ranges.
        random_erasing: the part of the images in which a rectangle becomes noise.
        mixup: alpha of the Beta distribution of the weights with which two images are added.
        cutmix: alpha of that of the part of an image which a rectangle of another one covers.
    """

    rotation_range: float = 0.0
    width_shift_range: Any = 0.0
    height_shift_range: Any = 0.0
    shear_range: float = 0.0
    zoom_range: Any = 0.0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    fill_mode: str = "nearest"
    cval: float = 0.0
    rescale: float | None = None
    mode: str = "stream"
    copies: int | None = None
    random_crop: Any = 0.0
    alternating_flip: bool = False
    color_jitter: float = 0.0
    rand_augment: float = 0.0
    random_erasing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    @property
    def on(self) -> bool:
        """Whether anything is done to the training images."""
        return self.warps or self.recolours or self.mixes or self.alternating_flip

    @property
    def warps(self) -> bool:
        """Whether pixels move within their image."""
        shifts = self.rotation_range or self.width_shift_range or self.height_shift_range or self.shear_range
        flips = self.horizontal_flip or self.vertical_flip
        return bool(shifts or self.zoom_factors != (1, 1) or flips or self.random_crop)

    @property
    def recolours(self) -> bool:
        """Whether pixels get other values."""
        return bool(self.color_jitter or self.rand_augment or self.random_erasing)

    @property
    def mixes(self) -> bool:
        """Whether images and their labels are mixed with others'."""
        return bool(self.mixup or self.cutmix)

    @property
    def zoom_factors(self) -> tuple[float, float]:
        """The lowest and the highest."""
        zoom = self.zoom_range
        return (zoom[0], zoom[1]) if isinstance(zoom, Sequence) else (1 - zoom, 1 + zoom)


def register(store: ConfigStore) -> None:
    """Put the schema into the store, for the defaults list of `conf/augmentation/*.yaml`."""
    store.store(group="schemas", name="augmentation", node=AugmentationConfig)


def check(config: AugmentationConfig) -> list[str]:
    """Return everything that is wrong with the settings, a line each."""
    problems = []

    def expect(good: bool, key: str, expected: str, instead: str) -> None:
        if not good:
            got = getattr(config, key)
            shown = "null" if got is None else got
            problems.append(
                f"`augmentation.{key}` must be {expected}, got {shown}; type e.g. augmentation.{key}={instead}"
            )

    shift = "a number from 0 up: below 1 a fraction, else pixels"
    zoom = "a number from 0 to below 1, or [lowest,highest] with 0 < lowest <= highest"
    rescale, copies = config.rescale, config.copies
    expect(0 <= config.rotation_range <= 180, "rotation_range", "degrees from 0 to 180", "10")
    expect(_is_number(config.width_shift_range, 0), "width_shift_range", shift, "0.1")
    expect(_is_number(config.height_shift_range, 0), "height_shift_range", shift, "0.1")
    expect(0 <= config.shear_range < 90, "shear_range", "degrees from 0 to below 90", "10")
    expect(_is_zoom(config.zoom_range), "zoom_range", zoom, "0.1")
    expect(config.fill_mode in FILL_MODES, "fill_mode", f"one of {', '.join(FILL_MODES)}", FILL_MODES[0])
    expect(math.isfinite(config.cval), "cval", "a finite number", "0")
    expect(rescale is None or _is_number(rescale, 1e-30), "rescale", "a number above 0, or null", "0.00392157")
    expect(config.mode in MODES, "mode", f"one of {', '.join(MODES)}", MODES[0])
    expect(copies is None or copies >= 1, "copies", "1 or more, or null", "1")
    expect(copies is None or config.mode != "stream", "copies", "null with augmentation.mode=stream", "null")
    crop = "a number from 0 up: below 1 a fraction, else whole pixels"
    expect(_is_padding(config.random_crop), "random_crop", crop, "0.1")
    for key in ("color_jitter", "rand_augment", "random_erasing"):
        expect(0 <= getattr(config, key) <= 1, key, "a number from 0 to 1", "0.25")
    for key in ("mixup", "cutmix"):
        expect(0 <= getattr(config, key) <= MAX_ALPHA, key, f"an alpha from 0 to {MAX_ALPHA}", "0.2")
    twice = config.alternating_flip and config.horizontal_flip
    expect(not twice, "alternating_flip", "false with augmentation.horizontal_flip=true", "false")
    expand = config.mode == "expand"
    expect(not (expand and config.alternating_flip), "alternating_flip", "false with augmentation.mode=expand", "false")
    for key in ("mixup", "cutmix"):
        expect(not (expand and getattr(config, key) > 0), key, "0 with augmentation.mode=expand", "0")
    if not problems and config.mode == "expand" and not config.on:
        problems.append(
            "`augmentation.mode` must be stream where nothing is augmented, got expand; type e.g. augmentation=affine"
        )
    return problems


def _is_number(value: object, lowest: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value < math.inf


def _is_padding(value: object) -> bool:
    return _is_number(value, 0) and (value < 1 or value == int(value))  # pyright: ignore


def _is_zoom(value: object) -> bool:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return len(value) == 2 and all(_is_number(factor, 1e-6) for factor in value) and value[0] <= value[1]
    return _is_number(value, 0) and value < 1  # pyright: ignore[reportOperatorIssue]
