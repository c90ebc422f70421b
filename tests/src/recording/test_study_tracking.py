"""What a study says of itself in MLflow: its run, and those of its trials."""

from pathlib import Path

import optuna
import pytest
from hydra import compose, initialize_config_dir

from convsweep.policy.repeats import REPEATS
from convsweep.study import ranked
from convsweep.study.trial_states import put_back
from src.config import register
from src.recording.study_tracking import OUTBOX, PARENT, StudyTracking, _runs_of_the_best
from src.tracking import Address, StudyRun, TrialRun, open_store
from tests.helpers.command import ROOT

DRIVER = "0a1b2c3d"


def tracking(*overrides: str) -> StudyTracking:
    """Return the driver's part, as a sweep with the default config has it."""
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        callback = StudyTracking()
        assert callback.check(compose("config", list(overrides))) == []
        return callback


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "optimization_results.yaml").touch()
    return tmp_path


def states(study: optuna.Study) -> dict[str, tuple[str, str]]:
    """Return each trial's status and state in MLflow."""
    client, ids = open_store("convsweep", None).client, [open_store("convsweep", None).experiment_id]
    runs = client.search_runs(ids, f"tags.`mlflow.parentRunId` = '{study.user_attrs[PARENT + DRIVER]}'")
    assert len({run.info.run_name for run in runs}) == len(runs)
    return {str(run.info.run_name): (run.info.status, run.data.tags["convsweep.state"]) for run in runs}


def test_nothing_is_recorded_of_a_study_that_ends_before_its_first_trial(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, driver = optuna.create_study(direction="maximize", study_name="s"), tracking()
    driver.on_study_start(study, folder, DRIVER)
    study.enqueue_trial({})
    driver.on_study_end(study, folder)
    assert capsys.readouterr().out == ""
    assert not list(folder.glob("*.db"))


def test_trials_that_could_not_say_how_they_ended_are_ended(folder: Path) -> None:
    study, driver = optuna.create_study(direction="maximize", study_name="s"), tracking()
    driver.on_study_start(study, folder, DRIVER)
    for _ in range(5):
        study.enqueue_trial({})
    trials = [study.ask() for _ in range(3)]
    records = [
        TrialRun(Address.of("convsweep", None), folder / OUTBOX, f"trial-{i:04d}", {}, "s", i, driver=DRIVER)
        for i in range(3)
    ]
    records[0].log_metrics({"loss": 0.5}, 1)
    records[0].end("COMPLETE")
    study.tell(trials[0], 0.9)
    trials[1].set_user_attr("error", "its worker died")
    study.tell(trials[1], state=optuna.trial.TrialState.FAIL)
    put_back(study, trials[2]._trial_id)
    study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)  # trial 2, which waited
    study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)  # trial 3, which has no run
    for record in records:
        assert record._envelope is not None
        record._envelope._file.close()
    driver.on_study_end(study, folder)
    ended = {"trial-0000": ("FINISHED", "COMPLETE")} | {f"trial-000{i}": ("FAILED", "FAIL") for i in (1, 2, 3)}
    assert states(study) == ended
    client, run_id = open_store("convsweep", None).client, study.user_attrs[PARENT + DRIVER]
    assert client.get_run(run_id).info.status == "KILLED", "trial 4 waits"
    tracking().on_study_end(study, folder)
    assert states(study) == ended


def test_the_report_that_mlflow_missed_is_made_by_the_same_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study, driver = optuna.create_study(direction="maximize", study_name="s"), tracking()
    driver.on_study_start(study, folder, DRIVER)
    trial = study.ask()
    TrialRun(Address.of("convsweep", None), folder / OUTBOX, "trial-0000", {}, "s", 0, driver=DRIVER).end("COMPLETE")
    study.tell(trial, 0.9)
    with monkeypatch.context() as patched:
        patched.setattr(StudyRun, "describe", lambda *_: (_ for _ in ()).throw(ConnectionError("nobody")))
        driver.on_study_end(study, folder)
    assert ": the study's summary (nobody); the same command delivers it" in capsys.readouterr().out
    client, run_id = open_store("convsweep", None).client, study.user_attrs[PARENT + DRIVER]
    assert client.get_run(run_id).info.status == "RUNNING"
    tracking().on_study_end(study, folder)
    assert client.get_run(run_id).info.status == "FINISHED"
    assert client.get_run(run_id).data.metrics == {"summary/best_val_accuracy": 0.9}


@pytest.mark.slow
def test_drivers_of_several_folders_have_a_run_of_the_study_in_each_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    study = optuna.create_study(study_name="s")
    for driver, place in (("a", "one"), ("b", "two"), ("c", "one"), ("d", "two")):
        (tmp_path / place).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / place)
        part = tracking()
        part.on_study_start(study, tmp_path / place, driver)
        TrialRun(Address.of(None, None), tmp_path / place / OUTBOX, "trial-0000", {}, "s", 0, driver=driver).end("FAIL")
        assert not part._post.settle(tmp_path / place / OUTBOX)
        part._post.leave()
        run = open_store("convsweep", None).client.get_run(study.user_attrs[PARENT + driver])
        assert run.data.tags["convsweep.study"] == "s"
    made = {driver: study.user_attrs[PARENT + driver] for driver in "abcd"}
    assert made["a"] == made["c"] != made["b"] == made["d"]


def test_a_server_that_does_not_answer_is_a_problem_of_the_config() -> None:
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        (problem,) = StudyTracking().check(compose("config", ["tracking.uri=http://127.0.0.1:1"]))
    assert problem.startswith("`tracking.uri`: no MLflow server answers at http://127.0.0.1:1")


def test_the_models_of_all_runs_of_a_confirmed_configuration_are_the_best_ones() -> None:
    """The search's own trial of it may have been no best at its time, and have no model."""
    study = optuna.create_study(direction="maximize")
    for value in (0.9, 0.8):
        study.add_trial(optuna.trial.create_trial(value=value))
    assert _runs_of_the_best(ranked(study)) == {0}
    for of, value in ((0, 0.5), (1, 0.79)):
        study.add_trial(optuna.trial.create_trial(value=value, system_attrs={REPEATS: [of, 0]}))
    assert _runs_of_the_best(ranked(study)) == {1, 3}
