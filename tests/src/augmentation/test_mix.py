"""MixUp and CutMix: labels say what is to be seen, and count in the loss as what they are made of."""

from typing import Any

import keras
import numpy as np
import pytest

from src.augmentation import mixed_samples
from src.augmentation.mix import Mix, draw_plan
from src.config.augmentation import AugmentationConfig
from src.config.training import TrainingConfig
from src.training.losses import make_loss

COUNT, HEIGHT, WIDTH = 64, 7, 9
NUMBERED = np.tile(np.arange(COUNT, dtype="float32")[:, None, None, None], (1, HEIGHT, WIDTH, 2))
LABELS = np.eye(COUNT, dtype="float32")
BOTH = AugmentationConfig(mixup=0.4, cutmix=1.0)


def plan(config: AugmentationConfig, seed: int = 0) -> Any:
    return draw_plan(config, COUNT, HEIGHT, WIDTH, keras.random.SeedGenerator(seed))


def test_a_label_after_cutmix_is_the_part_of_the_pixels_to_the_last_digit() -> None:
    drawn = plan(AugmentationConfig(cutmix=1.0))
    mixed, labels = np.asarray(drawn.images(NUMBERED)), np.asarray(drawn.labels(LABELS)[0])
    parts = set()
    for i, partner in enumerate(np.asarray(drawn.partner)):
        own = np.float32((mixed[i, ..., 0] == i).sum()) / np.float32(HEIGHT * WIDTH)
        assert set(np.unique(mixed[i])) <= {i, partner}
        if partner != i:
            assert labels[i, i] == own and labels[i, partner] == 1 - own
            assert np.count_nonzero(labels[i]) <= 2
            parts.add(float(own))
            rows, columns = np.nonzero(mixed[i, ..., 0] != i)  # one rectangle, wholly within the image
            assert len(rows) == 0 or len(rows) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    assert len(parts) > 10, "every image has a rectangle of its own"


def test_a_label_after_mixup_has_the_weights_of_the_pixels_to_the_last_digit() -> None:
    drawn = plan(AugmentationConfig(mixup=0.4))
    share, partner = np.asarray(drawn.share), np.asarray(drawn.partner)
    mixed, labels = np.asarray(drawn.images(NUMBERED)), np.asarray(drawn.labels(LABELS)[0])
    rest = np.float32(1) - share
    expected = share[:, None] * LABELS + rest[:, None] * LABELS[partner]
    np.testing.assert_array_equal(labels, expected)
    pixels = share * np.arange(COUNT, dtype="float32") + rest * partner.astype("float32")
    np.testing.assert_array_equal(mixed, np.tile(pixels[:, None, None, None], (1, HEIGHT, WIDTH, 2)))
    assert 0 <= share.min() < 0.2 and 0.8 < share.max() <= 1
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-6)


def test_with_both_each_image_is_mixed_in_one_of_the_two_ways() -> None:
    own = np.asarray(plan(BOTH).own)
    cut = ((own == 0) | (own == 1)).all(axis=(1, 2, 3))
    even = np.ptp(own, axis=(1, 2, 3)) == 0
    assert (cut | even).all()
    assert 0.25 < cut.mean() < 0.75


@pytest.mark.parametrize("loss", ["crossentropy", "focal"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_that_of_both_labels_in_their_shares_by_the_weights_of_their_classes(
    loss: str, smoothing: float
) -> None:
    config = TrainingConfig(epochs=1, batch_size=1, precision="float32", loss=loss, label_smoothing=smoothing)
    function = make_loss(LABELS, config)
    rng = np.random.default_rng(0)
    answers = rng.dirichlet(np.ones(COUNT), COUNT).astype("float32")
    weights = rng.uniform(0, 4, COUNT).astype("float32")
    weights[:2] = 0
    drawn = plan(BOTH)
    share, partner = np.asarray(drawn.share), np.asarray(drawn.partner)

    def each(labels: Any, counting: Any) -> np.ndarray:
        some = range(16)
        return np.array([function(labels[i : i + 1], answers[i : i + 1], counting[i : i + 1]) for i in some], "float64")

    labels, counted = (np.asarray(part) for part in drawn.labels(LABELS, weights))
    expected = each(LABELS, share * weights) + each(LABELS[partner], (1 - share) * weights[partner])
    np.testing.assert_allclose(each(labels, counted), expected, rtol=1e-4, atol=1e-6)
    plain, none = drawn.labels(LABELS)
    assert none is None
    even = each(LABELS, share) + each(LABELS[partner], 1 - share)
    np.testing.assert_allclose(each(np.asarray(plain), np.ones(COUNT, "float32")), even, rtol=1e-4)


def test_the_same_seed_mixes_the_same_and_only_in_a_step_of_training() -> None:
    one, same, other = plan(BOTH, 1), plan(BOTH, 1), plan(BOTH, 2)
    np.testing.assert_array_equal(np.asarray(one.own), np.asarray(same.own))
    np.testing.assert_array_equal(np.asarray(one.partner), np.asarray(same.partner))
    assert (np.asarray(one.partner) != np.asarray(other.partner)).any()
    layer = Mix(BOTH, 3)
    np.testing.assert_array_equal(np.asarray(layer(NUMBERED, training=False)), NUMBERED)
    begun = layer.begin(NUMBERED)
    np.testing.assert_array_equal(np.asarray(layer(NUMBERED, training=False)), NUMBERED)
    np.testing.assert_array_equal(np.asarray(layer(NUMBERED, training=True)), np.asarray(begun.images(NUMBERED)))
    again = Mix(BOTH, 3).begin(NUMBERED)
    np.testing.assert_array_equal(np.asarray(again.partner), np.asarray(begun.partner))
    assert (np.asarray(layer.begin(NUMBERED).partner) != np.asarray(begun.partner)).any(), "another in each step"


def test_what_is_shown_is_mixed_within_its_column() -> None:
    variants = np.repeat(NUMBERED[:6, None].astype("uint8"), 4, axis=1)
    pixels, labels = mixed_samples(variants, LABELS[:6, :6], AugmentationConfig(cutmix=1.0), 0)
    assert pixels.shape == variants.shape and labels.shape == (6, 4, 6)
    for picture, label in zip(pixels.reshape(-1, HEIGHT, WIDTH, 2), labels.reshape(-1, 6), strict=True):
        counts = np.bincount(picture[..., 0].ravel(), minlength=6) / (HEIGHT * WIDTH)
        np.testing.assert_allclose(label, counts, atol=1e-6)
