"""What a sweep may cost: from the seconds that the trials most like its own took."""

import statistics
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from convsweep.driver.known_costs import Costs, Price, Work, differing, to_come
from convsweep.driver.sweep import Sweep
from convsweep.policy.budget import Budget
from convsweep.policy.repeats import Confirmation, is_repeat
from convsweep.policy.work import last_step

if TYPE_CHECKING:
    from optuna import Study

NAMED = 3  # differences
TWO = "two: hydra.sweeper.n_trials=2"


def cost_in_words(study: "Study", sweep: Sweep, left: int, workers: int) -> str:
    """Return what is left of a sweep is about to cost, and what that is known from."""
    budget, again = Budget.of(sweep.config.hydra.sweeper), _again(study, sweep)
    if budget.seconds:
        within = ", the best trained again in it" if again else ""
        return f"{budget}{within}, then what the best trial needs to its end"
    if not left and not again:
        return "none"
    costs = Costs(sweep)
    costs.learn(study)
    measure = f"; for a measure, run {f'it first with {sweep.steps.named[0]}=1' if sweep.steps.named else TWO}"
    if not costs.known:
        return f"not known: no trial has ended beside this study so far{measure}"
    coming = [(params, costs.work_of(params)) for params in to_come(study, sweep)]
    priced = [(params, work, costs.price(work)) for params, work in coming]
    unseen = list(
        dict.fromkeys(one for params, work, price in priced if not price for one in costs.missing(work, params))
    )
    known = [(work, price) for _, work, price in priced if price]
    if not known:
        return f"not known: no trial with {_some(unseen)} has ended so far{measure}"
    prices, early = [price for _, price in known], " if none stops early" if _may_stop(sweep) else ""
    steps = budget.steps is not None and all(work.steps for work, _ in known)

    def seconds(of: Sequence[float]) -> float:
        """Return what is left takes, of trials that take so long each."""
        if steps:
            each = statistics.mean(one / work.steps for one, (work, _) in zip(of, known, strict=True))
            return each * max(0, (budget.steps or 0) - sum(map(last_step, study.get_trials(deepcopy=False))))
        return statistics.mean(of) * (left + again) * len(known) / len(priced)

    low, high = (_clock(seconds(of), workers) for of in ([one.low for one in prices], [one.high for one in prices]))
    part = (
        f", {_clock(again * max(one.high for one in prices), workers)} of it to train the best again" if again else ""
    )
    whom = f"with {workers} worker{'s' * (workers != 1)}"
    if unseen:
        none = f"of trials with {_some(unseen)} none has ended so far"
        return f"at least {low} {whom}{early}{part}: {_source(known)}; {none}"
    if early and not steps and _is_one(prices):
        most = _clock(prices[0].most * (left + again), workers)
        return f"at most {most} {whom}{part}: up to {_source(known, most=True)}"
    if early and not steps:
        return f"about {high} {whom}{early}{part}: {_source(known)}"
    return f"{f'about {high}' if low == high else f'{low} to {high}'} {whom}{part}: {_source(known)}"


def _clock(seconds: float, workers: int) -> timedelta:
    return timedelta(seconds=max(1, round(seconds / workers)))


def _may_stop(sweep: Sweep) -> bool:
    """Whether trials may end, or pause for ever, before their last step."""
    sweeper = sweep.config.hydra.sweeper
    return bool(sweeper.scheduler) or not str(sweeper.pruner.get("_target_")).endswith(".NopPruner")


def _is_one(prices: Sequence[Price]) -> bool:
    """Whether all trials to come have one price, known from trials of the same settings."""
    return all(one.exact and (one.like, one.part) == (prices[0].like, prices[0].part) for one in prices)


def _source(known: Sequence[tuple[Work, Price]], most: bool = False) -> str:
    """Return what a trial takes, and where that is known from."""
    prices = [price for _, price in known]
    ends = [prices[0].most] if most else [min(one.low for one in prices), max(one.high for one in prices)]
    like = {id(one): one for price in prices for one in price.like}
    studies = list(dict.fromkeys(one.study for one in like.values()))
    where = studies[0] + (f" and {len(studies) - 1} more" if len(studies) > 1 else "")
    count = f"{len(like)} like it" if len(like) > 1 else "one like it"
    parts = _range([float(f"{one.part:.2g}") for one in prices], "g")
    work = "" if parts == "1" else f" with {parts} times its work"
    apart = list(dict.fromkeys(key for work, price in known for one in price.like for key in differing(one.work, work)))
    told = f", which differs in {_some(apart)}" if apart else ""
    return f"{_range(ends, '.1f')} s a trial, as {count} in {where}{work}{told}"


def _range(values: Sequence[float], form: str) -> str:
    return " to ".join(dict.fromkeys(f"{value:{form}}" for value in (min(values), max(values))))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _again(study: "Study", sweep: Sweep) -> int:
    """Return how many trials are still to train the best ones again."""
    confirmation = Confirmation.of(sweep.config.hydra.sweeper)
    done = sum(is_repeat(t) and t.state.is_finished() for t in study.get_trials(deepcopy=False))
    return max(0, confirmation.trials - done) if confirmation else 0
