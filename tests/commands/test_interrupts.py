"""Ctrl-C stays a Ctrl-C wherever the app runs, and one that an app raises itself stays the app's."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.helpers.command import ROOT, start, states, trials, wait_for, wait_until

TOY = str(ROOT / "tests/helpers/toy/app.py")

EARLY = """
import os, sys, hydra

class Finder:
    def find_spec(self, name, *_):
        if name == "rich._emoji_replace":  # in the middle of importing what the sweeper shows things with
            os.kill(os.getpid(), int(os.environ["NUMBER"]))

@hydra.main(version_base="1.3", config_path=None)
def main(cfg):
    return 0.0

sys.meta_path.insert(0, Finder())
main()
"""

TALKATIVE = """
import time, hydra
from convsweep import current_trial

@hydra.main(version_base="1.3", config_path=None)
def main(cfg):
    for step in range(1, 11):
        time.sleep(0.1)
        print("step", step, flush=True)
        current_trial().report(step, step)
        if current_trial().should_stop():
            break
    return 0.0

if __name__ == "__main__":
    main()
"""


def interrupted(folder: Path, *overrides: str, times: int = 1) -> tuple[int, str, str]:
    """Start a sweep of long trials, press Ctrl-C as soon as one has begun; return the status and the output."""
    process = start([TOY, "-m", "x=range(0,4)", *overrides], folder)
    wait_for(folder, "RUNNING")
    for _ in range(times):
        time.sleep(0.7)
        os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_in_the_drivers_own_process(tmp_path: Path, times: int) -> None:
    """Once: the trial ends at its next step. Twice: at once, in the middle of a step."""
    length = ["steps=100", "seconds=30"] if times == 1 else ["steps=1", "seconds=1000"]
    status, out, err = interrupted(tmp_path, "hydra/launcher=basic", *length, times=times)
    assert status == 130, err
    assert "Traceback" not in err
    assert "resume" in out.splitlines()[-1]
    assert states(tmp_path) == {"WAITING": 4}


@pytest.mark.slow
def test_an_app_that_makes_something_else_of_it(tmp_path: Path) -> None:
    ways = "how=turn_an_interrupt,good"
    process = start([str(ROOT / "tests/helpers/toy/ends.py"), "-m", "hydra/launcher=basic", ways], tmp_path)
    wait_for(tmp_path, "RUNNING")
    for _ in range(2):
        time.sleep(0.7)
        os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "resume" in out.splitlines()[-1]
    assert states(tmp_path) == {"WAITING": 2}


def test_a_trial_that_fails_because_of_it_waits(tmp_path: Path) -> None:
    ways = "how=lose_a_child,good"
    process = start([str(ROOT / "tests/helpers/toy/ends.py"), "-m", "hydra/launcher=basic", ways], tmp_path)
    wait_for(tmp_path, "RUNNING")
    time.sleep(1)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "resume" in out.splitlines()[-1]
    assert states(tmp_path) == {"WAITING": 2}


@pytest.mark.slow
@pytest.mark.skipif(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN, reason="nohup keeps the signal away")
def test_a_terminal_that_is_closed_ends_it_in_order(tmp_path: Path) -> None:
    process = start([TOY, "-m", "x=range(0,4)", "steps=40", "seconds=8", "hydra.sweeper.n_jobs=1"], tmp_path)
    wait_until(lambda: any(trial.intermediate_values for trial in trials(tmp_path)))
    for _ in range(2):  # the kernel and the shell both tell
        os.kill(process.pid, signal.SIGHUP)
        time.sleep(0.1)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "resume" in out.splitlines()[-1]
    assert "stopping: running trials end at their next epoch" in out
    assert states(tmp_path) == {"WAITING": 4}


def test_nothing_is_written_to_a_closed_terminal(tmp_path: Path) -> None:
    code = (
        "import os\n"
        "from convsweep.workers.terminal import leave_terminal\n"
        "terminal, end = os.openpty()\n"
        "os.dup2(end, 1)\n"
        "os.close(terminal)\n"
        "leave_terminal()\n"
        "print('lost', flush=True)\n"
    )
    process = start(["-c", code], tmp_path)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")


def test_before_there_is_a_study(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import time\nprint('begun', flush=True)\ntime.sleep(60)\n")
    process = start(
        [TOY, "-m", "x=1,2", "+hydra.sweeper.callbacks.slow={_target_:slow.Nothing}"],
        tmp_path,
        PYTHONPATH=os.pathsep.join([str(ROOT), str(tmp_path)]),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "interrupted\n")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_while_the_sweeper_is_imported(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "early.py").write_text(EARLY)
    process = start(["early.py", "-m", "hydra/sweeper=convsweep"], tmp_path, NUMBER=str(int(number)))
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "interrupted\n")


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", "joblib", "joblib hydra.sweeper.preload=[numpy]"])
@pytest.mark.parametrize("stopped", [True, False])
def test_a_reader_that_ends_fails_no_trial(tmp_path: Path, launcher: str, stopped: bool) -> None:
    """As `| tee log` does by Ctrl-C, which is for it, too, and `| head` by itself."""
    (tmp_path / "app.py").write_text(TALKATIVE)
    where = ["hydra.sweep.dir=multirun/toy", "hydra.sweeper.study_name=toy", "hydra.sweeper.n_jobs=1"]
    how = f"hydra/sweeper=convsweep hydra/launcher={launcher}".split()
    process = start(["app.py", "-m", *how, "+x=range(0,4)", *where], tmp_path)
    assert process.stdout is not None and process.stderr is not None
    wait_for(tmp_path, "RUNNING")
    time.sleep(0.3)
    process.stdout.close()
    if stopped:
        os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) == (130 if stopped else 0)
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    assert set(states(tmp_path)) <= {"WAITING", "COMPLETE"}
    assert (states(tmp_path)["WAITING"] > 0) == stopped


def test_while_the_process_that_forks_still_imports(tmp_path: Path) -> None:
    """Nobody waits for an import that takes a minute: no worker is wanted any more."""
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(60)\n")
    process = start(
        [TOY, "-m", "x=1,2", "hydra.sweeper.preload=[slow]"],
        tmp_path,
        PYTHONPATH=os.pathsep.join([str(ROOT), str(tmp_path)]),
    )
    wait_for(tmp_path, "WAITING", 2)
    time.sleep(1)
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert time.monotonic() - began < 30
    assert "resume" in out.splitlines()[-1]
    assert states(tmp_path) == {"WAITING": 2}
