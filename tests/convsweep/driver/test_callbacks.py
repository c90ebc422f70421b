"""A callback that fails, at once or at the end, is named in a line of bounded, escaped words."""

from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from convsweep.driver.refusals import has_begun
from convsweep.policy.work import WORKER
from convsweep.study.trial_states import LAID_OUT
from tests.helpers.command import load_study, states, toy, toy_workers, trials

BROKEN = "+hydra.sweeper.callbacks.broken={{_target_:tests.helpers.toy.callbacks.Broken,moment:{},leave:{}}}"


@pytest.mark.parametrize(
    ("moment", "leave", "words"),
    [
        ("start", False, "RuntimeError: \\x1b[31mredzz"),
        ("start", True, "SystemExit: 0"),
        ("end", False, "RuntimeError: \\x1b[31mredzz"),
        ("end", True, "SystemExit: 0"),
    ],
)
def test_a_broken_callback_is_named(tmp_path: Path, moment: str, leave: bool, words: str) -> None:
    done = toy(tmp_path, "x=interval(0,1)", "hydra.sweeper.n_trials=2", BROKEN.format(moment, str(leave).lower()))
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: `hydra.sweeper.callbacks`: {words}")
    assert len(done.stderr) < 400
    if moment == "end":
        assert [trial.state.name for trial in trials(tmp_path)] == ["COMPLETE"] * 2
        assert "go on    " in done.stdout, "what else there is to say is said"


REFUSED = BROKEN.format("start", "false")


def test_a_study_that_ended_before_its_first_trial_gives_way_to_the_corrected_command(tmp_path: Path) -> None:
    assert toy_workers(tmp_path, "x=1,2,3", "steps=7", REFUSED).returncode == 1
    assert states(tmp_path) == {"WAITING": 3}
    dry = toy(tmp_path, "x=1,2", "hydra.sweeper.direction=maximize", "hydra.sweeper.dry_run=true")
    assert "2 combinations" in dry.stdout, dry.stderr
    assert states(tmp_path) == {"WAITING": 3}, "nothing is written"
    done = toy(tmp_path, "x=1,2", "hydra.sweeper.direction=maximize")
    assert done.returncode == 0, done.stderr
    assert states(tmp_path) == {"COMPLETE": 2}
    refused = toy(tmp_path, "x=1,2", "steps=7", "hydra.sweeper.direction=maximize")
    assert "exists, and its command was another one" in refused.stderr


@pytest.mark.slow
def test_so_does_one_of_another_name_in_the_same_folder(tmp_path: Path) -> None:
    here = "hydra.sweep.dir=multirun/here"
    assert toy_workers(tmp_path, "x=1,2", "hydra.sweeper.study_name=one", here, REFUSED).returncode == 1
    done = toy(tmp_path, "x=1,2", "hydra.sweeper.study_name=here", here)
    assert done.returncode == 0, done.stderr
    assert states(tmp_path, "here") == {"COMPLETE": 2}


@pytest.mark.slow
def test_what_was_enqueued_through_optuna_is_not_put_away(tmp_path: Path) -> None:
    assert toy_workers(tmp_path, "x=interval(0,1)", "steps=7", REFUSED).returncode == 1
    load_study(tmp_path, "toy").enqueue_trial({"x": 0.25})
    count = len(trials(tmp_path))
    refused = toy(tmp_path, "x=interval(0,1)", "hydra.sweeper.n_trials=3")
    assert refused.returncode == 1
    assert "enqueued trials wait in it: trial 20 with {x:0.25}" in refused.stderr
    assert "type hydra.sweeper.on_change=continue" in refused.stderr
    narrower = toy(tmp_path, "x=interval(0.5,1)", "hydra.sweeper.on_change=continue")
    assert "trial 20, which was enqueued with {x:0.25}: it lies outside of the space" in narrower.stderr
    elsewhere = toy(tmp_path, "x=1,2", "hydra.sweeper.study_name=other", "hydra.sweep.dir=multirun/toy")
    assert "must be a folder of the study's own" in elsewhere.stderr
    assert states(tmp_path) == {"WAITING": count}
    done = toy(tmp_path, "x=interval(0,1)", "hydra.sweeper.n_trials=21", "hydra.sweeper.on_change=continue")
    assert done.returncode == 0, done.stderr
    assert trials(tmp_path)[20].params == {"x": 0.25}


def test_a_trial_that_was_taken_has_begun_once_it_has_left_a_file(tmp_path: Path) -> None:
    study = optuna.create_study()
    study.add_trial(create_trial(state=TrialState.WAITING, system_attrs={LAID_OUT: True, WORKER: ["here", 1, 0.0, ""]}))
    for file in ("trial-0000/.hydra/config.yaml", "trial-0000/app.log", "journal.log"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert not has_begun(study, tmp_path)
    (tmp_path / "trial-0000/checkpoint").touch()
    assert has_begun(study, tmp_path)


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_a_line_of_the_plan_is_shown_with_it(tmp_path: Path, dry_run: str) -> None:
    planning = "+hydra.sweeper.callbacks.planning={_target_:tests.helpers.toy.callbacks.Planning}"
    done = toy(tmp_path, "x=1,2", planning, f"hydra.sweeper.dry_run={dry_run}")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[2].startswith("budget  ")
    assert lines[3] == "toys    three of wood"
