"""What a study's trials say, looked back on: what mattered, how sure that is, and what to do next."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from convsweep.errors import printable
from convsweep.insight.advice import ENOUGH, Advice, advice_on_failures, advice_on_keys, is_more_than_chance, too_few
from convsweep.insight.evidence import MOST, Shuffled
from convsweep.insight.importance import Importance, shares
from convsweep.insight.levels import levels_of, searched_keys
from convsweep.insight.standing import Standing, places, standings
from convsweep.policy.repeats import is_repeat
from convsweep.study.identity import is_enumerated
from convsweep.study.rules import MORE

if TYPE_CHECKING:
    from optuna import Study


ODD = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, StopIteration)


@dataclass(frozen=True)
class Findings:
    """What a study's trials say.

    Attributes:
        compared: How many of its trials could be compared.
        importances: Of each objective, by its name: the searched keys, the most important first. Empty for too few.
        advice: What to do next, the most useful first.
    """

    compared: int
    importances: dict[str, list[Importance]]
    advice: list[Advice]


def look_back(study: "Study", typed: Mapping[str, str] | None = None) -> Findings:
    """Return what the study's trials say about its keys; the same trials always say the same.

    Args:
        study: The study.
        typed: How overrides write the searched keys, where that is known: `+x` for one that the config has not.
    """
    study.get_trials(deepcopy=False)  # a storage that does not answer is no matter of ours
    try:
        found = _look_back(study)
    except ODD as error:  # values that nobody thought of: no reason to lose the end of a sweep
        said = f"what mattered is not known ({type(error).__name__}: {error})"
        return Findings(0, {}, [Advice("not known", printable(said))])
    return replace(found, advice=[advice.as_typed(typed or {}) for advice in found.advice])


def _look_back(study: "Study") -> Findings:
    trials = study.get_trials(deepcopy=False)
    if all(map(is_repeat, trials)):  # none was searched
        return Findings(0, {}, [])
    found = [_sample(standing) for standing in standings(study)]
    compared = min(len(standing.trials) for standing in found)
    advice = advice_on_failures(trials)
    if compared < ENOUGH:
        more = too_few(found[0], trials, study.user_attrs.get(MORE), is_enumerated(study))
        return Findings(compared, {}, advice + more)
    if len(found) == 1 and found[0].whole and len(set(found[0].values.tolist())) == 1:
        text = f"all {compared} trials came to {found[0].values[0]:.5g}: nothing tells their values apart"
        return Findings(compared, {}, [*advice, Advice("no difference", text)])
    importances = {standing.metric: _importances(standing) for standing in found}
    if len(found) == 1:  # an end that is good for one objective is bad for another
        chance = {importance.key: importance.chance for importance in importances[found[0].metric]}
        advice += advice_on_keys(found[0], chance)
    return Findings(compared, importances, advice)


def chances(standing: Standing) -> dict[str, float]:
    """Return how often chance alone parts each key's values as much; keys that had one value only are left out."""
    shuffled = Shuffled(standing.ranks)
    found = {}
    for key in searched_keys(standing.trials):
        levels = levels_of(key, standing.trials)
        if len(levels.labels) > 1:
            found[key] = shuffled.p_of_levels(levels.has, levels.level, len(levels.labels))
    return found


def _importances(standing: Standing) -> list[Importance]:
    """Return the keys' importances, those first that are more than chance, and of these the largest."""
    chance = chances(standing)
    found = [
        Importance(key, share, low, high, chance[key], is_more_than_chance(chance[key], len(chance)))
        for key, (share, low, high) in shares(standing, list(chance)).items()
    ]
    return sorted(found, key=lambda one: not one.sure)


def _sample(standing: Standing) -> Standing:
    """Return at most `MOST` of the trials, drawn at random: more make no answer surer that anybody would act on."""
    if len(standing.trials) <= MOST:
        return standing
    chosen = sorted(random.Random(0).sample(range(len(standing.trials)), MOST))
    return replace(
        standing, trials=[standing.trials[i] for i in chosen], scores=standing.scores[chosen],
        ranks=places(standing.scores[chosen]),
    )  # fmt: skip
