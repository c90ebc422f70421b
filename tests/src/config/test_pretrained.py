"""Settings of `model=pretrained`: what is refused before anything heavy is imported, and how."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from src.config import pretrained
from src.config.augmentation import AugmentationConfig
from src.config.pretrained import Pretrained, check, check_image_size, full_training, keeps_features
from src.config.training import TrainingConfig
from tests.helpers.command import ROOT, run_inside

FLIPPED = AugmentationConfig(horizontal_flip=True)


def settings(**values: Any) -> Pretrained:
    given: dict[str, Any] = {"backbone": "MobileNetV2", "weights": None, "trainable": "head", "pooling": "avg"}
    return Pretrained(**{**given, "dense_units": 0, "dropout": 0.2, **values})


def test_good_values_pass() -> None:
    assert (
        check(settings()) == check(settings(weights="imagenet", trainable=3)) == check(settings(trainable="all")) == []
    )


@pytest.mark.parametrize(
    ("values", "begins", "ends"),
    [
        ({"backbone": "MobilNetV2"}, "`model.backbone` must be one of efficientnet_lite0, ", "=MobileNetV2"),
        ({"backbone": "resnet50"}, "`model.backbone` must be one of", "type e.g. model.backbone=ResNet50"),
        ({"backbone": "efficientnet-lite0"}, "`model.backbone` must be one of", "=efficientnet_lite0"),
        ({"trainable": 0}, "`model.trainable` must be head, all, or a number", "got 0; type e.g. model.trainable=head"),
        ({"trainable": True}, "`model.trainable` must be", "=head"),
        ({"trainable": "heads"}, "`model.trainable` must be", "=head"),
        ({"pooling": "average"}, "`model.pooling` must be one of avg, max, got average", "=avg"),
        ({"dense_units": -1}, "`model.dense_units` must be 0 for no hidden layer, or more, got -1", "=128"),
        ({"dropout": 1.0}, "`model.dropout` must be at least 0 and below 1, got 1.0", "=0.25"),
        ({"weights": "nowhere.h5"}, "`model.weights` must be imagenet, an existing file", "got nowhere.h5; type e.g. "
         "model.weights=imagenet"),
        ({"name": "cnn"}, "`model.name` must be pretrained, got cnn", "model=cnn"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_what_to_type(values: dict[str, Any], begins: str, ends: str) -> None:
    (problem,) = check(settings(**values))
    assert problem.startswith(begins)
    assert problem.endswith(ends)


@pytest.mark.parametrize("name", ["weights.weights.h5", "model.keras", "other.pth", "notes.txt"])
def test_a_file_that_is_none_inside_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not weights at all")
    (problem,) = check(settings(backbone="efficientnet_lite0", weights=str(tmp_path / name)))
    assert problem.startswith("`model.weights` must be imagenet, an existing file of weights, .h5 or .keras or .pth, ")
    assert check(settings(weights=str(tmp_path / "other.pth"))), "PyTorch's files are efficientnet_lite0's alone"


def test_without_the_package_its_weights_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "PACKAGE", "no-such-package")
    (problem,) = check(settings(backbone="efficientnet_lite0", weights="imagenet"))
    assert problem.startswith("`model.weights` must be a file, or null, without the package")
    assert "install no-such-package" in problem


@pytest.mark.parametrize(
    ("backbone", "dataset", "size", "shown"),
    [
        ("MobileNetV2", "image_folder", 31, "31x31"),
        ("Xception", "image_folder", [71, 70], "71x70"),
        ("InceptionV3", "image_folder", 74, "74x74"),
        ("MobileNetV2", "digits", None, "8x8"),
        ("MobileNetV2", "image_folder", 32, None),
        ("InceptionV3", "image_folder", [75, 99], None),
        ("MobileNetV2", "image_folder", None, None),
        ("MobileNetV2", "image_folder", "large", None),
        ("Nothing", "image_folder", 8, None),
    ],
)
def test_images_below_the_least_size_are_refused(backbone: str, dataset: str, size: Any, shown: str | None) -> None:
    problems = check_image_size(settings(backbone=backbone), dataset, size)
    assert [f"got images of {shown}; type e.g. dataset.image_size=96" in problem for problem in problems] == (
        [True] if shown else []
    )


def test_features_are_kept_where_each_epoch_sees_the_same_images() -> None:
    head, training = settings(weights="imagenet"), TrainingConfig(epochs=1, batch_size=1)
    expanded = AugmentationConfig(horizontal_flip=True, mode="expand")
    assert keeps_features(head, AugmentationConfig()) and keeps_features(head, expanded)
    assert full_training(head, expanded, training) is None
    assert not keeps_features(head, FLIPPED)
    assert "augmentation.mode=expand" in (full_training(head, FLIPPED, training) or "")
    assert "model.weights=imagenet" in (full_training(settings(), AugmentationConfig(), training) or "")
    assert full_training(settings(weights="imagenet", trainable="all"), FLIPPED, training) is None


def test_a_mistake_is_told_in_one_line_without_tensorflow(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom hydra.core.config_store import ConfigStore\nimport src.config, src.model.geometry\n"
        "sys.exit(bool({'keras', 'tensorflow'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
    done = run_inside(["-m", "src.sweep", "model=pretrained", "model.backbone=MobileNetV9"], tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: `model.backbone` must be one of") and done.stderr.count("\n") == 1
    done = run_inside(["-m", "src.sweep", "training.fine_tune_epochs=2"], tmp_path)
    assert done.stderr == (
        "error: `training.fine_tune_epochs` must be 0 with model=cnn, which has no phases, got 2; "
        "type e.g. model=pretrained\n"
    )
