"""A study in Python: `from convsweep import open_study`."""

import sys
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from convsweep import open_study
from convsweep.errors import UserError
from convsweep.report import StudyView
from convsweep.storage.opening import open_storage
from tests.helpers.made_up import made_up


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a study of 20 trials, one more failed, and an empty one."""
    folder = tmp_path_factory.mktemp("multirun")
    study = optuna.create_study(storage=open_storage(None, folder / "s"), study_name="s", direction="maximize")
    made_up(lambda p: p["model.filters"], trials=20, study=study)
    study.add_trial(create_trial(state=TrialState.FAIL, intermediate_values={1: 0.5, 2: 0.25}))
    config = folder / "s/trial-0003/.hydra/config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("training: {epochs: 9}\n")
    optuna.create_study(storage=open_storage(None, folder / "empty"), study_name="empty")
    return folder


@pytest.fixture
def study(folder: Path) -> StudyView:
    return open_study("s", folder)


def test_the_trials_are_a_table(study: StudyView) -> None:
    table = study.trials()
    assert len(table) == 21
    assert list(table.columns[:4]) == ["trial", "state", "value", "optimizer"]
    assert table.state.tolist() == ["COMPLETE"] * 20 + ["FAIL"]
    best = study.best(3)
    assert best.value.is_monotonic_decreasing
    assert best.value[0] == table.value.max()
    assert study.best_params["model.filters"] == best["model.filters"][0]


def test_curves_findings_and_figures(study: StudyView, tmp_path: Path) -> None:
    assert study.curves().to_dict("list") == {"trial": [20, 20], "step": [1, 2], "value": [0.5, 0.25]}
    assert study.importances().key[0] == "model.filters"
    assert study.findings().compared == 20
    pytest.importorskip("plotly")
    assert "history" in study.figures()
    assert study.report(tmp_path / "new/report.html").stat().st_size > 1e6


def test_a_config_is_that_in_the_trial_s_folder(study: StudyView) -> None:
    assert study.configuration(3).training.epochs == 9
    with pytest.raises(UserError, match="the config of trial 2 of s is not here: there is no "):
        study.configuration(2)


def test_what_is_not_there_is_said_in_a_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"no study t in .*; there are empty, s"):
        open_study("t", folder)
    empty = open_study(folder / "empty", folder)
    assert repr(empty) == "<StudyView empty: 0 trials>"
    assert empty.trials().empty
    assert empty.best().empty
    with pytest.raises(UserError, match="no trial of empty has been trained to its end"):
        _ = empty.best_params
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UserError, match=r"a table of trials needs the package pandas; type .*install.* pandas"):
        empty.trials()
