"""By which rules a study is searched where `hydra.sweeper` leaves them open: those of the day on which it was begun."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf, open_dict

from convsweep.policy.brackets import EQUAL, LEARNED
from convsweep.policy.budget import Budget

if TYPE_CHECKING:
    from optuna import Study

MORE = "convsweep:more"  # of a study: the override of twice its budget, where that is no number of trials
RULES = "convsweep:rules"  # of a study: the keys of `hydra.sweeper.scheduler` and more, as it goes by them
# What held before studies kept their rules.
BEFORE = {
    "min_resource": 1, "brackets": 1, "bracket_shares": EQUAL, "random_share": 0.25, "near_share": 0.0,
    "enough_results": 10,
}  # fmt: skip
# Chosen by replay, see docs/policies.md; the first rung is at this part of a whole training.
FIRST_RUNG = 1 / 27
NOW = {"brackets": 2, "bracket_shares": LEARNED, "random_share": 0.1, "near_share": 0.1, "enough_results": 10}
OWN, COMMON = "own", "common"


def settle_rules(sweeper: DictConfig, kept: Mapping[str, Any] | None = None, enumerated: bool = False) -> None:
    """Fill in what the keys leave open, null: from the rules that a study has kept, else from today's.

    A scheduler without the key, of an option file that somebody wrote before there was one, is as it was then.

    Args:
        sweeper: `hydra.sweeper`, which is changed.
        kept: A study's rules, None for those of today.
        enumerated: Whether every combination is tried once.
    """
    today = {**NOW, "min_resource": first_rung(sweeper), "trial_seeds": COMMON if enumerated else OWN}
    scheduled = not BEFORE.keys().isdisjoint(kept or {})  # else it was begun without a scheduler, or hardly begun
    rules = {**today, **(BEFORE if scheduled else {}), **(kept or {})}  # some kept theirs before there was such a key
    with open_dict(sweeper):
        if sweeper.get("trial_seeds") is None:
            sweeper.trial_seeds = rules["trial_seeds"]
        if sweeper.scheduler:
            for name in ("min_resource", *NOW):
                if name not in sweeper.scheduler:
                    sweeper.scheduler[name] = BEFORE[name]
                elif sweeper.scheduler[name] is None:
                    sweeper.scheduler[name] = rules[name]


def first_rung(sweeper: DictConfig) -> int:
    """Return the step of the first rung that follows from how many a whole trial has, 1 where nobody says."""
    most = sweeper.scheduler.get("max_resource") if sweeper.scheduler else None
    return max(1, round(most * FIRST_RUNG)) if most else 1


def rules_of(study: "Study") -> dict[str, Any] | None:
    """Return the rules that a study has kept, those of before if it has none but trials, else None."""
    if (kept := study.user_attrs.get(RULES)) is not None:
        return kept
    return {**BEFORE, "trial_seeds": OWN} if study.get_trials(deepcopy=False) else None


def keep_rules(study: "Study", sweeper: DictConfig) -> None:
    """Write the rules to a new study; it goes on by them also when other ones are the default."""
    scheduler: Any = OmegaConf.to_container(sweeper.scheduler, resolve=True) if sweeper.scheduler else {}
    kept = {name: scheduler[name] for name in ("min_resource", *NOW) if name in scheduler}
    study.set_user_attr(RULES, {**kept, "trial_seeds": sweeper.trial_seeds})


def keep_budget(study: "Study", sweeper: DictConfig) -> None:
    """Let whoever looks back on the study know what a larger budget would be."""
    budget = Budget.of(sweeper)
    more = budget.twice(by_name=True) if budget.trials is None else None
    if more != study.user_attrs.get(MORE):
        study.set_user_attr(MORE, more)
