"""Augmentation: the warp beside ImageDataGenerator's, what is drawn, copies, and that only training sees it."""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from matplotlib.image import imread
from scipy import ndimage

from src.augmentation import expanded, rescaled, samples, transforms, warp
from src.augmentation.draw import draw
from src.augmentation.warp import _gathered
from src.config import ConfigError, register, settings
from src.config.augmentation import FILL_MODES, AugmentationConfig
from src.config.dataset import DatasetConfig
from src.config.model import CNN
from src.config.schedule import Constant
from src.config.schema import TrainingConfig
from src.dataset import Dataset, Split, load
from src.model import build
from src.report import augmentation_grid
from src.training import Checkpoint, Verdict, fit, prepare
from tests.command import ROOT, run_inside
from tests.test_report import pixels

AFFINE = AugmentationConfig(
    rotation_range=20, width_shift_range=0.2, height_shift_range=0.1, shear_range=15, zoom_range=0.2,
    horizontal_flip=True, vertical_flip=True,
)  # fmt: skip
CVAL = 40.0
STILL = 8
# SciPy's name for its own function that ImageDataGenerator uses.
pytestmark = pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning")
# Of 255. A coordinate in float32 is off by some 1e-6 of the image's size: by 32 pixels, a few 1e-5 of a pixel,
# between neighbours that differ by up to 255.
TOLERANCE = 0.01


def parameters(rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """Draw parameters of `apply_transform`, one in three neutral; of the first images only the flips."""
    drawn = {
        "theta": rng.uniform(-180, 180, count),
        "tx": rng.uniform(-9, 9, count),
        "ty": rng.uniform(-9, 9, count),
        "shear": rng.uniform(-60, 60, count),
        "zx": rng.uniform(0.4, 2.5, count),
        "zy": rng.uniform(0.4, 2.5, count),
    }
    for name, values in drawn.items():
        neutral = 1.0 if name in ("zx", "zy") else 0.0
        values[rng.random(count) < 1 / 3] = neutral
        values[:STILL] = neutral
    return drawn | {name: rng.random(count) < 0.5 for name in ("flip_horizontal", "flip_vertical")}


def on_a_seam(matrices: np.ndarray, size: int, within: float = 2e-4) -> np.ndarray:
    """Return which pixels are read so near to where the border's value jumps that rounding decides: [B, size, size].

    `constant` jumps at the border, `wrap` where one period ends and the next begins.
    """
    rows, columns = np.mgrid[:size, :size].astype(float)
    a, b = matrices[:, :3].astype(float), matrices[:, 3:6].astype(float)
    near = False
    for number in (a, b):
        at = number[:, 0, None, None] * columns + number[:, 1, None, None] * rows + number[:, 2, None, None]
        near = near | (np.abs(at / (size - 1) - np.rint(at / (size - 1))) * (size - 1) < within)
    return np.asarray(near)


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3)], ids=["grey", "colour"])
def test_a_warp_is_what_image_data_generator_makes_of_the_same_parameters(
    fill_mode: str, shape: tuple[int, int, int]
) -> None:
    count, rng = 100, np.random.default_rng(0)
    images = rng.uniform(0, 255, (count, *shape)).astype("float32")
    drawn = parameters(rng, count)
    generator = ImageDataGenerator(fill_mode=fill_mode, cval=CVAL)
    each = [{name: values[i] for name, values in drawn.items()} for i in range(count)]
    expected = np.stack([generator.apply_transform(*pair) for pair in zip(images, each, strict=True)])
    matrices = transforms(*shape[:2], **drawn)
    got = np.asarray(warp(images, matrices, fill_mode, CVAL))
    if fill_mode in ("constant", "wrap"):
        judged = ~on_a_seam(np.asarray(matrices), shape[0])
        # Images that are not turned lie on their own border.
        still = (drawn["theta"] == 0) & (drawn["shear"] == 0)
        assert judged[~still].mean() > 0.99
    else:
        judged = np.ones(got.shape[:3], bool)
    np.testing.assert_allclose(got[judged], expected[judged], atol=TOLERANCE)
    np.testing.assert_array_equal(got[:STILL], expected[:STILL])
    if fill_mode != "constant":
        # As on the backends without a kernel for it.
        gathered = np.asarray(_gathered(keras.ops.convert_to_tensor(images), matrices, fill_mode))
        np.testing.assert_allclose(gathered[judged], expected[judged], atol=TOLERANCE)


@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_shifts_by_whole_pixels_and_quarter_turns_are_exact_at_the_border_too(fill_mode: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 6, 6, 1)).astype("uint8")
    generator = ImageDataGenerator(fill_mode=fill_mode, cval=CVAL)
    for shift in range(-13, 14):
        expected = generator.apply_transform(image[0].astype("float32"), {"tx": shift, "ty": -shift})
        got = warp(image, transforms(6, 6, tx=shift, ty=-shift), fill_mode, CVAL)
        np.testing.assert_array_equal(np.asarray(got)[0], expected)
    for turns in (1, 2, 3):
        got = warp(image, transforms(6, 6, theta=90 * turns), fill_mode, CVAL)
        np.testing.assert_allclose(np.asarray(got)[0], np.rot90(image[0], turns), atol=0.02)


def test_an_image_that_is_not_square_turns_about_its_centre() -> None:
    height, width, angle = 9, 20, np.deg2rad(30)
    image = np.random.default_rng(0).uniform(0, 255, (height, width)).astype("float32")
    # In rows and columns.
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = np.array([height - 1, width - 1]) / 2
    offset: Any = centre - matrix @ centre
    expected = ndimage.affine_transform(image, matrix, offset, order=1, mode="reflect")
    got = np.asarray(warp(image[None, ..., None], transforms(height, width, theta=30), "reflect"))[0, ..., 0]
    np.testing.assert_allclose(got, expected, atol=TOLERANCE)


def test_a_batch_takes_one_transform_or_one_an_image() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 5, 4, 2)).astype("uint8")
    one = transforms(5, 4, theta=20.0, zx=1.2)
    many = transforms(5, 4, theta=np.full(3, 20.0), zx=1.2)
    assert tuple(one.shape) == (8,)
    assert tuple(many.shape) == (3, 8)
    np.testing.assert_array_equal(np.asarray(warp(images, one)), np.asarray(warp(images, many)))
    np.testing.assert_array_equal(np.asarray(warp(images, transforms(5, 4))), images)
    mirrored = transforms(5, 4, flip_horizontal=True, flip_vertical=[True, False, True])
    expected = np.stack([images[0, ::-1, ::-1], images[1, :, ::-1], images[2, ::-1, ::-1]])
    np.testing.assert_array_equal(np.asarray(warp(images, mirrored)), expected)


def drawn_shifts(reach: float, size: int = 20) -> np.ndarray:
    """Return by how many pixels each of many images is shifted horizontally; vertically by none."""
    matrices = np.asarray(draw(AugmentationConfig(width_shift_range=reach), 4000, 10, size, 1))
    np.testing.assert_array_equal(matrices[:, [0, 1, 3, 4, 5]], np.tile([1, 0, 0, 1, 0], (len(matrices), 1)))
    return matrices[:, 2]


def test_what_is_drawn_lies_within_its_range_in_image_data_generators_units() -> None:
    for reach, most in ((0.25, 5.0), (3.5, 3.5)):
        shifts = drawn_shifts(reach)
        assert 0.99 * most < np.abs(shifts).max() <= most
        assert abs(shifts.mean()) < 0.05 * most
    assert {*drawn_shifts(3)} == {-2.0, -1.0, 0.0, 1.0, 2.0}, "whole numbers are whole pixels"
    down = np.asarray(draw(AugmentationConfig(height_shift_range=0.25), 4000, 20, 10, 1))
    assert 4.9 < np.abs(down[:, 5]).max() <= 5
    assert not down[:, 2].any()

    turned = np.asarray(draw(AugmentationConfig(rotation_range=30), 4000, 8, 8, 1))
    angles = np.degrees(np.arctan2(turned[:, 3], turned[:, 0]))
    assert 29.5 < np.abs(angles).max() <= 30.001

    for zoom, (lowest, highest) in ((0.2, (0.8, 1.2)), ([0.5, 1.0], (0.5, 1.0))):
        zoomed = np.asarray(draw(AugmentationConfig(zoom_range=zoom), 4000, 8, 8, 1))[:, [0, 4]]
        assert lowest <= zoomed.min() < lowest + 0.01
        assert highest - 0.01 < zoomed.max() <= highest
        assert abs(np.corrcoef(zoomed.T)[0, 1]) < 0.1, "each axis has a factor of its own"

    flipped = np.asarray(draw(AugmentationConfig(horizontal_flip=True), 4000, 8, 8, 1))
    assert 0.45 < np.mean(flipped[:, 0] == -1) < 0.55
    assert (flipped[:, 4] == 1).all()


def test_the_same_seed_gives_the_same_images_and_another_others() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1)).astype("uint8")
    first = samples(images, AFFINE, 3, 1)
    assert first.shape == (5, 3, 8, 8, 1)
    np.testing.assert_array_equal(first, samples(images, AFFINE, 3, 1))
    assert (first != samples(images, AFFINE, 3, 2)).mean() > 0.5


CLASSES, SIDE = 40, 6
NUMBERS = np.arange(CLASSES, dtype="int32")
PATTERN = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) * 7 % 251
# One channel is the image's number all over, which no warp changes; the other shows any warp.
NUMBERED = Split(
    np.stack([np.tile(NUMBERS[:, None, None], (1, SIDE, SIDE)), np.tile(PATTERN, (CLASSES, 1, 1))], -1).astype("uint8"),
    NUMBERS,
)


def accuracies(mode: str, reads: str) -> tuple[float, float, float]:
    """Fit a network that needs no training, and return its accuracies in training, validation and afterwards.

    Args:
        mode: As in the settings.
        reads: `number`: its answer is the image's number, so it is right where labels are with their images;
            `pattern`: it is right where the image has not been warped.
    """
    prepare("float32", None)
    ops: Any = keras.ops
    images: Any = keras.Input((SIDE, SIDE, 2))
    number = ops.cast(ops.round(ops.mean(images[..., 0], axis=(1, 2))), "int32")
    warped = ops.cast(ops.any(ops.abs(images[..., 1] - PATTERN.astype("float32")) > 0.5, axis=(1, 2)), "int32")
    answer = number if reads == "number" else (number + warped) % CLASSES
    nothing: Any = keras.layers.Dense(CLASSES, kernel_initializer="zeros")(keras.layers.Flatten()(images))
    model = keras.Model(images, ops.one_hot(answer, CLASSES) + nothing)
    data = Dataset("numbered", NUMBERED, NUMBERED, None, tuple(map(str, NUMBERS)), None, None)
    config = TrainingConfig(epochs=2, batch_size=16, precision="float32")
    settings = dataclasses.replace(AFFINE, mode=mode, copies=2 if mode == "expand" else None)
    optimizer = keras.optimizers.SGD(0.0)
    ask = lambda *_: Verdict.GO_ON  # noqa: E731
    history = fit(model, optimizer, data, config, Constant(), "loss", 3, ask, None, settings)
    images_an_epoch = CLASSES * (3 if mode == "expand" else 1)
    assert optimizer.iterations == 2 * -(-images_an_epoch // 16)
    predicted = model.predict(NUMBERED.images, verbose=0)  # pyright: ignore[reportArgumentType]
    last = history.epochs[-1]
    return last["accuracy"], last["val_accuracy"], float(np.mean(predicted.argmax(-1) == NUMBERS))


@pytest.mark.parametrize(
    ("mode", "reads", "trained"),
    [("stream", "number", 1.0), ("stream", "pattern", 0.0), ("expand", "pattern", pytest.approx(1 / 3))],
)
def test_labels_stay_with_their_images_and_only_training_sees_them_warped(mode: str, reads: str, trained: Any) -> None:
    # A third: with two copies, the originals.
    assert accuracies(mode, reads) == (trained, 1.0, 1.0)


@pytest.mark.parametrize("onehot", [False, True])
def test_expanding_joins_each_images_copies_to_the_originals_with_its_label(onehot: bool) -> None:
    split = NUMBERED._replace(labels=np.eye(CLASSES, dtype="float32")[NUMBERS]) if onehot else NUMBERED
    three = expanded(split, dataclasses.replace(AFFINE, mode="expand", copies=3), 1)
    assert three.images.shape == (4 * CLASSES, SIDE, SIDE, 2)
    assert three.images.dtype == np.uint8
    np.testing.assert_array_equal(three.images[:CLASSES], split.images)
    np.testing.assert_array_equal(three.images[..., 0], np.tile(split.images[..., 0], (4, 1, 1)))
    np.testing.assert_array_equal(three.labels, np.concatenate([split.labels] * 4))
    variants = three.images[CLASSES:, ..., 1].reshape(len(three.images) - CLASSES, -1)
    assert len(np.unique(variants, axis=0)) == len(variants), "every variant is another"
    again = expanded(split, dataclasses.replace(AFFINE, mode="expand", copies=3), 1)
    np.testing.assert_array_equal(again.images, three.images)
    one = expanded(split, dataclasses.replace(AFFINE, mode="expand"), 1)
    assert len(one.images) == len(one.labels) == 2 * CLASSES


DROPPING = CNN(
    filters=4, depth=1, dropout=0.5, batch_norm=True, l1=0.0, l2=1e-3, kernel_size=3, stride=1, padding="same",
    pooling="max", dense_units=8, spatial_dropout=0.2,
)  # fmt: skip


def train_digits(
    augmentation: AugmentationConfig | None, path: Path | None = None, pause: int = 0
) -> tuple[list, list]:
    """Train with dropout, batch norm and an optimizer that remembers; return the history and the weights."""
    prepare("float32", 1)
    digits = load(DatasetConfig("digits", limit=200), 0)
    model = build(DROPPING, digits.input_shape, 10, 7, digits.scale, digits.offset)
    config = TrainingConfig(epochs=4, batch_size=32, precision="float32")
    ask = lambda epoch, *_: Verdict.PAUSE if epoch == pause else Verdict.GO_ON  # noqa: E731
    optimizer = keras.optimizers.Adam(0.003)
    history = fit(
        model, optimizer, digits, config, Constant(), "val_loss", 7, ask, Checkpoint(path), augmentation
    )  # fmt: skip
    assert history.paused == bool(pause)
    numbers = [[metrics[name] for name in ("loss", "val_loss", "val_accuracy")] for metrics in history.epochs]
    return [numbers, history.best_epoch], [] if pause else [*model.get_weights(), model.predict(digits.train.images)]


@pytest.mark.parametrize("mode", ["stream", pytest.param("expand", marks=pytest.mark.slow)])
def test_a_run_that_paused_equals_one_that_ran_through_bit_for_bit(tmp_path: Path, mode: str) -> None:
    settings = dataclasses.replace(AFFINE, mode=mode)
    whole, weights = train_digits(settings)
    paused, _ = train_digits(settings, tmp_path / "checkpoint.npz", pause=2)
    assert paused[0] == whole[0][:2]
    resumed, same = train_digits(settings, tmp_path / "checkpoint.npz")
    assert resumed == whole
    for one, other in zip(weights, same, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_without_any_range_the_training_is_the_plain_one_bit_for_bit() -> None:
    plain, weights = train_digits(None)
    same, others = train_digits(AugmentationConfig())
    assert same == plain
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(one, other)
    assert train_digits(AFFINE)[0] != plain


def test_what_is_trained_is_the_plain_network(tmp_path: Path) -> None:
    prepare("mixed_bfloat16", None)
    digits = load(DatasetConfig("digits", limit=100), 0)
    model = build(DROPPING, digits.input_shape, 10, 7, digits.scale, digits.offset)
    before = model.get_weights()
    seen: list[list[np.ndarray]] = []
    config = TrainingConfig(epochs=1, batch_size=32, precision="mixed_bfloat16")
    ask = lambda *_: seen.append(model.get_weights()) or Verdict.GO_ON  # noqa: E731
    fit(model, keras.optimizers.SGD(0.1), digits, config, Constant(), "loss", 0, ask, None, AFFINE)
    prepare("float32", None)
    after = model.get_weights()
    assert all((one != other).any() for one, other in zip(before, after, strict=True))
    for one, other in zip(seen[0], after, strict=True):
        np.testing.assert_array_equal(one, other)
    model.save(tmp_path / "model.keras")
    loaded: Any = keras.saving.load_model(tmp_path / "model.keras")
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    assert "augment" not in loaded.to_json()


def test_rescaling_is_the_networks_own_and_only_without_another_scaling() -> None:
    for scaling in ("none", "minmax"):
        data = load(DatasetConfig("digits", scaling=scaling, limit=100), 0)
        assert rescaled(data, None) is data
        changed = rescaled(data, 1 / 255)
        assert changed.scale == (pytest.approx((1 / 255,)) if scaling == "none" else data.scale)
    data = rescaled(load(DatasetConfig("digits", scaling="none", limit=100), 0), 1 / 255)
    model = build(DROPPING, data.input_shape, 10, 7, data.scale, data.offset)
    plain = build(DROPPING, data.input_shape, 10, 7)
    images = data.validation.images
    np.testing.assert_allclose(np.asarray(model(images)), np.asarray(plain(images / np.float32(255))), rtol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_picture_shows_a_row_an_image(channels: int) -> None:
    rng = np.random.default_rng(0)
    originals, variants = (rng.integers(0, 256, (*shape, 9, 7, channels)).astype("uint8") for shape in ((4,), (4, 5)))
    originals[0, 0, 0] = 255
    figure = augmentation_grid(originals, variants, ["zero", "one", "two", "three"], "title")
    drawn = pixels(figure)
    assert min(drawn.shape[:2]) >= 300
    assert drawn[..., :3].std() > 0.1
    shown = figure.axes[0].images[0].get_array()
    assert shown is not None
    canvas = np.asarray(shown).reshape(*shown.shape[:2], channels)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["zero", "one", "two", "three"]
    np.testing.assert_array_equal(canvas[:9, :7], originals[0])
    np.testing.assert_array_equal(canvas[-9:, -7:], variants[-1, -1])
    dark: Any = augmentation_grid(originals // 16, variants // 16, list("abcd"), "title").axes[0].images[0].get_array()
    assert dark.max() == 255


@pytest.fixture
def composing():
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        yield


def composed(*overrides: str) -> Any:
    return settings(compose("config", list(overrides))).augmentation


@pytest.mark.usefixtures("composing")
def test_the_options_are_what_their_names_say() -> None:
    assert composed() == composed("augmentation=none") == AugmentationConfig()
    assert not composed().on
    assert composed("augmentation=flip") == AugmentationConfig(horizontal_flip=True)
    for option in sorted(path.stem for path in (ROOT / "conf/augmentation").glob("*.yaml")):
        assert composed(f"augmentation={option}").on == (option != "none")
    assert composed("augmentation.rotation_range=5").on, "any key works without an option"
    assert composed("augmentation=affine", "augmentation.mode=expand").copies is None
    assert composed("augmentation.zoom_range=[0.9,1]").zoom_factors == (0.9, 1)


WRONG = [
    ("rotation_range=181", "degrees from 0 to 180, got 181.0; type e.g. augmentation.rotation_range=10"),
    ("rotation_range=nan", "degrees from 0 to 180, got nan"),
    ("shear_range=90", "degrees from 0 to below 90, got 90.0"),
    ("width_shift_range=-0.1", "a number from 0 up: below 1 a fraction, else pixels, got -0.1"),
    ("height_shift_range=[0.1,0.2]", "a number from 0 up: below 1 a fraction, else pixels, got [0.1, 0.2]"),
    ("height_shift_range=true", "a number from 0 up"),
    ("zoom_range=1", "a number from 0 to below 1, or [lowest,highest] with 0 < lowest <= highest, got 1"),
    ("zoom_range=[1.2,0.8]", "a number from 0 to below 1, or [lowest,highest]"),
    ("zoom_range=[0,1]", "a number from 0 to below 1, or [lowest,highest]"),
    ("zoom_range=near", "a number from 0 to below 1, or [lowest,highest]"),
    ("fill_mode=mirror", "one of nearest, constant, reflect, wrap, got mirror"),
    ("cval=inf", "a finite number, got inf"),
    ("rescale=0", "a number above 0, or null, got 0.0"),
    ("mode=both", "one of stream, expand, got both"),
    ("copies=2", "null with augmentation.mode=stream, got 2; type e.g. augmentation.copies=null"),
    ("mode=expand", "stream where nothing is augmented, got expand; type e.g. augmentation=affine"),
]


@pytest.mark.usefixtures("composing")
@pytest.mark.parametrize(("override", "message"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_value_is_named_with_its_key_and_what_to_type(override: str, message: str) -> None:
    key = override.partition("=")[0]
    with pytest.raises(ConfigError) as caught:
        composed(f"augmentation.{override}")
    (problem,) = caught.value.problems
    assert problem.startswith(f"`augmentation.{key}` must be {message}")
    assert "; type e.g. augmentation" in problem


@pytest.mark.usefixtures("composing")
def test_copies_are_at_least_one() -> None:
    with pytest.raises(ConfigError, match=r"`augmentation.copies` must be 1 or more, or null, got 0"):
        composed("augmentation=shift", "augmentation.mode=expand", "augmentation.copies=0")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["stream", "expand"])
def test_a_sweep_from_the_command_line_augments_and_shows_it(mode: str, tmp_path: Path) -> None:
    arguments = ["augmentation=none,affine", f"augmentation.mode={mode}", "augmentation.horizontal_flip=true"]
    arguments += ["dataset.labels=onehot", "dataset.limit=300", "training.epochs=2", "hydra/launcher=basic"]
    done = run_inside(["-m", "src.sweep", "-m", *arguments], tmp_path)
    assert done.returncode == 0, done.stderr
    pictures = list(tmp_path.glob("mlruns/**/augmentation.png"))
    assert len(pictures) == 2
    assert all(imread(picture).std() > 0.1 for picture in pictures)
