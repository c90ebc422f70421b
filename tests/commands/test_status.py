"""A look at a study from outside: `python -m src.status`."""

import csv
import fcntl
import json
import os
import re
import socket
import time
from pathlib import Path

import optuna
import pytest
from optuna.study import StudyDirection

from convsweep.policy.policy import Policy
from convsweep.policy.work import WORKER
from convsweep.storage.opening import open_storage
from convsweep.study.trial_states import take
from tests.helpers.command import run, run_inside, toy

DIRECTIONS = (StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE)


def status(folder: Path, *arguments: str) -> str:
    done = run_inside(["-m", "src.status", *arguments], folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a finished study in which a trial failed, one of two objectives, and one that goes on."""
    folder = tmp_path_factory.mktemp("sweeps")
    toy(folder, "x=1,2,3,4", "group=low", "fail_above=3", "hydra.sweeper.study_name=done")
    _study(folder, "two", [(0.5, 1.0), (0.25, 0.0)])
    going = _study(folder, "going", [(0.5,), (0.25,)])
    for x in (0.25, 0.5):
        going.enqueue_trial({"x": x})
    taken = take(going, Policy(9))
    assert taken is not None
    going._storage.set_trial_intermediate_value(taken._trial_id, 3, 0.125)
    return folder


def _study(folder: Path, name: str, values: list[tuple[float, ...]]) -> optuna.Study:
    storage = open_storage(None, folder / "multirun" / name)
    study = optuna.create_study(storage=storage, study_name=name, directions=DIRECTIONS[: len(values[0])])
    study.add_trials([optuna.create_trial(values=numbers) for numbers in values])
    return study


def test_a_finished_study_is_shown_with_its_best_trials_and_failures(sweeps: Path) -> None:
    shown = status(sweeps, "done")
    assert "study    done: minimize, in multirun/done" in shown
    assert "space    x {1, 2, 3, 4}" in shown
    assert "trials   3 done, 1 failed" in shown
    assert "driver   none\n" in shown
    assert re.search(r"best trials\s+trial\s+value\s+seconds\s+x\s+0\s+1 ", shown), shown
    assert "failed   trial 3: RuntimeError: x is 4" in shown


def test_a_running_study_is_shown_with_its_workers_and_the_time_left(sweeps: Path) -> None:
    assert "driver   none; its trials wait for the command that started it" in status(sweeps, "going")
    with (sweeps / "multirun/going/driver.lock").open("w") as lock:
        lock.write("4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        shown = status(sweeps, "going")
        assert "; process 4711 runs it" in status(sweeps)
    assert "trials   1 waiting, 1 running, 2 done" in shown
    assert re.search(r"driver   process 4711 runs it; about 0:00:\d\d left", shown), shown
    assert re.search(rf"running  trial 2 on \S+, process {os.getpid()}, for 0:00:\d\d, step 3: 0.125", shown), shown


def test_a_trial_whose_process_was_killed_with_its_driver_is_interrupted(tmp_path: Path) -> None:
    study = _study(tmp_path, "killed", [(0.5,)])
    for host, pid in ((socket.gethostname(), 2**22 + 1), ("elsewhere", 1), (socket.gethostname(), os.getpid())):
        study.enqueue_trial({"x": 0.25})
        taken = take(study, Policy(9))
        assert taken is not None
        study._storage.set_trial_system_attr(taken._trial_id, WORKER, [host, pid, time.time(), ""])
    shown = status(tmp_path, "killed")
    assert "trials   2 running, 1 interrupted, 1 done" in shown
    assert "interrupted trial 1\n" in shown
    assert "running  trial 2 on elsewhere" in shown
    assert "running  trial 3 on" in shown
    assert "killed: 2 running, 1 interrupted, 1 done" in status(tmp_path)


def test_two_objectives_show_their_front_and_a_folder_is_a_name(sweeps: Path) -> None:
    shown = status(sweeps, "multirun/two/")
    assert "study    two: minimize and maximize" in shown
    assert "Pareto front" in shown
    assert status(sweeps, "two", "--storage", "multirun/two/journal.log") == shown


def test_all_of_it_as_json_and_a_row_a_trial_as_csv(sweeps: Path) -> None:
    data = json.loads(status(sweeps, "done", "--json"))
    assert data["study"] == "done"
    assert data["directions"] == {"value": "minimize"}
    assert data["best"] == [0]
    assert [trial["state"] for trial in data["trials"]] == ["COMPLETE"] * 3 + ["FAIL"]
    assert data["trials"][3]["error"] == "RuntimeError: x is 4"
    assert data["advice"][0]["overrides"] == ["+repeat=range(4)"]
    rows = list(csv.DictReader(status(sweeps, "done", "--csv").splitlines()))
    assert [(row["trial"], row["state"], row["x"]) for row in rows[2:]] == [("2", "COMPLETE", "3"), ("3", "FAIL", "4")]
    two = json.loads(status(sweeps, "two", "--json"))
    assert two["trials"][0]["values"] == {"value 0": 0.5, "value 1": 1.0}
    known = {study["study"]: study["complete"] for study in json.loads(status(sweeps, "--json"))}
    assert known == {"done": 3, "two": 2, "going": 2}
    assert status(sweeps, "--csv").startswith("study,folder,process,waiting,running,complete,")


def test_watching_a_study_that_nobody_runs_shows_it_once(sweeps: Path) -> None:
    assert status(sweeps, "done", "--watch") == status(sweeps, "done")


def test_all_studies_are_listed_and_nothing_is_changed(sweeps: Path, tmp_path: Path) -> None:
    def files() -> list:
        return [(path, path.stat().st_mtime_ns) for path in sorted(sweeps.rglob("*"))]

    before = files()
    lines = status(sweeps).splitlines()
    assert sorted(lines) == ["done: 3 done, 1 failed", "going: 1 waiting, 1 running, 2 done", "two: 2 done"]
    status(sweeps, "going")
    assert files() == before
    assert status(tmp_path) == "no studies in multirun\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dome"], "no study dome in multirun; there are done, going, two; did you mean done?"),
        (["dome", "--storage", "multirun/two/journal.log"], "no study dome in multirun/two/journal.log; there are two"),
        (["done", "--storage", "sqlite:///none.db"], "there is no storage none.db"),
    ],
)
def test_an_unknown_study_is_refused_in_a_line(sweeps: Path, arguments: list[str], said: str) -> None:
    done = run_inside(["-m", "src.status", *arguments], sweeps)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {said}\n")


def test_it_imports_nothing_heavy(sweeps: Path) -> None:
    code = (
        "import runpy, sys\n"
        "sys.argv = ['status', 'done']\n"
        "runpy.run_module('src.status', run_name='__main__')\n"
        "print('HEAVY', sorted({'tensorflow', 'keras', 'mlflow', 'matplotlib', 'sklearn'} & set(sys.modules)))\n"
    )
    done = run(["-c", code], sweeps)
    assert "HEAVY []" in done.stdout, done.stdout + done.stderr
