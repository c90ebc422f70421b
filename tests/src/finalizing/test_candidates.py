"""Which trials are worth being trained again, and what is said where there are none."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from convsweep.errors import UserError
from src.finalizing import find_candidates, typed_overrides


def study_of(*values: float | None) -> optuna.Study:
    """Return a study named s; a trial without a value has failed."""
    study = optuna.create_study(study_name="s", direction="maximize")
    for x, value in enumerate(values):
        fields: dict[str, Any] = {"params": {"x": x}, "distributions": {"x": FloatDistribution(0, 9)}}
        fields |= {"value": value} if value is not None else {"state": TrialState.FAIL}
        fields |= {} if value is not None else {"user_attrs": {"error": "no memory"}}
        study.add_trial(create_trial(**fields))
    return study


def test_the_best_or_the_one_that_is_named() -> None:
    study = study_of(0.5, 0.9, None, 0.7)
    assert [trial.number for trial in find_candidates(study, 2)] == [1, 3]
    assert [trial.number for trial in find_candidates(study, 2, trial=0)] == [0]


@pytest.mark.parametrize(
    ("study", "trial", "words"),
    [
        (study_of(), None, "none at all"),
        (study_of(None, None), None, r"\(2 FAIL\); trial 0 said: no memory"),
        (study_of(0.5, None), 1, "got 1; the best are 0"),
        (study_of(0.5), 7, "got 7; the best are 0"),
    ],
)
def test_where_there_are_none_is_said_why(study: optuna.Study, trial: int | None, words: str) -> None:
    with pytest.raises(UserError, match=words):
        find_candidates(study, 3, trial)


def test_a_sweep_of_repeats_searches_nothing(tmp_path: Path) -> None:
    (tmp_path / "multirun.yaml").write_text(
        "hydra:\n  overrides:\n    hydra: [hydra.mode=MULTIRUN, hydra.sweeper.n_jobs=1, hydra.sweeper.confirm=3x2]\n"
        "    task: ['optimizer=adam,sgd', +model.extra=1]\n"
    )
    assert typed_overrides(tmp_path) == ["hydra.sweeper.n_jobs=1", "optimizer=adam,sgd", "+model.extra=1"]
    (tmp_path / "multirun.yaml").write_text("{}")
    with pytest.raises(UserError, match="cannot be read"):
        typed_overrides(tmp_path)
