"""The settings of `dataset`: every mistake is named before data is read."""

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from src.config.dataset import DATASETS, DatasetConfig, check, register

CONF = Path(__file__).parents[3] / "conf" / "dataset"


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("name", "minst", "one of digits, mnist"),
        ("scaling", "max", "one of minmax, standardize, none"),
        ("labels", "one-hot", "one of sparse, onehot"),
        ("validation_fraction", 1.5, "a number between 0 and 1, got 1.5; type e.g. dataset.validation_fraction=0.2"),
        ("validation_fraction", 0.0, "a number between 0 and 1"),
        ("validation_fraction", float("nan"), "a number between 0 and 1"),
        ("test_fraction", 1.0, "a number between 0 and 1, or null, got 1.0; type e.g. dataset.test_fraction=0.2"),
        ("test_fraction", 0.2, "null for mnist, which has test images, got 0.2; type dataset.test_fraction=null"),
        ("folds", 0, "a whole number from 2, or null for one split, got 0; type e.g. dataset.folds=5"),
        ("folds", True, "a whole number from 2, or null"),
        ("limit", 0, "a whole number from 1, or null, got 0"),
        ("limit", True, "a whole number from 1, or null"),
        ("image_size", 0, "[height,width]"),
        ("image_size", [28], "[height,width]"),
        ("image_size", [28, -1], "[height,width]"),
        ("image_size", "28", "[height,width]"),
        ("path", "/no/such/folder", "an existing file or folder"),
    ],
)
def test_a_mistake_is_one_line_with_the_key_and_what_to_type(key: str, value: Any, expected: str) -> None:
    config = DatasetConfig("mnist")
    setattr(config, key, value)
    (problem,) = check(config)
    assert problem.startswith(f"`dataset.{key}` must be ")
    assert expected in problem
    assert f"type e.g. dataset.{key}=" in problem or f"type dataset.{key}=" in problem


def test_all_mistakes_come_at_once() -> None:
    assert len(check(DatasetConfig("mnist", limit=-1, validation_fraction=2, scaling="x", labels="y"))) == 4


@pytest.mark.parametrize("size", [None, 1, 224, [28, 14], (8, 8)])
def test_sizes_that_are_fine(size: Any) -> None:
    assert check(DatasetConfig("mnist", image_size=size)) == []


def test_an_image_folder_needs_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "archive.zip"
    file.write_bytes(b"")
    for path in (None, str(file), str(tmp_path / "nothing")):
        assert len(check(DatasetConfig("image_folder", path=path))) == 1
    assert check(DatasetConfig("image_folder", path=str(tmp_path))) == []


def test_digits_take_no_path(tmp_path: Path) -> None:
    assert "dataset.path=null" in check(DatasetConfig("digits", path=str(tmp_path)))[0]


@pytest.mark.parametrize("name", DATASETS)
def test_each_option_file_fits_the_schema(name: str) -> None:
    register(ConfigStore.instance())
    with initialize_config_dir(str(CONF.parent), version_base="1.3"):
        config = compose(overrides=[f"+dataset={name}"]).dataset
    settings = OmegaConf.to_object(config)
    assert isinstance(settings, DatasetConfig)
    assert settings.name == name
    assert len(check(settings)) == (name in ("image_folder", "arrays", "table", "custom"))
    assert (CONF / f"{name}.yaml").read_text().startswith("# ")
