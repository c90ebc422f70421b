"""A study goes on by the rules that it was begun under."""

import optuna
import pytest
from omegaconf import DictConfig, OmegaConf

from convsweep.study.rules import BEFORE, NOW, RULES, keep_rules, rules_of, settle_rules


def sweeper(**scheduler: object) -> DictConfig:
    given = {**dict.fromkeys(BEFORE), "reduction_factor": 3, "max_resource": 27, **scheduler}
    return OmegaConf.create({"scheduler": given, "trial_seeds": None})


def test_the_first_rung_follows_from_the_length_of_a_training() -> None:
    for most, first in ((None, 1), (1, 1), (9, 1), (27, 1), (81, 3), (100, 4), (270, 10)):
        asked = sweeper(max_resource=most)
        settle_rules(asked)
        assert asked.scheduler.min_resource == first


def test_what_is_typed_stands() -> None:
    asked = sweeper(min_resource=2, brackets=1, near_share=0.0)
    settle_rules(asked, {"min_resource": 5, "brackets": 3, "random_share": 0.5})
    assert (asked.scheduler.min_resource, asked.scheduler.brackets, asked.scheduler.near_share) == (2, 1, 0.0)
    assert asked.scheduler.random_share == 0.5


def test_a_study_of_before_goes_on_under_the_old_rules() -> None:
    study = optuna.create_study()
    assert rules_of(study) is None
    study.ask()
    asked = sweeper()
    settle_rules(asked, rules_of(study))
    assert {name: asked.scheduler[name] for name in BEFORE} == BEFORE
    assert asked.trial_seeds == "own"


def test_a_study_that_kept_its_rules_knows_nothing_of_a_later_key() -> None:
    kept = {"min_resource": 1, "brackets": 2, "random_share": 0.1, "near_share": 0.25, "enough_results": 10}
    asked = sweeper()
    settle_rules(asked, {**kept, "trial_seeds": "own"})
    assert {name: asked.scheduler[name] for name in BEFORE} == {**kept, "bracket_shares": "equal"}


@pytest.mark.parametrize("kept", [{}, {"trial_seeds": "own"}], ids=["killed while it was laid out", "no scheduler"])
def test_a_study_that_has_kept_none_of_a_scheduler_s_gets_todays(kept: dict[str, str]) -> None:
    asked, fresh = sweeper(max_resource=81), sweeper(max_resource=81)
    settle_rules(asked, kept)
    settle_rules(fresh)
    assert asked == fresh
    assert asked.scheduler.min_resource == 3


def test_a_study_keeps_todays_rules_for_later() -> None:
    study, asked = optuna.create_study(), sweeper(brackets=5)
    settle_rules(asked, enumerated=True)
    keep_rules(study, asked)
    study.ask()
    assert study.user_attrs[RULES] == {**NOW, "min_resource": 1, "brackets": 5, "trial_seeds": asked.trial_seeds}
    again = sweeper(max_resource=270)
    settle_rules(again, rules_of(study))
    assert again.scheduler.brackets == 5
    assert again.scheduler.min_resource == 1, "also where the trainings are longer now"


def test_without_a_scheduler_there_is_nothing_to_fill_in() -> None:
    asked = OmegaConf.create({"scheduler": {}, "trial_seeds": "common"})
    settle_rules(asked)
    assert asked == {"scheduler": {}, "trial_seeds": "common"}


def test_an_option_file_of_before_means_what_it_meant() -> None:
    asked = OmegaConf.create({"scheduler": {"min_resource": 2, "reduction_factor": 3}, "trial_seeds": None})
    settle_rules(asked)
    assert {name: asked.scheduler[name] for name in BEFORE} == {**BEFORE, "min_resource": 2}
