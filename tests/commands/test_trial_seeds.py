"""Trials have seeds of their own where values are drawn, and one for all where every combination is tried."""

from pathlib import Path

import pytest

from tests.helpers.command import toy, trials


def seeds(folder: Path, *overrides: str) -> list[int]:
    done = toy(folder, *overrides, "hydra.sweeper.seed=3")
    assert done.returncode == 0, done.stderr
    return [trial.user_attrs["seed"] for trial in trials(folder)]


@pytest.mark.slow
def test_a_comparison_is_paired_and_a_search_is_not(tmp_path: Path) -> None:
    for name, overrides, count in (
        ("compared", ["x=1,2,3"], 1),
        ("typed", ["x=1,2,3", "hydra.sweeper.trial_seeds=own"], 3),
        ("drawn", ["x=interval(0,1)", "hydra.sweeper.n_trials=3"], 3),
        ("asked", ["x=interval(0,1)", "hydra.sweeper.n_trials=3", "hydra.sweeper.trial_seeds=common"], 1),
    ):
        (tmp_path / name).mkdir()
        found = seeds(tmp_path / name, *overrides)
        assert (len(found), len(set(found))) == (3, count), name


def test_a_comparison_of_before_goes_on_with_seeds_of_their_own(tmp_path: Path) -> None:
    own = seeds(tmp_path, "x=1,2,3", "hydra.sweeper.trial_seeds=own", "hydra.sweeper.n_trials=3")
    journal = tmp_path / "multirun/toy/journal.log"
    kept = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(line for line in kept if "convsweep:rules" not in line))
    more = seeds(tmp_path, "x=1,2,3", "hydra.sweeper.n_trials=5")
    assert more == own


def test_another_word_is_refused(tmp_path: Path) -> None:
    done = toy(tmp_path, "x=1,2", "hydra.sweeper.trial_seeds=one")
    assert done.returncode == 1
    assert "`hydra.sweeper.trial_seeds` must be own, common or null, got one" in done.stderr
