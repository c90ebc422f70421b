"""Asynchronous successive halving: trials pause at rungs, the best go on, and a pause leaves no trace."""

import json
import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial

from convsweep.policy.asha import pauses
from tests.commands.test_faults import TINY, curve, runs, told
from tests.helpers.command import (
    ROOT,
    load_study,
    results,
    run_inside,
    start,
    states,
    toy,
    toy_workers,
    trials,
    wait_for,
    wait_until,
)

ASHA = ["hydra/sweeper/scheduler=asha", "hydra.sweeper.scheduler.min_resource=3", "steps=20"]


def steps(found: list[FrozenTrial]) -> Counter[int]:
    return Counter(len(trial.intermediate_values) for trial in found)


def test_the_best_of_each_rung_go_on_and_the_answer_is_trained_to_its_end(tmp_path: Path) -> None:
    done = toy(tmp_path, "x=interval(-5,5)", *ASHA, "hydra.sweeper.n_trials=27")
    assert done.returncode == 0, done.stderr
    assert "pausing at 3, 9, 27, 81, ..., one in 3 going on" in done.stdout
    found = trials(tmp_path)
    assert len(found) == 27
    assert set(steps(found)) == {3, 9, 20}
    complete = [trial for trial in found if trial.state.name == "COMPLETE"]
    assert {len(trial.intermediate_values) for trial in complete} == {20}
    assert states(tmp_path) == {"COMPLETE": len(complete), "PRUNED": 27 - len(complete)}
    for step in (3, 9):
        there = sorted((t for t in found if step in t.intermediate_values), key=lambda t: t.intermediate_values[step])
        on = [trial for trial in there if len(trial.intermediate_values) > step]
        assert set(range(len(there) // 3)) <= {there.index(trial) for trial in on}, "the best third went on"
    best = min(found, key=lambda trial: trial.intermediate_values[3])
    assert results(tmp_path)["best_trial"] == best.number


def test_a_short_study_still_has_an_answer(tmp_path: Path) -> None:
    done = toy(tmp_path, "x=3,1", *ASHA)
    assert done.returncode == 0, done.stderr
    assert [t.state.name for t in trials(tmp_path)] == ["PRUNED", "COMPLETE"]
    assert [len(t.intermediate_values) for t in trials(tmp_path)] == [3, 20]


@pytest.mark.slow
def test_a_study_of_before_goes_on_under_its_own_rules(tmp_path: Path) -> None:
    search = ["x=interval(-5,5)", ASHA[0], "steps=20", "hydra.sweeper.max_resource=20"]
    old = [f"hydra.sweeper.scheduler.{key}" for key in ("min_resource=1", "brackets=1", "near_share=0")]
    done = toy(tmp_path, *search, *old, "hydra.sweeper.n_trials=12")
    assert "pausing at 1, 3, 9, one in 3 going on;" in done.stdout, done.stderr
    journal = tmp_path / "multirun/toy/journal.log"
    kept = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(line for line in kept if "convsweep:rules" not in line))
    # What was begun before studies kept their rules, and what keeps them.
    for n_trials in (15, 18):
        again = toy(tmp_path, *search, f"hydra.sweeper.n_trials={n_trials}")
        assert "pausing at 1, 3, 9, one in 3 going on;" in again.stdout, again.stderr
    fresh = toy(tmp_path, *search, "hydra.sweeper.n_trials=3", "hydra.sweeper.study_name=fresh")
    assert "pausing at 1, 3, 9, one in 3 going on, some not before 3;" in fresh.stdout, fresh.stderr


@pytest.mark.slow
def test_of_several_objectives_the_front_is_trained_to_its_end(tmp_path: Path) -> None:
    several = ["several=true", "hydra.sweeper.direction=[minimize,minimize]", "hydra.sweeper.max_resource=20"]
    done = toy(tmp_path, "x=interval(-5,5)", *ASHA, *several, "hydra.sweeper.n_trials=18")
    assert done.returncode == 0, done.stderr
    found = trials(tmp_path)
    assert {trial.state.name for trial in found} == {"COMPLETE", "PRUNED"}
    whole = {trial.number for trial in found if trial.state.name == "COMPLETE"}
    assert {len(trial.intermediate_values) for trial in found if trial.number in whole} == {20}
    # x**2 and -x: no x above 0 is dominated by another one, every x below is by 0 < y < -x, unless there is none.
    assert {trial.number for trial in found if trial.params["x"] > 0} <= whole
    assert sum(len(trial.intermediate_values) for trial in found) < 18 * 20
    assert len(results(tmp_path)["solutions"]) == len(load_study(tmp_path, "toy").best_trials)


@pytest.mark.slow
def test_several_workers_promote_no_trial_twice_and_wait_for_nobody(tmp_path: Path) -> None:
    space = ["x=interval(-5,5)", *ASHA, "hydra.sweeper.n_trials=30", "seconds=0.2", "hydra.sweeper.n_jobs=3"]
    done = toy_workers(tmp_path, *space)
    assert done.returncode == 0, done.stderr
    assert len(trials(tmp_path)) == 30
    assert set(states(tmp_path)) == {"COMPLETE", "PRUNED"}
    assert steps(trials(tmp_path))[20] >= 1


@pytest.mark.slow
def test_an_interrupted_study_goes_on_as_an_unbroken_one(tmp_path: Path) -> None:
    space = [
        "x=interval(-5,5)",
        "y=a,b,c",
        *ASHA,
        "hydra.sweeper.n_trials=15",
        "hydra.sweeper.sampler.n_startup_trials=4",
    ]
    assert toy(tmp_path, *space, "hydra.sweeper.study_name=whole").returncode == 0
    broken = [*space, "hydra.sweeper.study_name=broken", "seconds=0.05"]
    for _ in range(50):
        assert toy(tmp_path, *broken, "hydra.sweeper.timeout=0.7").returncode == 0
        if all(trial.state.is_finished() for trial in trials(tmp_path, "broken")):
            break
    assert list(map(told, trials(tmp_path, "broken"))) == list(map(told, trials(tmp_path, "whole")))


@pytest.mark.parametrize(
    "moment", [pytest.param("BetweenResultAndRecord", marks=pytest.mark.slow), "BeforeATrialGoesOn"]
)
@pytest.mark.slow
def test_a_kill_during_a_pause_or_a_promotion_changes_nothing(tmp_path: Path, moment: str) -> None:
    space = ["x=interval(-5,5)", *ASHA, "hydra.sweeper.n_trials=9", "hydra.sweeper.n_jobs=1"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    assert toy(whole, *space).returncode == 0
    chaos = f"+hydra.callbacks.chaos={{_target_:tests.helpers.toy.chaos.{moment},marker:'{tmp_path}/died'}}"
    done = toy_workers(broken, *space, chaos)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "died").exists()
    assert list(map(told, trials(broken))) == list(map(told, trials(whole)))


@pytest.mark.slow
def test_eight_workers_promote_each_trial_once_and_starve_none(tmp_path: Path) -> None:
    space = ["x=interval(-5,5)", *ASHA, "hydra.sweeper.n_trials=40", "seconds=0.6", "hydra.sweeper.n_jobs=8"]
    done = toy_workers(tmp_path, *space)
    assert done.returncode == 0, done.stderr
    found = trials(tmp_path)
    assert set(states(tmp_path)) == {"COMPLETE", "PRUNED"}
    # The app notes its process whenever it begins: once for a trial's start, at most once for each promotion.
    journal = map(json.loads, (tmp_path / "multirun/toy/journal.log").read_text().splitlines())
    starts = Counter(entry["trial_id"] for entry in journal if "pid" in entry.get("user_attr", {}))
    for trial in found:
        rungs = sum(step in trial.intermediate_values for step in (3, 9))
        assert 1 <= starts[trial.number] <= 1 + rungs
    # The best third of each rung went on, whoever ran it.
    for step in (3, 9):
        there = sorted((t for t in found if step in t.intermediate_values), key=lambda t: t.intermediate_values[step])
        assert all(len(trial.intermediate_values) > step for trial in there[: len(there) // 3])
    assert len({trial.user_attrs["pid"] for trial in found}) == 8


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["hydra.sweeper.scheduler.min_resource=0"], "`hydra.sweeper.scheduler.min_resource` must be 1 or more"),
        (
            ["hydra.sweeper.scheduler.reduction_factor=1"],
            "`hydra.sweeper.scheduler.reduction_factor` must be 2 or more",
        ),
        (["hydra.sweeper.scheduler.brackets=0"], "`hydra.sweeper.scheduler.brackets` must be 1 or more, or null"),
        (
            ["hydra.sweeper.scheduler.bracket_shares=even"],
            "`hydra.sweeper.scheduler.bracket_shares` must be equal, learned or null, got even; type e.g. "
            "hydra.sweeper.scheduler.bracket_shares=learned",
        ),
        (["hydra.sweeper.scheduler.near_share=2"], "`hydra.sweeper.scheduler.near_share` must be from 0 to 1"),
    ],
)
def test_what_cannot_be_scheduled_is_refused(tmp_path: Path, overrides: list[str], message: str) -> None:
    done = toy(tmp_path, "x=1,2", *ASHA, *overrides)
    assert done.returncode == 1
    assert message in done.stderr


@pytest.mark.slow
def test_an_interrupt_leaves_paused_trials_waiting_and_the_study_goes_on(tmp_path: Path) -> None:
    space = ["x=interval(-5,5)", *ASHA, "hydra.sweeper.n_trials=12", "hydra.sweeper.n_jobs=2", "seconds=1"]
    process = start([str(ROOT / "tests/helpers/toy/app.py"), "-m", *space], tmp_path)
    wait_for(tmp_path, "RUNNING")
    wait_until(lambda: any(map(pauses, trials(tmp_path))))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out.splitlines()[-1].startswith("resume   ")
    assert " paused " in out
    assert any(map(pauses, trials(tmp_path)))
    before = {trial.number: trial.intermediate_values for trial in trials(tmp_path)}
    # Taken up without a scheduler, those that paused are trained to their ends.
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / "multirun", copy / "multirun")
    rest = [part for part in space if "scheduler" not in part]
    done = toy_workers(copy, *rest, "hydra/sweeper/scheduler=none", "hydra/sweeper/pruner=none")
    assert done.returncode == 0, done.stderr
    assert states(copy) == {"COMPLETE": 12}
    done = toy_workers(tmp_path, *space)
    assert done.returncode == 0, done.stderr
    found = trials(tmp_path)
    assert len(found) == 12
    assert set(states(tmp_path)) == {"COMPLETE", "PRUNED"}
    for number, values in before.items():
        assert values.items() <= found[number].intermediate_values.items()


@pytest.mark.slow
@pytest.mark.parametrize("paused_mb", [2000, 0], ids=["from-checkpoints", "from-the-start"])
def test_a_trial_that_paused_is_one_run_with_one_unbroken_curve(tmp_path: Path, paused_mb: int) -> None:
    """Real training: what went on after a pause equals, bit for bit, what ran through, also without its checkpoint."""
    command = ["-m", "src.sweep", "-m", "hydra/launcher=basic", *TINY, "training.epochs=5", "model.dropout=0.3"]
    asha = ["hydra/sweeper/scheduler=asha", f"training.paused_mb={paused_mb}"]
    whole, paused = tmp_path / "whole", tmp_path / "paused"
    for folder, more in ((whole, []), (paused, asha)):
        folder.mkdir()
        done = run_inside([*command, *more], folder)
        assert done.returncode == 0, done.stderr
    through, stopped = trials(whole, "s"), trials(paused, "s")
    assert set(steps(stopped)) == {1, 5} or set(steps(stopped)) == {1, 3, 5}
    for one, other, run, same in zip(through, stopped, runs(whole), runs(paused), strict=True):
        count = len(other.intermediate_values)
        assert list(other.intermediate_values.items()) == list(one.intermediate_values.items())[:count]
        assert curve(whole, run, "loss")[:count] == curve(paused, same, "loss")
        assert same.data.tags["convsweep.state"] == other.state.name
    assert load_study(paused, "s").best_trial.value is not None
    assert list(paused.glob("mlruns/**/rungs.png"))
    assert not list(paused.glob("multirun/s/*/checkpoint*"))
