"""Augmentation from the command line."""

from pathlib import Path

import pytest
from matplotlib.image import imread

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
