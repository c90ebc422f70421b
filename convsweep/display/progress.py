"""What a sweep shows while it runs: a line a finished trial, and below them, in a terminal, where it stands."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from convsweep.policy.asha import pauses, was_left_paused
from convsweep.policy.budget import Budget
from convsweep.policy.time_budget import SPENT
from convsweep.policy.work import seconds_of
from convsweep.study.failure import PLACE
from convsweep.study.metric_names import given_names

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial
from convsweep.display.words import (
    WORDS,
    outcome_in_words,
    params_in_words,
    quote,
    running_in_words,
    say,
    state_of,
    time_left,
    values_in_words,
)

INTERVAL = 0.5  # seconds between two looks at the storage
SHOWN = 8  # running trials, at most


class Monitor:
    """Follows a study in a thread of the driver, from its storage alone: workers may be anywhere.

    Use as a context manager around the launch.
    """

    def __init__(self, study: "Study", budget: Budget, n_trials: int, console: Console) -> None:
        self.study, self.budget, self.n_trials, self.console = study, budget, n_trials, console
        self.started = time.monotonic()
        self.spent = study.user_attrs.get(SPENT, 0.0)
        self.names = given_names(study)
        self.seen = {trial.number for trial in _finished(study)}
        self.paused = {(t.number, t.last_step) for t in study.get_trials(deepcopy=False) if pauses(t)}
        self.told = set(self.paused)
        self.quoted = False
        self.unit, self.total = (
            ("trials", n_trials)
            if budget.trials is not None
            else (budget.unit, budget.steps)
            if budget.steps is not None
            else ("seconds", budget.seconds or 0.0)
        )
        self.workers = 1  # as many as were ever seen to run at once
        self.ended = 0  # trials that ended or paused since then
        self.before = self._done()
        self.bar = Progress(TextColumn(f"{self.unit} {{task.completed:.0f}}/{{task.total:.0f}}"), BarColumn(24))
        self.task = self.bar.add_task("", total=self.total, completed=int(self.before))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "Monitor":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        if not self.console.is_terminal:
            self._poll(lambda _: None)
            return
        with Live(console=self.console, refresh_per_second=4, transient=True) as live:
            self._poll(live.update)

    def _poll(self, show: Callable[[Group], None]) -> None:
        from convsweep.study.ranking import ranked

        over, best = False, ranked(self.study)
        while not over:
            over = self._over.wait(INTERVAL)
            trials = self.study.get_trials(deepcopy=False)
            self.paused = {(trial.number, trial.last_step) for trial in trials if pauses(trial)}
            self.workers = max(self.workers, sum(trial.state.name == "RUNNING" for trial in trials))
            for number, _ in sorted(self.paused - self.told):
                self.ended += 1
                say(self.console, self._pause(trials[number]))
            self.told |= self.paused
            news = [trial for trial in trials if trial.state.is_finished() and trial.number not in self.seen]
            if news:
                best = ranked(self.study)  # once for all of them: thousands of trials take a while
            for trial in sorted(news, key=lambda trial: str(trial.datetime_complete)):
                self.seen.add(trial.number)
                if was_left_paused(trial):  # told when it paused
                    continue
                self.ended += 1
                say(self.console, self._line(trial, best))
                self._quote(trial)
            show(self._status(trials, best))

    def _line(self, trial: "FrozenTrial", best: "list[FrozenTrial]") -> str:
        duration = f" in {seconds_of(trial):.1f} s"
        outcome = outcome_in_words(trial, self.names if len(self.names) > 1 else ())
        count = f"{len(self.seen):>{len(str(self.n_trials))}}/{self.n_trials}"
        words = f"[{count if self.unit == 'trials' else len(self.seen)}] trial {trial.number} "
        words += outcome + duration + ": " * bool(trial.params) + params_in_words(trial.params)
        left = self._left()
        return "; ".join(filter(None, [words, self._best(best), left and f"{left} left"]))

    def _quote(self, trial: "FrozenTrial") -> None:
        """Print the traceback of the first trial that the app's own code failed: all are in the trials' folders."""
        if not self.quoted and PLACE in trial.user_attrs and trial.state.name == "FAIL":
            self.quoted = True
            quote(self.console, str(trial.user_attrs.get("traceback", "")).rstrip())

    def _done(self) -> float:
        """Return how much of the budget is spent, in its unit."""
        if self.unit == "trials":
            return len(self.seen) + len(self.paused)
        if self.unit == self.budget.unit:
            return sum(max(t.intermediate_values, default=0) for t in self.study.get_trials(deepcopy=False))
        return self.spent + time.monotonic() - self.started

    def _left(self) -> str | None:
        """Estimate the time left, once each worker has ended a trial: what starts up first tells nothing of it."""
        if self.unit != "seconds" and self.ended <= self.workers:
            return None
        done = self._done()
        return time_left(done - self.before, self.total - done, time.monotonic() - self.started)

    def _pause(self, trial: "FrozenTrial") -> str:
        step = max(trial.intermediate_values)
        room = " " * (2 * len(str(self.n_trials)) + 3) if self.unit == "trials" else "[ ]"
        return f"{room} trial {trial.number} paused {trial.intermediate_values[step]:.5g} at step {step}: " + (
            params_in_words(trial.params)
        )

    def _best(self, best: "list[FrozenTrial]") -> str:
        if len(self.study.directions) > 1:
            return f"{len(best)} on the Pareto front"
        return f"best {values_in_words(best[0], self.names)} (trial {best[0].number})" if best else ""

    def _status(self, trials: list["FrozenTrial"], best: "list[FrozenTrial]") -> Group:
        counts = Counter(map(state_of, trials))
        self.bar.update(self.task, completed=self._done())
        left = self._left()
        states = ", ".join(f"{counts[state]} {word}" for state, word in WORDS.items() if counts[state])
        passed = timedelta(seconds=round(time.monotonic() - self.started))
        clock = f"{passed} passed" + (f", {left} left" if left else "")
        lines: list[Any] = [self.bar, Text(f"{states or 'starting the workers'}; {clock}")]
        running = [trial for trial in trials if trial.state.name == "RUNNING"]
        lines += [Text(running_in_words(trial), style="dim") for trial in running[:SHOWN]]
        if len(running) > SHOWN:
            lines.append(Text(f"{len(running) - SHOWN} more run", style="dim"))
        if best:
            lines.append(
                Text(f"best {values_in_words(best[0], self.names)}: {params_in_words(best[0].params)}", style="bold")
            )
        return Group(*lines)


def _finished(study: "Study") -> list["FrozenTrial"]:
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
