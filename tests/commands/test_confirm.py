"""`hydra.sweeper.confirm`: the last part of a budget trains the best again, with fresh seeds; their means decide."""

from pathlib import Path

import pytest

from convsweep.policy.repeats import REPEATS, is_repeat
from tests.helpers.command import results, toy, trials

SEARCH = ["x=interval(-10,10)", "hydra.sweeper.n_trials=8", "hydra.sweeper.confirm=2x2"]


def test_the_best_are_trained_again_within_the_budget(tmp_path: Path) -> None:
    done = toy(tmp_path, *SEARCH)
    assert done.returncode == 0, done.stderr
    found = trials(tmp_path)
    assert len(found) == 8
    assert "8 trials, drawn by TPESampler" in done.stdout
    assert "then the best 2 again with 2 fresh seeds each" in done.stdout
    searched, again = found[:4], found[4:]
    assert not any(map(is_repeat, searched))
    best = sorted((t for t in searched if t.state.name == "COMPLETE"), key=lambda trial: trial.values[0])[:2]
    numbers = [trial.number for trial in best]
    assert [trial.system_attrs[REPEATS] for trial in again] == [[n, seed] for seed in (0, 1) for n in numbers]
    assert {trial.state.name for trial in again} == {"COMPLETE"}
    for trial in again:
        assert trial.params == found[trial.system_attrs[REPEATS][0]].params
    seeds = [trial.user_attrs["seed"] for trial in found]
    # Both candidates have the same fresh seeds, which no other trial has.
    assert seeds[4] == seeds[5] and seeds[6] == seeds[7]
    assert len(set(seeds)) == 6
    confirmed = results(tmp_path)["confirmed"]
    assert confirmed["trial"] == numbers[0] and confirmed["runs"] == 2
    assert f"confirmed trial {numbers[0]}:" in done.stdout
    once_more = toy(tmp_path, *SEARCH)
    assert once_more.returncode == 0, once_more.stderr
    assert len(trials(tmp_path)) == 8


def test_a_budget_of_steps_holds_it_and_a_scheduler_does_not_stop_it(tmp_path: Path) -> None:
    done = toy(
        tmp_path, "x=interval(-10,10)", "steps=4", "hydra.sweeper.max_resource=4", "hydra.sweeper.budget=24steps",
        "hydra.sweeper.confirm=1x2", "hydra/sweeper/scheduler=asha",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = trials(tmp_path)
    assert sum(max(trial.intermediate_values, default=0) for trial in found) <= 24
    again = [trial for trial in found if is_repeat(trial)]
    assert [max(trial.intermediate_values) for trial in again] == [4, 4]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["hydra.sweeper.confirm=3"], "type e.g. hydra.sweeper.confirm=3x2"),
        (["hydra.sweeper.confirm=0x2"], "type e.g. hydra.sweeper.confirm=3x2"),
        (["hydra.sweeper.confirm=3x2", "hydra.sweeper.n_trials=6"], "leave some of the 6 trials to the search"),
        (["hydra.sweeper.confirm=1x1", "hydra.sweeper.budget=9steps"], "`hydra.sweeper.max_resource` must say"),
        (["hydra.sweeper.confirm=1x1", "several=true", "hydra.sweeper.direction=[minimize,minimize]"], "must be null"),
    ],
    ids=str,
)
def test_what_cannot_be_confirmed_is_said_first(overrides: list[str], words: str, tmp_path: Path) -> None:
    done = toy(tmp_path, "x=interval(-10,10)", *overrides)
    assert done.returncode == 1
    assert words in done.stderr
    assert not (tmp_path / "multirun").exists()
