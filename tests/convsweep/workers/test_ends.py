"""However an app ends a trial, the trial is recorded as what it was, once, and the others go on."""

from pathlib import Path

import pytest
from optuna.trial import FrozenTrial

from tests.helpers.command import ROOT, run, run_inside, trials
from tests.helpers.toy import ends

APP = str(ROOT / "tests/helpers/toy/ends.py")
PACKAGE = """
import multiprocessing
import hydra
from .number import NUMBER

def number():
    return NUMBER

@hydra.main(version_base="1.3", config_path=None)
def main(cfg):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(number)

if __name__ == "__main__":
    main()
"""
SCRIPT = """
import hydra
from hydra.utils import instantiate

class Base:
    pass

class Net(Base):
    def __init__(self, width):
        self.width = width

def wider(width):
    return Net(10 * width)

def suggest(cfg, trial):
    trial.suggest_int("+depth", 1, 1)

LARGE = bytes(2_000_000)

def not_asked_for():
    return LARGE

@hydra.main(version_base="1.3", config_path=None)
def main(cfg):
    net = instantiate(cfg.net)
    assert isinstance(net, Base)
    return net.width + cfg.depth

if __name__ == "__main__":
    main()
"""


def found(folder: Path) -> dict[str, FrozenTrial]:
    return {trial.params["how"]: trial for trial in trials(folder)}


def times_run(folder: Path, how: str) -> int:
    return len((folder / f"ran-{how}").read_text())


def check(folder: Path, fail: list[str], pruned: list[str], complete: list[str]) -> None:
    by_way = found(folder)
    for state, ways in (("FAIL", fail), ("PRUNED", pruned), ("COMPLETE", complete)):
        assert {how: by_way[how].state.name for how in ways} == dict.fromkeys(ways, state)
    assert all(len(trial.user_attrs.get("error", "")) <= 10_000 for trial in by_way.values())
    assert all(len(trial.user_attrs.get("traceback", "")) <= 10_000 for trial in by_way.values())


def check_words(folder: Path, output: str) -> None:
    said = {how: trial.user_attrs.get("error", "") for how, trial in found(folder).items()}
    assert said["exit_1"] == "SystemExit: 1"
    assert said["exit_with_words"] == "SystemExit: no such file"
    assert said["own"] == "Own: mine"
    assert said["mute"] == "Mute: its words cannot be had (Own)"
    assert "OverflowError" in said["huge_number"]
    assert "exit_0" in found(folder)["exit_0"].user_attrs["traceback"]
    assert "ends.py" in found(folder)["huge_words"].user_attrs["traceback"], "the stack is not pushed out"
    assert found(folder)["pruned_late"].value == 7
    assert "\x1b" not in output and "\x9b" not in output and "\u202e" not in output
    assert "\\x1b[31mred\\x1b[0m" in output
    assert "[bold]no markup[/bold]" in output
    assert max(map(len, output.splitlines())) < 1000


@pytest.mark.slow
def test_in_the_drivers_own_process(tmp_path: Path) -> None:
    ways = [*ends.FAIL, *ends.PRUNED, *ends.COMPLETE]
    done = run_inside(
        [APP, "-m", "hydra/launcher=basic", f"how={','.join(ways)}", "hydra.sweeper.n_trials=100"], tmp_path
    )
    assert done.returncode == 0, done.stderr
    check(tmp_path, list(ends.FAIL), list(ends.PRUNED), list(ends.COMPLETE))
    check_words(tmp_path, done.stdout)
    assert all(times_run(tmp_path, how) == 1 for how in ways)


@pytest.mark.slow
def test_in_workers(tmp_path: Path) -> None:
    once = [*ends.FAIL, *ends.FAIL_IN_WORKERS, *ends.PRUNED, *ends.COMPLETE, *ends.COMPLETE_IN_WORKERS]
    ways = [*once, *ends.KILL, *ends.STOP, "good"]
    done = run([APP, "-m", f"how={','.join(ways)}", "hydra.sweeper.n_trials=100", "hydra.sweeper.n_jobs=2"], tmp_path)
    assert done.returncode == 0, done.stderr
    fail = [*ends.FAIL, *ends.FAIL_IN_WORKERS, *ends.KILL, *ends.STOP]
    check(tmp_path, fail, list(ends.PRUNED), [*ends.COMPLETE, *ends.COMPLETE_IN_WORKERS, "good"])
    check_words(tmp_path, done.stdout)
    expected = dict.fromkeys([*once, "good"], 1) | dict.fromkeys(ends.KILL, 2)
    assert {how: times_run(tmp_path, how) for how in ways if how not in ends.STOP} == expected
    # A stop is counted a second later: until then the other worker may have taken the trial, again and again.
    assert all(2 <= times_run(tmp_path, how) <= 6 for how in ends.STOP)


def test_an_exit_of_the_process_is_not_the_end_of_the_work(tmp_path: Path) -> None:
    ways = ["exit_now_0", "exit_0", "good"]
    done = run([APP, "-m", f"how={','.join(ways)}", "hydra.sweeper.n_jobs=1"], tmp_path)
    assert done.returncode == 0, done.stderr
    check(tmp_path, ways[:2], [], ways[2:])
    assert found(tmp_path)["exit_now_0"].user_attrs["error"] == "its worker ended with status 0, on try 2"


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["hydra.sweeper.preload=[numpy]"]])
def test_what_a_script_defines_is_found_by_its_name_and_children_can_be_ended(tmp_path: Path, more: list[str]) -> None:
    ways = ["end_a_child", "keep_and_load", "spawn"]
    done = run([APP, "-m", f"how={','.join(ways)}", "hydra.sweeper.n_jobs=1", *more], tmp_path)
    assert done.returncode == 0, done.stderr
    check(tmp_path, [], [], ways)


@pytest.mark.slow
def test_a_module_run_as_a_script_is_spawned_by_its_name(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "number.py").write_text("NUMBER = 3.0")
    (package / "script.py").write_text(PACKAGE)
    done = run(["-m", "package.script", "-m", "hydra/sweeper=convsweep", "hydra/launcher=joblib", "+x=1,2"], tmp_path)
    assert done.returncode == 0, done.stdout
    assert "done   3" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["hydra.sweeper.preload=[numpy]"]])
def test_a_config_may_name_what_the_script_defines(tmp_path: Path, more: list[str]) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    space = ["+net._target_=__main__.Net,__main__.wider", "+net.width=2", "hydra.sweep.dir=multirun/toy"]
    asked = ["hydra.sweeper.custom_search_space=__main__.suggest", "hydra.sweeper.study_name=toy", *more]
    command = ["script.py", "-m", "hydra/sweeper=convsweep", "hydra/launcher=joblib", *space, *asked]
    done = run([*command, "hydra.sweeper.n_trials=4"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert {(trial.params["net._target_"], trial.value) for trial in trials(tmp_path)} == {
        ("__main__.Net", 3.0),
        ("__main__.wider", 21.0),
    }
