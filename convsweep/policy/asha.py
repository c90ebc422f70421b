"""Asynchronous successive halving by promotion, from several first rungs side by side.

Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning"; the promotion type, in which nothing is lost.

A trial that reaches a rung, a step min_resource * reduction_factor^k, goes on only if it is among the best
1/reduction_factor of all that have reached it. Else it pauses: it waits with its values and its checkpoint until it
is among them. Everything is read from the trials themselves, so that any worker, also a later one, decides alike.

One early look may lie, so some trials pass the first rungs without being judged there: see
`convsweep.policy.brackets`. Several objectives are ranked as in MO-ASHA (Schmucker et al. 2021): see
`convsweep.policy.fronts`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from convsweep.policy.brackets import BRACKET, EQUAL, LEARNED, dealt, equal, learned
from convsweep.policy.fronts import by_fronts, front
from convsweep.policy.repeats import is_repeat
from convsweep.policy.ties import order

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

RUNG = "convsweep:rung"  # of a trial: ["paused", k] where it waits to be promoted, ["promoted", k] once it was
DESCRIBED = "convsweep:described"  # of a trial: it has the values that the config itself describes
VALUES = "convsweep:values:"  # of a trial, with a rung's step: its values there, where there are several objectives


@dataclass(frozen=True)
class Asha:
    """The rungs, and who stands on them; `min_resource` and `max_resource` count steps as the app reports them.

    Attributes:
        min_resource: The step of the first rung.
        reduction_factor: One in so many goes on from a rung to the next, which is so many times as far.
        max_resource: There is no rung from here on.
        brackets: Trials are dealt to so many groups, the k-th of which is first judged at rung k.
        shares: Whether the groups are of the same size, `equal`, or as large as is `learned` from how well the order of
            a rung foretells that of the next one.
    """

    min_resource: int
    reduction_factor: int
    max_resource: int | None = None
    brackets: int = 1
    shares: str = EQUAL

    @classmethod
    def of(cls, sweeper: DictConfig) -> "Asha | None":
        """Return the scheduler of `hydra.sweeper.scheduler`, None for none."""
        if not (given := sweeper.scheduler):
            return None
        brackets, shares = given.get("brackets") or 1, given.get("bracket_shares") or EQUAL
        return cls(given.min_resource, given.reduction_factor, given.max_resource, brackets, shares)

    def step(self, rung: int) -> int:
        return self.min_resource * self.reduction_factor**rung

    def bracket(self, trial: "FrozenTrial") -> int:
        """Return the rung at which a trial is first judged."""
        rows = self._rows
        kept = trial.system_attrs.get(BRACKET)
        return dealt(trial.number, equal(rows)) if kept is None else min(kept, rows - 1)  # fewer may be typed later

    def deal(self, study: "Study", number: int) -> int:
        """Return the bracket that the trial of that number, which is not begun, gets by what is known now."""
        shares, count = equal(self._rows), len(study.directions)
        if self.learns:
            begun = [t for t in study.get_trials(deepcopy=False) if t.state.name != "FAIL" and not is_repeat(t)]
            for rung, usual in enumerate(shares):
                steps = self.step(rung), self.step(rung + 1)
                passed = [
                    (values_at(trial, steps[0], count), values_at(trial, steps[1], count))
                    for trial in begun
                    if trial.intermediate_values.keys() >= set(steps) and self.bracket(trial) > rung
                ]
                known = learned(passed)
                shares[rung] = usual if known is None else known
        return dealt(number, shares)

    @property
    def learns(self) -> bool:
        """Whether a trial's bracket depends on others, and is to be kept."""
        return self.shares == LEARNED and self._rows > 1

    @property
    def _rows(self) -> int:
        """How many brackets there are: where there are fewer rungs than that, nobody passes all of them."""
        rows = self.brackets
        while rows > 1 and self.rung_at(self.step(rows - 1)) is None:
            rows -= 1
        return rows

    def next_rung(self, step: int, bracket: int = 0) -> int:
        """Return the step of the first rung after a step, of those at which a trial of that bracket is judged."""
        rung = bracket
        while self.step(rung) <= step:
            rung += 1
        return self.step(rung)

    def highest_rung(self, trial: "FrozenTrial") -> int:
        """Return the step of the highest rung at which a trial has been judged, 0 for none."""
        last, found, rung = max(trial.intermediate_values, default=0), 0, self.bracket(trial)
        while (step := self.step(rung)) <= last and (self.max_resource is None or step < self.max_resource):
            found, rung = step if step in trial.intermediate_values else found, rung + 1
        return found

    def rung_at(self, step: int, bracket: int = 0) -> int | None:
        """Return the rung at a step, or None where there is none, or none for the trials of that bracket."""
        rung = self.compared_at(step)
        below = self.max_resource is None or step < self.max_resource
        return rung if rung is not None and rung >= bracket and below else None

    def compared_at(self, step: int) -> int | None:
        """Return which rung a step would be if there were no end: there trials are compared, also whole ones."""
        rung = 0
        while self.step(rung) < step:
            rung += 1
        return rung if self.step(rung) == step else None

    def goes_on(self, study: "Study", number: int, rung: int) -> bool:
        """Whether a trial that has just reached a rung is among its best; what the config describes, if it leads."""
        ranked = self._ranked(study, rung)
        leads = ranked[:1] if ranked and DESCRIBED in ranked[0].system_attrs else []
        return number in [trial.number for trial in [*leads, *self._best(ranked)]]

    def is_stranded(self, trial: "FrozenTrial") -> bool:
        """Whether a trial pauses below the first rung, since the rungs were typed anew: it must go on to be judged."""
        return pauses(trial) and not self.highest_rung(trial)

    def _pauses_at(self, trial: "FrozenTrial", rung: int) -> bool:
        """Whether a trial waits at a rung; which one that is says its step, for the rungs may have moved meanwhile."""
        return pauses(trial) and self.highest_rung(trial) == self.step(rung)

    def promotable(self, study: "Study") -> Iterator["FrozenTrial"]:
        """Yield the trials that are to go on, from the highest rung down, the best first."""
        for rung, ranked in reversed(list(enumerate(self._rungs(study)))):
            yield from (trial for trial in self._best(ranked) if self._pauses_at(trial, rung))

    def least_promising(self, study: "Study", number: int) -> list[int]:
        """Return the numbers of the trials that pause, and of the one that is about to, the worst first.

        How far back in its rung a trial stands, from 0 to 1, says how many must be overtaken before its turn.
        """
        standing: dict[int, float] = {}
        for rung, ranked in enumerate(self._rungs(study)):
            for place, trial in enumerate(ranked):
                if self._pauses_at(trial, rung) or (trial.number == number and trial.last_step == self.step(rung)):
                    standing[trial.number] = place / len(ranked)
        return sorted(standing, key=lambda trial: (-standing[trial], trial))

    def leader(self, study: "Study") -> "FrozenTrial | None":
        """Return the best of all that are, or may become, an answer, judged at the highest rung that one has reached.

        One that was pruned is none, nor is one that has broken a constraint at its end.
        """
        for ranked in reversed(self._rungs(study)):
            for trial in ranked:
                if not _is_out(trial):
                    return trial
        return None

    def unfinished_best(self, study: "Study") -> "list[FrozenTrial]":
        """Return those of the best so far that pause."""
        return list(filter(pauses, self.best(study)))

    def best(self, study: "Study") -> "list[FrozenTrial]":
        """Return the leader; with several objectives all on the front so far, those that have come furthest first.

        There each is judged by the last rung that it reached.
        """
        if len(study.directions) == 1:
            leader = self.leader(study)
            return [leader] if leader is not None else []
        signs, latest = _signs(study), {}
        for rung, ranked in enumerate(self._rungs(study)):
            step = self.step(rung)
            for trial in ranked:
                # The end is a rung where there is no other one.
                if not _is_out(trial) and (self.rung_at(step) is not None or trial.number not in latest):
                    latest[trial.number] = step, trial
        best = [latest[n] for n in front({n: _values(trial, step, signs) for n, (step, trial) in latest.items()})]
        return [trial for _, trial in sorted(best, key=lambda found: (-found[0], found[1].number))]

    def _rungs(self, study: "Study") -> list[Sequence["FrozenTrial"]]:
        """Return the trials on each rung, the best first, up to the last one that somebody has reached."""
        trials, rungs = study.get_trials(deepcopy=False), []
        last = max((step for trial in trials for step in trial.intermediate_values), default=0)
        while self.step(len(rungs)) <= last:  # at some of them an app may not report
            rungs.append(self._ranked(study, len(rungs), trials))
        return rungs

    def _best(self, ranked: Sequence["FrozenTrial"]) -> Sequence["FrozenTrial"]:
        return ranked[: len(ranked) // self.reduction_factor]

    def _ranked(self, study: "Study", rung: int, trials: "list[FrozenTrial] | None" = None) -> Sequence["FrozenTrial"]:
        """Return the trials that reached a rung, the best first; a failed one is none of them, nor one that repeats."""
        step, signs = self.step(rung), _signs(study)
        there = [
            trial
            for trial in (study.get_trials(deepcopy=False) if trials is None else trials)
            if math.isfinite(trial.intermediate_values.get(step, math.nan))
            and trial.state.name != "FAIL"
            and not is_repeat(trial)
        ]
        if len(signs) == 1:
            return sorted(there, key=lambda trial: order(trial, trial.intermediate_values[step], signs[0], step))
        there.sort(key=lambda trial: order(trial, 0.0, 1, step))
        known = {trial.number: _values(trial, step, signs) for trial in there}
        places = {number: place for place, number in enumerate(by_fronts(known))}
        return sorted((t for t in there if t.number in places), key=lambda trial: places[trial.number])


def feasible(trial: "FrozenTrial") -> bool:
    """Whether the trial keeps all constraints that Optuna was told of."""
    return all(violation <= 0 for violation in trial.constraints.values())


def _signs(study: "Study") -> list[int]:
    """Return what each objective is multiplied by for lower to be better."""
    return [-1 if direction.name == "MAXIMIZE" else 1 for direction in study.directions]


def _values(trial: "FrozenTrial", step: int, signs: Sequence[int]) -> list[float]:
    """Return a trial's values at a rung, lower being better."""
    return [sign * value for sign, value in zip(signs, values_at(trial, step, len(signs)), strict=True)]


def values_at(trial: "FrozenTrial", step: int, count: int) -> list[float]:
    """Return what a trial reported at a rung, so many objectives; NaN for what was not measured, or not kept.

    Of several objectives all are kept at rungs alone; what is one may have been another step when the trial was there.
    """
    known = trial.system_attrs.get(f"{VALUES}{step}", [trial.intermediate_values[step]])
    return [math.nan if value is None else value for value in known] if len(known) == count else [math.nan] * count


def _is_out(trial: "FrozenTrial") -> bool:
    """Whether a trial has ended without being an answer."""
    return trial.state.is_finished() and not (trial.state.name == "COMPLETE" and feasible(trial))


def pauses(trial: "FrozenTrial") -> bool:
    """Whether a trial waits at a rung."""
    return trial.state.name == "WAITING" and trial.system_attrs.get(RUNG, [""])[0] == "paused"


def was_left_paused(trial: "FrozenTrial") -> bool:
    """Whether a trial pauses, or paused until its study ended; not one that said at its rung that it cannot be run."""
    left = trial.state.name == "PRUNED" and "infeasible" not in trial.user_attrs
    return trial.system_attrs.get(RUNG, [""])[0] == "paused" and (left or trial.state.name == "WAITING")


def pause(study: "Study", trial_id: int, rung: int) -> None:
    """Note that a running trial pauses at a rung; it waits there once it is put back."""
    study._storage.set_trial_system_attr(trial_id, RUNG, ["paused", rung])


def rungs_of(study: "Study") -> list[int]:
    """Return the steps of a study's rungs, as far as trials paused there to the end; none without a scheduler."""
    steps: dict[int, int] = {}
    for trial in filter(was_left_paused, study.get_trials(deepcopy=False)):
        rung, step = trial.system_attrs[RUNG][1], max(trial.intermediate_values, default=0)
        # One that was stopped on its way from a rung had got further than those that paused there.
        steps[rung] = min(step, steps.get(rung, step))
    return sorted(set(steps.values()) - {0})
