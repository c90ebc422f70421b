"""The data is looked for before a sweep starts and decoded beside its workers, by the driver, once."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from convsweep.errors import UserError
from src.config import register, settings
from src.config.dataset import CustomConfig
from src.dataset import DatasetError, loading
from src.recording import StudyData, await_data, check_unchanged, study_data
from src.recording.study_data import _key
from tests.helpers.command import ROOT
from tests.helpers.dataset_files import write_images


class Study:
    """What is asked of a study here."""

    study_name = "flowers"

    def __init__(self) -> None:
        self.user_attrs: dict[str, Any] = {}
        self.trials: list[Any] = []

    def get_trials(self, deepcopy: bool) -> list[Any]:
        return self.trials

    def set_user_attr(self, key: str, value: Any) -> None:
        self.user_attrs[key] = value


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("a", "b"):
        write_images(tmp_path / "data" / "Training" / name, 5, (200 - ord(name), 30, 30))
    return tmp_path / "data"


def composed(folder: Path, *overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        given = ["dataset=image_folder", f"dataset.path={folder}", *overrides]
        return compose("config", given, return_hydra_config=True)


def start(callback: StudyData, study: Any = None) -> Study:
    study = study or Study()
    callback.on_study_start(study, Path(), "me")
    return study


def test_each_dataset_is_decoded_once_and_told_of_once(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    callback = StudyData()
    for size in (8, 12, 8):
        assert callback.check(composed(folder, f"dataset.image_size={size}")) == []
    assert not (tmp_path / "cache").exists()
    assert callback.plan() == ["dataset 10 files of 2 classes: a (5), b (5)", "dataset Training/ is the training part"]
    study = start(callback)
    assert study.user_attrs["data_ready:me"] is True
    assert capsys.readouterr().out == "", "it was told with the plan"
    assert len(list((tmp_path / "cache" / "convsweep").glob("*/entry.json"))) == 4


def test_images_that_have_changed_since_trials_were_trained_on_them_are_refused_until_they_are_meant(
    folder: Path,
) -> None:
    def again(*overrides: str) -> None:
        loading._loaded.clear()  # as in another process
        callback = StudyData()
        assert callback.check(composed(folder, "dataset.image_size=8", *overrides)) == []
        start(callback, study)

    study = Study()
    again()
    write_images(folder / "Training" / "a", 7)
    again()  # nothing has been trained so far
    study.trials = [SimpleNamespace(values=[0.5], intermediate_values={})]
    again()
    again("seed=1")  # another split is another study's, or its command says so
    (folder / "Training" / "a" / "000.png").unlink()
    with pytest.raises(
        UserError, match="train and validation part are other images or labels than those that 1 trial of"
    ):
        again()
    again("hydra.sweeper.on_change=continue")
    again()


@pytest.mark.slow
def test_a_trial_is_not_trained_on_images_that_changed_while_the_sweep_runs(folder: Path, tmp_path: Path) -> None:
    callback, config = StudyData(), composed(folder, "dataset.image_size=8")
    assert callback.check(config) == []
    trial: Any = SimpleNamespace(study_attrs=start(callback).user_attrs)
    dataset = settings(config).dataset
    check_unchanged(trial, dataset, config.seed, loading.load(dataset, config.seed).digests)
    write_images(folder / "Training" / "a", 7, (9, 9, 9))
    loading._loaded.clear()
    with pytest.raises(DatasetError, match=r"the train and validation parts have changed since .* put the images and"):
        check_unchanged(trial, dataset, config.seed, loading.load(dataset, config.seed).digests)
    check_unchanged(SimpleNamespace(study_attrs={}), dataset, 0, {"train": "of a machine elsewhere"})  # pyright: ignore


@pytest.mark.slow
def test_a_function_whose_images_differ_by_chance_is_to_seed_what_it_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "drawn_by_chance.py").write_text(
        "import numpy as np\ndef load():\n    return np.random.rand(40, 8, 8), np.arange(40) % 2\n"
    )
    custom = CustomConfig("custom", load="drawn_by_chance.load")
    with pytest.raises(DatasetError, match=r"dataset.load return the same each time, with a seed"):
        check_unchanged(
            SimpleNamespace(study_attrs={_key(custom, 0): loading.load(custom, 0, tmp_path / "1").digests}),  # pyright: ignore
            custom, 0, loading.load(custom, 0, tmp_path / "2").digests,
        )  # fmt: skip


def test_code_that_has_changed_since_trials_were_trained_with_it_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def again() -> str:
        callback = StudyData()
        own = ("model=custom", "model.build=changing_net.build", "dataset=digits", "dataset.path=null")
        assert callback.check(composed(tmp_path, *own)) == []
        start(callback, study)
        return capsys.readouterr().out

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    net = "def build(input_shape, classes):\n    return make({})\n"
    study = Study()
    for text, trials, told in (
        (net.format(1), 0, False),
        (net.format(2), 0, False),  # nothing has been trained so far
        (f"# only a comment\n{net.format(2)}", 1, False),
        (net.format(3), 1, True),
        (net.format(3), 1, False),
    ):
        (tmp_path / "changing_net.py").write_text(text)
        study.trials = [SimpleNamespace(values=None, intermediate_values={1: 0.5})] * trials
        assert ("model    the file of changing_net.build has changed since" in again()) is told


def test_what_names_tell_is_said_before_anything_starts(folder: Path, tmp_path: Path) -> None:
    write_images(folder / "rose", 1)
    (problem,) = StudyData().check(composed(folder))
    assert "got both: Training beside rose" in problem
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["dataset.folds=6"], "`dataset.folds` must be at most 5, the number of images of class a, got 6"),
        (
            ["dataset.folds=3", "dataset.limit=4"],
            "must be at most 2, the number of images of class a under dataset.limi",
        ),
        (
            ["dataset.folds=6", "dataset.test_fraction=0.3"],
            "must be at most 3, the number of images of class a beside dataset.test_fraction=0.3, got 6",
        ),
        (["dataset.limit=1"], "`dataset.limit` must be at least 2, an image of each class, got 1"),
        (["objective='recall[rose]'"], "`recall[rose]` must name one of the classes a, b, got rose"),
        (["constraints=['recall[c] >= 0.5']"], "`recall[c]` must name one of the classes a, b, got c"),
        (["objective=top_5_accuracy"], "`top_5_accuracy` must have more than 5 classes to choose from, got 2"),
        (
            ["dataset=cifar10", "dataset.path=null", "dataset.limit=9"],
            "`dataset.limit` must be at least 10, an image of",
        ),
        (
            ["dataset=digits", "dataset.path=null", "objective='recall[ten]'"],
            "`recall[ten]` must name one of the classe",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_folders_and_labels_tell_of_the_settings_is_said_before_anything_starts(
    folder: Path, tmp_path: Path, given: list[str], said: str
) -> None:
    (problem,) = StudyData().check(composed(folder, *given))
    assert said in problem
    assert not (tmp_path / "cache").exists()


def test_all_that_is_wrong_with_the_data_is_said_at_once(folder: Path) -> None:
    assert len(StudyData().check(composed(folder, "dataset.folds=6", "objective='recall[c]'"))) == 2
    write_images(folder / "validation" / "a", 1)
    (problem,) = StudyData().check(composed(folder, "dataset.folds=3"))
    assert problem.startswith("`dataset.folds` must be null where the data has a validation part of its own, got 3")


def test_a_test_fraction_beside_test_images_or_one_that_is_searched(folder: Path, tmp_path: Path) -> None:
    callback = StudyData()
    assert callback.check(composed(folder, "dataset.test_fraction=0.2", "seed=0")) == []
    assert callback.check(composed(folder, "dataset.test_fraction=0.2", "seed=1")) == []
    (problem,) = callback.check(composed(folder, "dataset.test_fraction=0.4"))
    assert problem.startswith("`dataset.test_fraction` must be the same in all trials")
    assert problem.endswith("got 0.2 and 0.4; type e.g. dataset.test_fraction=0.2")
    for name in ("a", "b"):
        write_images(folder / "test" / name, 1)
    (problem,) = StudyData().check(composed(folder, "dataset.test_fraction=0.2"))
    assert problem == (
        "`dataset.test_fraction` must be null where the data has a test part of its own, got 0.2; type "
        "dataset.test_fraction=null, or move its images to the training part"
    )
    assert not (tmp_path / "cache").exists()


def test_what_the_files_tell_ends_the_sweep_in_one_line(folder: Path) -> None:
    for file in (folder / "Training" / "a").iterdir():
        file.write_bytes(b"text")
    callback = StudyData()
    assert callback.check(composed(folder)) == []
    with pytest.raises(UserError, match="no training image of class a") as caught:
        start(callback)
    (problem,) = caught.value.problems
    assert "skipped 5 files: no image of a known format (Training/a/000.png, " in problem


def test_workers_elsewhere_prepare_by_themselves(folder: Path, tmp_path: Path) -> None:
    callback = StudyData()
    config = composed(folder)
    config.hydra.launcher._target_ = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
    assert callback.check(config) == []
    assert start(callback).user_attrs == {"data_ready:me": True}
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(("attrs", "stops", "answer"), [({"data_ready:me": True}, False, True), ({}, True, False)])
def test_a_trial_waits_for_its_driver(attrs: dict[str, Any], stops: bool, answer: bool) -> None:
    trial: Any = SimpleNamespace(should_stop=lambda: stops, study_attrs=attrs, driver="me")
    assert await_data(trial) is answer


def test_a_trial_whose_driver_is_gone_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_data, "PATIENCE", 0)
    trial: Any = SimpleNamespace(should_stop=lambda: False, study_attrs={}, driver="me")
    assert await_data(trial)
