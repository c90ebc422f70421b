"""Advice in sentences that can be typed, each by a rule that is seldom wrong where nothing but chance is at work."""

import math
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from convsweep.errors import bounded, printable
from convsweep.insight.beyond import at_edge, override_beyond
from convsweep.insight.evidence import Shuffled, standard_error
from convsweep.insight.levels import Levels, levels_of, searched_keys
from convsweep.insight.standing import Standing, places
from convsweep.space.values import as_override_value, is_number
from convsweep.study.feasibility import is_infeasible, kind_of_end, why_out

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

ENOUGH = 10  # trials that can be compared, for any word about keys
TOP = 10  # the best trials, of which most must lie at an end
RARE = 0.01  # what chance alone does less often than this, in a whole study, is not put down to it
COMMON = 0.2  # what chance alone does more often than this may well be chance
MOSTLY = 0.6  # of the best
EACH = 4  # trials at each of the values that are told apart
EQUAL = 0.25  # of the places, between two values' means: about one standard deviation of what chance does to a trial
SURE = 1.96  # standard errors
LONGEST = 120  # characters of a reason
# What TensorFlow and PyTorch say when a GPU's memory is full, which may be another program's doing.
FULL, GPU = (
    re.compile("out of memory|RESOURCE_EXHAUSTED|OOM", re.IGNORECASE),
    re.compile(r"cuda|cudnn|GPU:\d", re.IGNORECASE),
)
GPU_IS_FULL = (
    "a GPU's memory is full: `nvidia-smi` shows who has it; workers take less with a smaller `hydra.sweeper.n_jobs`"
)
NO_STREAM = re.compile("No (BLAS|DNN)( support)? (for|in) stream", re.IGNORECASE)


@dataclass(frozen=True)
class Advice:
    """A sentence, and the overrides in it.

    Attributes:
        kind: The rule that it comes from: `edge`, `no difference`, `within noise`, `kept out`, `too few`, `not known`.
        text: The sentence.
        overrides: What it says to type.
        key: The searched key that it is about.
    """

    kind: str
    text: str
    overrides: tuple[str, ...] = ()
    key: str | None = None

    def as_typed(self, keys: Mapping[str, str]) -> "Advice":
        """Return the advice with overrides whose keys are as they must be typed."""
        text, overrides = self.text, list(self.overrides)
        for i, override in enumerate(overrides):
            name, _, value = override.partition("=")
            overrides[i] = f"{keys.get(name, name)}={value}"
            text = text.replace(shlex.quote(override), shlex.quote(overrides[i]))
        return replace(self, text=text, overrides=tuple(overrides))


def advice_on_keys(standing: Standing, chance: dict[str, float]) -> list[Advice]:
    """Return what the places of the trials say about each searched key.

    Args:
        standing: The trials, best first.
        chance: How often chance alone parts each key's levels as much.
    """
    shuffled = Shuffled(standing.ranks)
    found: list[Advice] = []
    for key, p in chance.items():
        levels = levels_of(key, standing.trials)
        found += _edge(standing, levels, shuffled, len(chance)) or _equal(standing, levels, p, len(chance))
    order = ("edge", "within noise", "no difference")
    return sorted(found, key=lambda advice: order.index(advice.kind))


def is_more_than_chance(p: float, keys: int) -> bool:
    """Whether chance alone seldom does as much, with so many keys looked at."""
    return p < RARE / keys


def _edge(standing: Standing, levels: Levels, shuffled: Shuffled, keys: int) -> list[Advice]:
    """Say that the best values lie at an end, where trials there stand better than the others by more than chance."""
    top = min(TOP, len(standing.trials) // 3)
    best = levels.has[:top].sum()
    for upper in (True, False):
        edge = at_edge(levels, upper)
        if edge is None or edge.all() or not edge.any():
            continue
        among = int(edge[:best].sum())
        if among < max(3, MOSTLY * top) or shuffled.p_of_better(levels.has, edge) > RARE / (2 * keys):
            continue
        override = override_beyond(levels, upper)
        if override is None:
            continue
        end, typed = "upper" if upper else "lower", shlex.quote(override)
        text = f"{_code(levels.key)} at its {end} end in {among} of the {top} best: type {_code(typed)}"
        return [Advice("edge", text, (override,), levels.key)]
    return []


def _equal(standing: Standing, levels: Levels, p: float, keys: int) -> list[Advice]:
    """Say that a key, or the choice between its two best values, made no difference that could be told from chance."""
    counts = levels.counts
    if len(counts) < 2:
        return []
    ranks, total = places(standing.scores[levels.has]), int(levels.has.sum())
    means = np.array([ranks[levels.level == i].mean() if count else np.inf for i, count in enumerate(counts)])
    order = np.argsort(means, kind="stable")
    if p > COMMON and counts.min() >= EACH:
        worst = max(
            abs(means[i] - means[j]) + SURE * standard_error(total, counts[i], counts[j])
            for i in range(len(counts))
            for j in range(i)
        )
        if worst < EQUAL * total:
            value = _number(levels.values[0])  # the best trial's
            typed = f"{levels.key}={value}"
            text = f"{_code(levels.key)} made no difference that {total} trials show: type {_code(shlex.quote(typed))}"
            return [Advice("no difference", text, (typed,), levels.key)]
    if not levels.listed:
        return []
    one, other = map(int, order[:2])
    if min(counts[one], counts[other]) < EACH:
        return []
    error = standard_error(total, counts[one], counts[other])
    close = means[other] - means[one] < error  # one error: chance does more in three of ten
    matters = is_more_than_chance(p, keys) and len(counts) > 2
    if not close or not (matters or (len(counts) == 2 and p > COMMON)):
        return []
    values = [levels.labels[i] for i in sorted((one, other))]
    typed = f"{levels.key}={','.join(map(as_override_value, values))}"
    more = _again(standing.trials, 3)
    text = f"{_code(levels.key)}: {_means(standing, levels, (one, other))} are within noise of each other"
    text += f": to tell them apart type {_code(f'{shlex.quote(typed)} {shlex.quote(more)}')}"
    return [Advice("within noise", text, (typed, more), levels.key)]


def _means(standing: Standing, levels: Levels, which: Sequence[int]) -> str:
    words = []
    for i in which:
        mean = f" ({standing.values[levels.has][levels.level == i].mean():.4g})" if standing.whole else ""
        words.append(_code(as_override_value(levels.labels[i])) + mean)
    return " and ".join(words)


def _again(trials: "Sequence[FrozenTrial]", times: int) -> str:
    """Return the override that trains each configuration so many times, and more often than it was."""
    known = {trial.params["repeat"] for trial in trials if "repeat" in trial.params}
    return f"+repeat=range({max(3, times, 2 * len(known))})"


def too_few(
    standing: Standing, trials: "Sequence[FrozenTrial]", more: str | None = None, enumerated: bool = False
) -> list[Advice]:
    """Say that there are too few trials for any word about keys, where more of them are what helps.

    Not while some are still to be run, nor where most of them failed, or were infeasible: that is to be mended first.

    Args:
        standing: The trials that can be compared.
        trials: All of the study.
        more: The override that gives it a larger budget, where that is no number of trials.
        enumerated: Whether every combination is tried once: then there are no others.
    """
    count = len(standing.trials)
    if count >= ENOUGH or not searched_keys(trials) or not all(trial.state.is_finished() for trial in trials):
        return []
    if 2 * sum(is_infeasible(trial) or trial.state.name == "FAIL" for trial in trials) > len(trials):
        return []
    many = "no trial" if count == 0 else "only one trial" if count == 1 else f"only {count} trials"
    text = f"{many} can be compared: too few to tell what mattered"
    if enumerated:
        typed = _again(trials, math.ceil(ENOUGH / count)) if count else None
    else:
        typed = more or f"hydra.sweeper.n_trials={max(2 * ENOUGH, 2 * len(trials))}"
    return [Advice("too few", f"{text}; type {_code(shlex.quote(typed))}", (typed,))] if typed else []


def advice_on_failures(trials: "Sequence[FrozenTrial]") -> list[Advice]:
    """Say why most trials were infeasible, or failed, and which values to leave out."""
    ended = [trial for trial in trials if trial.state.is_finished()]
    infeasible = [trial for trial in ended if is_infeasible(trial)]
    failed = [trial for trial in ended if trial.state.name == "FAIL"]
    found = []
    for words, out in (("were infeasible", infeasible), ("failed", failed)):
        if len(out) < EACH or 2 * len(out) <= len(ended):
            continue
        (kind, count), *_ = Counter(map(kind_of_end, out)).most_common()
        reasons = list(dict.fromkeys(why_out(trial) for trial in out if kind_of_end(trial) == kind))
        like = "reasons like " if len(reasons) > 1 else ""  # they differ in their numbers
        reason = like + _code(bounded(reasons[0], LONGEST))
        text = f"{len(out)} of {len(ended)} trials {words}, {count} of them because of {reason}"
        overrides: tuple[str, ...] = ()
        if 2 * sum(map(_lacks_gpu_memory, out)) > len(out):
            text += f"; {GPU_IS_FULL}"
        elif cure := _cure(ended, out):
            why, override = cure
            text, overrides = f"{text}; {why}: type {_code(shlex.quote(override))}", (override,)
        found.append(Advice("kept out", text, overrides))
    return found


def _lacks_gpu_memory(trial: "FrozenTrial") -> bool:
    words = str(trial.user_attrs.get("error", ""))
    return bool(NO_STREAM.search(words) or (FULL.search(words) and GPU.search(words)))


def _cure(ended: "Sequence[FrozenTrial]", out: "Sequence[FrozenTrial]") -> tuple[str, str] | None:
    """Return the values with which all trials were kept out, in words, and the override without them."""
    numbers = {trial.number for trial in out}
    best: tuple[int, str, str] | None = None
    for key in searched_keys(ended):
        levels = levels_of(key, ended)
        kept = np.array([trial.number not in numbers for trial in ended])[levels.has]
        if kept.all() or not kept.any():
            continue
        found = _bad_values(levels, kept) if levels.listed else _bad_end(levels, kept)
        if found is None:
            continue
        count, words, override = found
        if _chance_of_all(len(kept), int((~kept).sum()), count) < RARE and (best is None or count > best[0]):
            best = count, words, override
    return best[1:] if best is not None and 2 * best[0] >= len(out) else None


def _bad_values(levels: Levels, kept: np.ndarray) -> tuple[int, str, str] | None:
    good = [label for i, label in enumerate(levels.labels) if kept[levels.level == i].any()]
    bad = [i for i, count in enumerate(levels.counts) if count and not kept[levels.level == i].any()]
    if not bad:
        return None
    count = int(levels.counts[bad].sum())
    named = " or ".join(_code(as_override_value(levels.labels[i])) for i in bad)
    typed = f"{levels.key}=" + ",".join(map(as_override_value, good))
    return count, f"all {count} with {_code(levels.key)} {named}", typed


def _bad_end(levels: Levels, kept: np.ndarray) -> tuple[int, str, str] | None:
    values: Any = np.asarray(levels.values, float)
    low, high = values[kept].min(), values[kept].max()
    below, above = int((values < low).sum()), int((values > high).sum())
    count, upper = max((above, True), (below, False))
    distribution: Any = levels.distribution
    if not count or not hasattr(distribution, "low"):
        return None
    cut = float(f"{high if upper else low:.3g}")
    ends = (distribution.low, cut) if upper else (cut, distribution.high)
    whole = isinstance(distribution.low, int)
    words = "interval(" + ",".join(str(round(end) if whole else end) for end in ends) + ")"
    words = f"int({words})" if whole else words
    words = f"tag(log,{words})" if distribution.log else words
    if ends[0] >= ends[1]:
        return None
    where = f"{'above' if upper else 'below'} {cut:g}"
    return count, f"all {count} with {_code(levels.key)} {where}", f"{levels.key}={words}"


def _chance_of_all(total: int, out: int, drawn: int) -> float:
    """Return how often all of `drawn` trials, taken at random from `total`, are among the `out`."""
    return math.comb(out, drawn) / math.comb(total, drawn)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) and is_number(value) else as_override_value(value)


def _code(text: str) -> str:
    return f"`{printable(text).replace('`', chr(39))}`"
