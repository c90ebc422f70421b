"""Configurations side by side: `python -m src.compare`."""

import csv
import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from convsweep.policy.repeats import REPEATS
from convsweep.storage.opening import open_storage
from convsweep.study import SOURCE
from convsweep.study.metric_names import name_metrics
from convsweep.study.spread import SPREAD
from tests.helpers.command import run_inside

SEEDS = IntDistribution(0, 4)
DIGITS = {"dataset.name": "digits", "dataset.folds": None, "dataset.limit": None}
JUDGED = {
    "digits_": DIGITS,
    "fashion": DIGITS | {"dataset.name": "fashion_mnist"},
    "in_folds": DIGITS | {"dataset.folds": 5},
    "few": DIGITS | {"dataset.limit": 100},
    "one_fold": DIGITS | {"dataset.folds": 1},
    "own": {"dataset.name": "custom", "dataset.load": "a.b"},
    "own_too": {"dataset.name": "custom", "dataset.load._target_": "a.b"},
    "own_small": {"dataset.name": "custom", "dataset.load._target_": "a.b", "dataset.load.size": 8},
}


def study(folder: Path, name: str, values: dict[str, list[float]], settings: dict[str, Any]) -> optuna.Study:
    """Make a study in which each optimizer was trained with some seeds."""
    storage = open_storage(None, folder / "multirun" / name)
    made = optuna.create_study(storage=storage, study_name=name, direction="maximize")
    name_metrics(made, ["accuracy"])
    made.set_user_attr("convsweep", {"space": {}, "settings": settings})
    for optimizer, found in values.items():
        for seed, value in enumerate(found):
            params = {"optimizer": optimizer, "repeat": seed}
            distributions = {"optimizer": CategoricalDistribution(tuple(values)), "repeat": SEEDS}
            made.add_trial(create_trial(value=value, params=params, distributions=distributions))
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    one = {"adam": [0.90, 0.92, 0.91, 0.93], "sgd": [0.80, 0.83, 0.81, 0.82]}
    study(folder, "one", one, {"training.epochs": 9, "seed": 0})
    study(folder, "two", {"adam": [0.91, 0.90, 0.93, 0.92]}, {"training.epochs": 3, "seed": 0})
    study(folder, "high", {"adam": [0.99, 0.9]}, {"training.epochs": 3, "seed": 0})
    study(folder, "won", {"adam": [0.95]}, {"training.epochs": 9})
    final = study(folder, "won-final", {}, {"training.epochs": 9})
    final.set_user_attr(SOURCE, "won")
    for seed, value in enumerate((0.85, 0.86)):
        final.add_trial(create_trial(value=value, system_attrs={REPEATS: [0, seed]}))
    failed = study(folder, "failed", {}, {})
    failed.add_trial(create_trial(state=TrialState.FAIL))
    once = study(folder, "once", {"<b>": [0.5]}, {"training.epochs": 9})
    once.add_trial(create_trial(state=TrialState.FAIL))
    folded = study(folder, "folded", {"adam": [0.9]}, {"dataset.folds": 5})
    trial = create_trial(value=0.95, user_attrs={"a": 1}, system_attrs={SPREAD: [0.0123]})
    folded.add_trial(trial)
    paused = study(folder, "paused", {"adam": [0.9, 0.91]}, {})
    known = {"params": {"optimizer": "adam", "repeat": 4}, "distributions": paused.trials[0].distributions}
    for state in (TrialState.WAITING, TrialState.PRUNED):
        paused.add_trial(create_trial(state=state, intermediate_values={3: 0.8, 9: 0.873}, **known))
    for name, settings in JUDGED.items():
        study(folder, name, {"adam": [0.9, 0.91]}, settings)
    return folder


def test_of_what_is_not_at_its_end_stands_what_it_has_reached(folder: Path) -> None:
    shown = compare(folder, "paused/0", "paused/2", "paused/3")
    assert "0.873 (at step 9, paused)" in shown
    assert "0.873 (at step 9, pruned)" in shown
    data = json.loads(compare(folder, "paused/0", "paused/2", "--json"))
    reached = {"value": 0.873, "step": 9, "state": "paused"}
    assert [side["reached"] for side in data["sides"]] == [{}, {"accuracy": reached}]
    rows = {row["key"]: row for row in csv.DictReader(compare(folder, "paused/0", "paused/2", "--csv").splitlines())}
    assert [rows[f"accuracy.reached_{part}"]["paused/2"] for part in reached] == ["0.873", "9", "paused"]


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("digits_", "fashion", "dataset.name digits and fashion_mnist"),
        ("digits_", "in_folds", "dataset.folds null and 5"),
        ("digits_", "few", "dataset.limit null and 100"),
        ("digits_", "one_fold", None),
        pytest.param("own", "own_too", None, marks=pytest.mark.slow),
        pytest.param("own", "own_small", "dataset.load.size - and 8", marks=pytest.mark.slow),
    ],
)
def test_what_other_images_have_judged_is_not_compared(folder: Path, one: str, other: str, why: str | None) -> None:
    shown = " ".join(compare(folder, one, other).split())
    verdict = json.loads(compare(folder, one, other, "--json"))["verdicts"][0]
    if why is None:
        assert "within noise" in shown and verdict["judged_apart"] == {}
        return
    assert f"they were judged by other images ({why}), so that it does not say which is better" in shown
    assert "train both again" not in shown
    assert (verdict["more_than_noise"], verdict["better"]) == (None, None)
    assert [*verdict["judged_apart"]] == [why.split()[0]]


def test_folds_have_their_spread(folder: Path) -> None:
    shown = compare(folder, "folded", "once")
    assert "0.95 ± 0.012 (over folds)" in shown
    data = json.loads(compare(folder, "folded", "once", "--json"))
    assert [side["values"]["accuracy"]["spread"] for side in data["sides"]] == [0.0123, None]
    table = list(csv.DictReader(compare(folder, "folded", "--csv", "once").splitlines()))
    assert next(row for row in table if row["key"] == "accuracy.spread")["folded"] == "0.0123"


def compare(folder: Path, *arguments: str) -> str:
    done = run_inside(["-m", "src.compare", *arguments], folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_trials_differ_by_more_than_noise(folder: Path) -> None:
    shown = compare(folder, "one/0", "one/trial-0004")
    assert "optimizer" in shown and "adam" in shown and "sgd" in shown
    assert "training.epochs" not in shown, "it is the same"
    assert "repeat" not in shown
    assert "0.915 ± 0.021 (4 runs)" in shown
    assert (
        "verdict  accuracy of one/0 is 0.1 higher than that of one/trial-0004: more than noise (95% interval 0.08"
        in shown
    )
    assert "paired by seed); one/0 is better" in shown


def test_the_best_of_two_studies_are_within_noise(folder: Path) -> None:
    shown = compare(folder, "one", "two")
    assert "one (trial 3)" in shown
    assert "training.epochs" in shown
    assert "verdict  accuracy: no difference: within noise" in shown


def test_no_interval_goes_beyond_1(folder: Path) -> None:
    assert "0.945 (0.37322 to 1, 2 runs)" in compare(folder, "one", "high")
    data = json.loads(compare(folder, "one", "high", "--json"))
    assert [side["values"]["accuracy"]["high"] <= 1 for side in data["sides"]] == [True, True]


def test_one_training_says_that_nothing_is_known(folder: Path) -> None:
    shown = compare(folder, "one", "once")
    assert "whether that is more than noise is not known" in shown
    assert "<b>" in shown


def test_what_was_trained_again_counts_instead_of_the_value_that_was_chosen(folder: Path) -> None:
    shown = compare(folder, "one", "won")
    assert "0.855 ± 0.064 (2 runs)" in shown
    assert "Welch's test); one is better" in shown


def test_json_and_csv_have_the_same(folder: Path) -> None:
    data = json.loads(compare(folder, "one/0", "one/4", "two", "--json"))
    assert [side["name"] for side in data["sides"]] == ["one/0", "one/4", "two"]
    assert data["sides"][0]["values"]["accuracy"]["runs"] == 4
    assert data["differs"]["optimizer"] == {"one/0": "adam", "one/4": "sgd", "two": "adam"}
    assert [(one["other"], one["more_than_noise"]) for one in data["verdicts"]] == [("one/4", True), ("two", False)]
    rows = {row["key"]: row for row in csv.DictReader(compare(folder, "one/0", "one/4", "--csv").splitlines())}
    assert rows["optimizer"] == {"key": "optimizer", "one/0": "adam", "one/4": "sgd"}
    assert float(rows["accuracy"]["one/0"]) == pytest.approx(0.915)
    assert float(rows["accuracy.low"]["one/0"]) < 0.915 < float(rows["accuracy.high"]["one/0"])
    once = json.loads(compare(folder, "one", "once", "--json"))
    assert once["verdicts"][0]["more_than_noise"] is None
    assert once["sides"][1]["values"]["accuracy"]["low"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["one", "tow"], [
            "no study tow in multirun; there are digits_, failed, fashion, few, folded, high, in_folds, once, one, "
            "one_fold, own, own_small, own_too, paused, two, won, won-final; did you mean two?",
        ]),
        (["one/99", "failed"], [
            "one has no trial 99; it has 8",
            "no trial of failed has been trained to its end: it has nothing to compare",
        ]),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_named_all_at_once(folder: Path, arguments: list[str], said: list[str]) -> None:
    done = run_inside(["-m", "src.compare", *arguments], folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [f"error: {line}" for line in said]


def test_one_configuration_is_not_compared(folder: Path) -> None:
    done = run_inside(["-m", "src.compare", "one"], folder)
    assert done.returncode == 2
    assert "name two configurations or more" in done.stderr
