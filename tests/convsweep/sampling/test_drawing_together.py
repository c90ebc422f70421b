"""Workers that draw in the same moment: no combination twice, whoever draws, waits or is killed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import DictConfig, OmegaConf
from optuna.trial import FrozenTrial, TrialState

from convsweep.policy.policy import Policy
from convsweep.sampling import draw as drawing
from convsweep.sampling.draw import draw
from convsweep.space.space import Space
from convsweep.space.values import hashable
from convsweep.study.queue import fill, trial_params
from convsweep.study.trial_states import FIXED, put_back, take
from tests.helpers.crowd import crowd, open_study
from tests.helpers.spaces import space, study_of

RANDOM = {"_target_": "optuna.samplers.RandomSampler"}
TPE = {"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 3}


def sweeper(sampler: Mapping[str, Any] = RANDOM, skip_duplicates: bool = True) -> DictConfig:
    return OmegaConf.create({"sampler": dict(sampler), "skip_duplicates": skip_duplicates, "scheduler": {}})


def compose(overrides: Sequence[str]) -> DictConfig:
    return OmegaConf.from_dotlist(list(overrides))


def suggest_more(config: DictConfig, trial: optuna.Trial) -> None:
    trial.suggest_int("more", 1, 4)


def run(storage: str | None, folder: Path, found: Space, count: int, settings: DictConfig, **given: Any) -> list[Any]:
    """Let many workers draw so many trials; return their values."""
    study = open_study(storage, folder)
    fill(study, found, count, **given)

    def draw_one(study: optuna.Study, taken: FrozenTrial) -> None:
        draw(study, taken, found, settings, compose)

    crowd(storage, folder, Policy(count), steps=1, draw=draw_one)
    trials = open_study(storage, folder).trials
    assert all(trial.state == TrialState.COMPLETE for trial in trials)
    return [trial.params for trial in trials]


def count_different(params: list[Any]) -> int:
    return len({hashable(values) for values in params})


@pytest.mark.parametrize("sampler", [RANDOM, TPE], ids=["random", "tpe"])
def test_no_combination_twice(storage: str | None, tmp_path: Path, sampler: Mapping[str, Any]) -> None:
    found = space("lr=0.1,0.2,nan", "bs=range(1,5)", conditions={})
    assert count_different(run(storage, tmp_path, found, 11, sweeper(sampler))) == 11


def test_nor_beside_what_was_enqueued_nor_under_conditions(storage: str | None, tmp_path: Path) -> None:
    found = space("m=u,v", "k=1,2,3,4", "z=a,b", conditions={"k": "m=v"})  # 2 + 8
    first = [{"m": "v", "k": 2, "z": "a"}, {"m": "v", "k": 3}, {"z": "b"}]
    params = run(storage, tmp_path, found, 9, sweeper(), first=first)
    assert count_different(params) == 9
    assert params[0] == first[0]
    # What was prescribed gives way where others have drawn all that is like it before, which is next to impossible.
    assert [params[1]["k"], params[2]["z"]] == [3, "b"]


def test_nor_in_a_custom_space(storage: str | None, tmp_path: Path) -> None:
    found = Space(space("x=1,2", conditions={}).parameters, custom=f"{__name__}.suggest_more")
    params = run(storage, tmp_path, found, 7, sweeper())
    assert count_different(params) == 7
    assert all(values.keys() == {"x", "more"} for values in params)


def test_an_interval_of_integers_is_used_up_without_a_repetition(tmp_path: Path) -> None:
    study = study_of(space("x=int(interval(1,12))", conditions={}), 12)
    found = space("x=int(interval(1,12))", conditions={})
    params = [draw_next(study, found) for _ in range(12)]
    assert count_different(params) == 12


def draw_next(study: optuna.Study, found: Space, settings: DictConfig | None = None) -> dict[str, Any]:
    taken = take(study, Policy(100))
    assert taken is not None
    return draw(study, taken, found, settings or sweeper(), compose)


def test_duplicates_are_drawn_where_they_are_wanted() -> None:
    found = space("x=1,2", "y=1,2,3", conditions={})
    study = study_of(found, 5)
    params = [draw_next(study, found, sweeper(skip_duplicates=False)) for _ in range(5)]
    assert count_different(params) < 5


def test_what_is_prescribed_is_given_up_before_the_same_is_run_twice() -> None:
    found = space("x=1,2", "y=1,2,3", conditions={})
    study = study_of(found)
    fill(study, found, 5, [{"x": 1}, {"x": 1, "y": 1}, {"x": 1, "y": 2}, {"x": 1, "y": 3}])
    params = [draw_next(study, found) for _ in range(5)]
    assert count_different(params) == 5


def test_a_worker_killed_between_its_claim_and_its_values_has_them_again(
    storage: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = space("x=1,2,3", "y=1,2,nan", conditions={})
    study = open_study(storage, tmp_path)
    fill(study, found, 8)
    taken = take(study, Policy(8))
    assert taken is not None

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(drawing, "_write", killed)
        draw(study, taken, found, sweeper(), compose)
    claimed = trial_params(study.get_trials(deepcopy=False)[0])
    assert bool(claimed) == (storage is not None), "a journal has all of it or nothing"
    put_back(study, taken._trial_id)
    params = [draw_next(study, found) for _ in range(8)]
    assert count_different(params) == 8
    assert not claimed or hashable(params[0]) == hashable(claimed)
    assert hashable(trial_params(study.trials[0])) == hashable(params[0])


def test_a_claim_that_another_one_made_first_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    found = space("x=1,2,3", "y=1,2,3", conditions={})
    study = study_of(found, 8)
    taken, other = take(study, Policy(8)), take(study, Policy(8))
    assert taken is not None
    assert other is not None
    proposed = []

    def propose(*arguments: Any) -> Any:
        drawn = original(*arguments)
        if not proposed:  # meanwhile another worker claims the same
            study._storage.set_trial_system_attr(other._trial_id, FIXED, drawn.params)
        proposed.append(drawn.params)
        return drawn

    original = drawing.propose
    monkeypatch.setattr(drawing, "propose", propose)
    params = draw(study, taken, found, sweeper(), compose)
    assert len(proposed) == 2
    assert params == proposed[1] != proposed[0]
