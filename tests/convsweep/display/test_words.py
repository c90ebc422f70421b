"""What a person reads: lines broken between words, one word for a state, the metric's own name."""

import io
from pathlib import Path
from typing import Any

import optuna
import pytest
from rich.console import Console

from convsweep.display.progress import Monitor
from convsweep.display.summary import show_best, show_failures, show_summary
from convsweep.display.words import (
    domain_in_words,
    in_plain_words,
    mean_in_words,
    outcome_in_words,
    say,
    state_of,
    values_in_words,
)
from convsweep.insight import Findings
from convsweep.intervals import mean_of
from convsweep.policy.asha import RUNG
from convsweep.policy.budget import Budget
from convsweep.space.grammar import parse
from convsweep.study.spread import SPREAD

pytestmark = pytest.mark.filterwarnings("ignore:.*set_metric_names is experimental")

LONG = "trial 7 done 0.95 in 4 s: " + " ".join(f"model.some_key_{i}={i}" for i in range(12))


def shown(line: str, terminal: bool = True) -> list[str]:
    out = io.StringIO()
    say(Console(file=out, width=80, force_terminal=terminal, color_system=None), line)
    return out.getvalue().splitlines()


def test_a_terminals_lines_break_between_words() -> None:
    lines = shown(LONG)
    assert len(lines) > 1
    assert all(len(line) <= 80 for line in lines)
    assert " ".join(line.strip() for line in lines) == LONG
    assert shown("x" * 200) == ["x" * 200], "a long word stays whole"
    assert shown("study   a,  b") == ["study   a,  b"]


@pytest.mark.parametrize(
    "line",
    [
        f"resume   python -m src.sweep -m {LONG}",
        f"go on    my_app -m {LONG}",
        f"ask      convsweep predict {LONG}",
        f"review   make ui: {LONG}",
        f"see http://a/{'b' * 90} {LONG}",
    ],
)
def test_what_is_typed_or_clicked_again_stays_one_line(line: str) -> None:
    assert shown(line) == [line]


def test_a_pipe_gets_a_line_as_it_is() -> None:
    assert shown(LONG, terminal=False) == [LONG]


def test_an_interval_that_is_cut_is_told_by_its_ends() -> None:
    assert mean_in_words(mean_of([0.9, 0.91])) == "0.9050 ± 0.0635 (2 runs)"
    assert mean_in_words(mean_of([0.9, 0.95]).within((0, 1))) == "0.9250 (0.6073 to 1.0000, 2 runs)"
    assert mean_in_words(mean_of([0.9])) == "0.9000 (one run)"


def study_of(*values: float, name: str | None = "val_accuracy") -> optuna.Study:
    study = optuna.create_study(direction="maximize")
    if name is not None:
        study.set_metric_names([name])
    for value in values:
        study.add_trial(optuna.trial.create_trial(value=value))
    return study


def test_a_trial_that_paused_to_the_end_is_called_paused() -> None:
    study = study_of()
    trial = study.ask()
    trial.report(0.3, 1)
    study._storage.set_trial_system_attr(trial._trial_id, RUNG, ["paused", 0])
    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    study.tell(study.ask(), state=optuna.trial.TrialState.PRUNED)
    assert [state_of(known) for known in study.trials] == ["PAUSED", "PRUNED"]


def test_the_metric_has_its_name_where_the_study_knows_it() -> None:
    several = optuna.create_study(directions=["maximize", "minimize"])
    several.set_metric_names(["val_accuracy", "parameters"])
    several.add_trial(optuna.trial.create_trial(values=[0.5, 7]))
    out = io.StringIO()
    show_best(several, Console(file=out, width=80))
    assert "trial  val_accuracy  parameters  seconds" in out.getvalue()


def test_what_runs_is_shown_with_its_step_and_the_time_left_comes_late() -> None:
    study = study_of(0.5)
    monitor = Monitor(study, Budget(trials=9), 9, Console(file=io.StringIO(), width=80, force_terminal=True))
    running = study.ask()
    running.report(0.25, 3)

    def status() -> str:
        out = io.StringIO()
        Console(file=out, width=80).print(monitor._status(study.trials, study.trials[:1]))
        return out.getvalue()

    assert "trial 1 step 3: 0.25, 0:00:0" in status()
    assert "best val_accuracy=0.5" in status()
    assert "passed" in status()
    assert " left" not in status()
    monitor.workers, monitor.started = 2, monitor.started - 10
    monitor.seen |= {5, 6, 7}
    monitor.ended = 2
    assert " left" not in status(), "each worker has only started"
    monitor.ended = 3
    assert " left" in status()


def test_who_says_at_a_rung_that_it_cannot_be_run_does_not_pause() -> None:
    attrs, reason = {RUNG: ["paused", 0]}, {"infeasible": "too large"}
    for known, word in (({}, "PAUSED"), (reason, "INFEASIBLE")):
        trial = optuna.trial.create_trial(
            state=optuna.trial.TrialState.PRUNED, intermediate_values={1: 0.5}, system_attrs=attrs, user_attrs=known
        )
        assert state_of(trial) == word


def test_how_far_a_value_may_be_off_stands_beside_it() -> None:
    study = study_of(0.8)
    study.add_trial(optuna.trial.create_trial(value=0.9, system_attrs={SPREAD: [0.0123]}))
    assert [values_in_words(trial) for trial in study.trials] == ["0.8", "0.9 ± 0.012"]
    out = io.StringIO()
    show_best(study, Console(file=out, width=80))
    assert "0.9 ± 0.012" in out.getvalue()


def test_a_constraint_that_was_broken_is_said_where_the_trial_ends_and_at_the_end() -> None:
    study = study_of(10.0)
    for value in (40.0, 30.0):
        study.add_trial(optuna.trial.create_trial(value=value, constraints={"size": value - 10}))
    assert [outcome_in_words(trial) for trial in study.trials] == [
        "done   10",
        "done   40, breaks size by 30",
        "done   30, breaks size by 20",
    ]
    assert [state_of(trial) for trial in study.trials] == ["COMPLETE", "INFEASIBLE", "INFEASIBLE"]
    out = io.StringIO()
    show_failures(study, Console(file=out, width=80))
    assert out.getvalue() == "infeasible trial 1 and 1 more: breaks size by 30\n"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a b", "a b"), (["f1 >= 0.9", 1], "[f1 >= 0.9, 1]"), ({"a": "x=1", "b": None}, "{a: x=1, b: null}"),
        ("", "''"), (0.00012345678, "0.0001235"), (True, "True"),
    ],
)  # fmt: skip
def test_what_is_only_read_has_nothing_in_it_that_hydra_needs(value: Any, words: str) -> None:
    assert in_plain_words(value) == words


def test_what_is_searched_is_read_without_backslashes() -> None:
    space = parse(["x='a b','c=d',e", "y=tag(log,interval(1e-4,0.03))"], {})
    assert {key: domain_in_words(text) for key, text in space.describe().items()} == {
        "x": "{a b, c=d, e}",
        "y": "log 0.0001..0.03",
    }


def test_until_a_trial_has_ended_the_furthest_are_shown() -> None:
    study = optuna.create_study(direction="maximize")
    trials = [study.ask({"x": optuna.distributions.FloatDistribution(0, 1)}) for _ in range(4)]
    for number, (trial, steps) in enumerate(zip(trials, (1, 3, 3, 2), strict=True)):
        for step in range(1, steps + 1):
            trial.report(0.5 + number / 100, step)
        if number == 3:
            continue  # still runs
        study._storage.set_trial_system_attr(trial._trial_id, RUNG, ["paused", 0])
        study._storage.set_trial_state_values(trial._trial_id, optuna.trial.TrialState.WAITING)
    out = io.StringIO()
    show_summary(study, Path("."), Findings(0, {}, []), Console(file=out, width=80))
    first, title, head, *rows, _ = (line.split() for line in out.getvalue().splitlines())
    assert " ".join(first) == "no trial ended, 3 paused"
    assert " ".join(title) == "best so far, none trained to its end"
    assert head == ["trial", "value", "seconds", "state", "x"]
    assert [" ".join([row[0], row[1], *row[3:7]]) for row in rows] == [
        "2 0.52 paused at step 3",
        "1 0.51 paused at step 3",
        "3 0.53 running at step 2",
        "0 0.5 paused at step 1",
    ]
