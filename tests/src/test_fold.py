"""k-fold: a trial's value is its folds' mean, each image is judged once, and an interruption leaves no trace."""

import dataclasses
import re
from collections import defaultdict
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from src import fold as folding
from src import trial as application
from src.config import Config, register, settings
from src.training import traced
from tests.helpers.command import ROOT

FOLDS, EPOCHS, IMAGES = 3, 2, 62
GIVEN = [
    f"dataset.folds={FOLDS}", f"training.epochs={EPOCHS}", f"dataset.limit={IMAGES}", "model=mlp",
    "model.dense_units=8", "model.dropout=0.3", "training.batch_size=16",
    "objective=macro_f1", "constraints=['parameters <= 10000']",
    "optimizer.learning_rate=0.01", "dataset.scaling=standardize",
]  # fmt: skip


class Record:
    """What a trial's record is told."""

    run_id = None

    def __init__(self) -> None:
        self.metrics: dict[str, dict[int, float]] = defaultdict(dict)
        self.tables: dict[str, Any] = {}
        self.texts: dict[str, str] = {}
        self.figures: list[str] = []
        self.models: list[Any] = []
        self.ended: list[str] = []
        self.tags: dict[str, str] = {}

    def log_metrics(self, metrics: dict[str, float], step: int = 0) -> None:
        for name, value in metrics.items():
            self.metrics[name][step] = value

    def log_table(self, columns: Any, path: str) -> None:
        self.tables[path] = columns

    def log_text(self, text: str, path: str) -> None:
        self.texts[path] = text

    def log_figure(self, draw: Any, path: str) -> None:
        self.figures.append(path)

    def log_model(self, model: Any, beside: dict[str, str], code: Any = None) -> None:
        self.models.append(model)

    def log_tags(self, tags: dict[str, str]) -> None:
        self.tags |= tags

    def log_input(self, *given: Any) -> None:
        self.inputs = given

    def end(self, state: str) -> None:
        self.ended.append(state)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Handle:
    """A trial that is told to stop after so many questions, to go on another time or for good."""

    seed, driver, paused, number, study_name, repeats = 5, "me", (), 0, "s", None
    study_attrs = {"data_ready:me": True}  # noqa: RUF012

    def __init__(self, directory: Path, patience: int = 1000, for_good: bool = False) -> None:
        self.directory, self._left, self._for_good = directory, patience + 1, for_good
        self.stopped = False
        self.reports: dict[int, float] = {}
        self.said: dict[str, Any] = {}

    def should_stop(self) -> bool:
        self._left -= 1
        self.stopped = self._for_good and self._left <= 0
        return self._left <= 0

    def report(self, value: float, step: int, tie_break: float | None = None) -> None:
        self.reports[step] = value

    def ranking(self, value: float) -> list[int]:
        return [self.number]

    def set_constraint(self, key: str, value: float) -> None:
        self.said[key] = value

    def set_tie_break(self, value: float) -> None:
        self.said["tie"] = value

    def set_attr(self, key: str, value: Any) -> None:
        self.said[key] = value

    def set_spread(self, deviations: list[float]) -> None:
        self.said["spread"] = deviations


@pytest.fixture(scope="module")
def config() -> Config:
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return settings(compose("config", GIVEN))


def run(config: Config, record: Record, handle: Handle) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(application, "current_trial", lambda: handle)
        patch.setattr(application, "start_record", lambda *_: record)
        patch.setattr(folding, "record_augmentation", lambda *_: None)
        return application.run(config)


@pytest.fixture(scope="module")
def unbroken(config: Config, tmp_path_factory: pytest.TempPathFactory) -> tuple[float, Record, Handle]:
    traced._kept.clear()
    record, handle = Record(), Handle(tmp_path_factory.mktemp("unbroken"))
    value = run(config, record, handle)
    assert len(traced._kept) == 1, "all folds train on one graph"
    return value, record, handle


def test_the_value_is_the_mean_of_the_folds_beside_its_spread(unbroken: tuple[float, Record, Handle]) -> None:
    value, record, handle = unbroken
    of_folds = [record.metrics[f"fold_{number}/objective"][0] for number in (1, 2, 3)]
    assert value == record.metrics["objective"][0] == pytest.approx(np.mean(of_folds))
    assert record.metrics["objective_std"][0] == pytest.approx(np.std(of_folds, ddof=1))
    assert handle.said["epochs"] == FOLDS * EPOCHS
    assert handle.said["spread"] == pytest.approx([np.std(of_folds, ddof=1)])
    assert len(set(of_folds)) > 1
    means = [np.mean(of_folds[:count]) for count in (1, 2, 3)]
    assert handle.reports == {step: pytest.approx(mean) for step, mean in enumerate(means, 1)}
    best = [max(record.metrics[f"fold_{number}/val_macro_f1"].values()) for number in (1, 2, 3)]
    assert of_folds == pytest.approx(best)


def test_each_folds_curve_is_recorded_and_their_mean_under_the_usual_name(
    unbroken: tuple[float, Record, Handle],
) -> None:
    _, record, _ = unbroken
    for metric in ("loss", "val_loss", "val_accuracy", "val_macro_f1"):
        curves = [record.metrics[f"fold_{number}/{metric}"] for number in (1, 2, 3)]
        assert [list(curve) for curve in curves] == [[1, 2]] * 3
        mean = {epoch: pytest.approx(np.mean([curve[epoch] for curve in curves])) for epoch in (1, 2)}
        assert record.metrics[metric] == mean
    assert not [name for name in record.metrics if name.startswith("fold_4")]
    assert record.metrics["best_val_accuracy_std"][0] >= 0


def test_every_image_is_judged_once_and_the_last_folds_model_is_kept(unbroken: tuple[float, Record, Handle]) -> None:
    _, record, handle = unbroken
    assert np.sum(record.tables["confusion_matrix.json"]["counts"]) == IMAGES
    assert len(record.texts["predictions.csv"].splitlines()) == 1 + IMAGES
    assert len(record.models) == 1
    assert record.ended == ["COMPLETE"]
    assert handle.said["parameters <= 10000"] < 0
    assert [file.name for file in handle.directory.iterdir()] == ["probabilities.npz"], "nothing is left to go on from"


@pytest.mark.parametrize("patience", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_trial_that_is_interrupted_goes_on_as_an_unbroken_one(
    config: Config, unbroken: tuple[float, Record, Handle], tmp_path: Path, patience: int
) -> None:
    """With 1 it stops in the midst of each fold and after it, with 2 after each."""
    value, whole, handle = unbroken
    record, reports, found = Record(), {}, None
    for _ in range(20):
        part = Handle(tmp_path, patience)
        found = run(config, record, part)
        reports |= part.reports
        if record.ended[-1] != "WAITING":
            break
        assert list(tmp_path.iterdir()), "it goes on from something"
    assert len(record.ended) > 2
    assert (found, reports) == (value, handle.reports)
    assert (record.tables, record.tags) == (whole.tables, whole.tags)
    numbers = {name: steps for name, steps in whole.metrics.items() if "seconds" not in name}
    assert {name: steps for name, steps in record.metrics.items() if "seconds" not in name} == numbers
    assert [file.name for file in tmp_path.iterdir()] == ["probabilities.npz"]


def test_a_hopeless_trial_ends_after_its_first_fold(config: Config, tmp_path: Path) -> None:
    record, handle = Record(), Handle(tmp_path, EPOCHS, for_good=True)
    value = run(config, record, handle)
    assert record.ended == ["PRUNED"]
    assert handle.reports == {1: value}
    assert record.metrics["fold_1/objective"][0] == value
    assert not [name for name in record.metrics if name.startswith("fold_2") or name == "objective_std"]
    assert not record.models


def test_a_constraint_that_a_trained_trial_breaks_is_told_in_words(config: Config, tmp_path: Path) -> None:
    handle = Handle(tmp_path)
    run(dataclasses.replace(config, constraints=["macro_f1 >= 1.5"]), Record(), handle)
    assert re.fullmatch(r"macro_f1 is 0\.\d+, which breaks macro_f1 >= 1\.5", handle.said["infeasible"])
