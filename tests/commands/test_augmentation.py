"""Augmentation from the command line."""

import csv
from pathlib import Path

import pytest
from matplotlib.image import imread

from src.config.dataset import DatasetConfig
from src.dataset import Split, load
from src.deployment import find_model
from src.evaluation import predict
from tests.helpers.command import run_inside


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


@pytest.mark.slow
def test_a_run_mixes_sparse_labels_grows_averages_and_is_judged_both_ways_round(tmp_path: Path) -> None:
    """A network of its own in the paper's schedule; one step each of what only a whole run puts together."""
    arguments = ["augmentation=strong", "augmentation.mixup=0.2", "augmentation.cutmix=1"]
    arguments += [
        "augmentation.rand_augment=0.3",
        "model=airbench",
        "model.filters=2",
        "schedule=triangle",
        "optimizer=sgd",
        "optimizer.use_ema=true",
    ]
    arguments += ["training.progressive_resizing=[6,8]", "training.class_weight=balanced", "evaluation.tta=true"]
    arguments += ["evaluation.test=true", "dataset.limit=200", "training.epochs=2", "dataset.labels=sparse"]
    done = run_inside(["-m", "src.sweep", *arguments], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "test     accuracy" in done.stdout
    # Whoever uses the kept model gets the answers that were judged.
    (table,) = tmp_path.glob("mlruns/**/predictions.csv")
    (kept,) = tmp_path.glob("mlruns/**/model.keras")
    validation = load(DatasetConfig("digits", limit=200), 0).validation
    said = predict(find_model(str(kept)).load(), Split(validation.images, validation.labels))
    for row in csv.DictReader(table.read_text().splitlines()):
        assert float(row["confidence"]) == pytest.approx(said[int(row["index"])].max(), abs=2e-4)
    (picture,) = tmp_path.glob("mlruns/**/augmentation.png")
    assert imread(picture).std() > 0.1
