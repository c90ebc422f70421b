"""Who ran which trial when, as a figure; Optuna's own timeline has a row a trial, and knows no workers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from convsweep.display.words import state_of
from convsweep.policy.work import WORKER, seconds_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from convsweep.report.shown import Names

COLOURS = {
    "COMPLETE": "#4878a8",
    "PRUNED": "#9aa0a6",
    "PAUSED": "#c3c8ce",
    "INFEASIBLE": "#c9a227",
    "FAIL": "#b23a48",
    "RUNNING": "#4c9a6a",
}
LINE = "rgba(128,128,128,0.5)"


def timeline(trials: "Sequence[FrozenTrial]", names: "Names") -> Any:
    """Draw a bar a trial in its worker's row: of one that paused, the last time that it was at work.

    Args:
        trials: Trials that have begun.
        names: What names are shown as.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    spans = _spans(trials)
    rows = {worker: _row(*worker) for worker in sorted({worker for worker, _, _ in spans.values()}, key=str)}
    for state, colour in COLOURS.items():
        those = [trial for trial in trials if state_of(trial) == state]
        if not those:
            continue
        own = [spans[trial.number] for trial in those]
        figure.add_bar(
            orientation="h",
            base=[start for _, start, _ in own],
            x=[max(0.0, (end - start).total_seconds()) * 1000 for _, start, end in own],
            y=[rows[worker] for worker, _, _ in own],
            name=state.lower(),
            marker={"color": colour, "line": {"width": 0.5, "color": LINE}},
            text=[f"trial {one.number}, {seconds_of(one):.1f} s<br>{names.labels(one.params)}" for one in those],
            textposition="none",
            hovertemplate="%{text}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(barmode="overlay", height=180 + 24 * len(rows))
    figure.update_xaxes(type="date")
    figure.update_yaxes(title="worker", automargin=True, type="category")
    return figure


def has_begun(trial: "FrozenTrial") -> bool:
    return state_of(trial) in COLOURS and (WORKER in trial.system_attrs or trial.datetime_start is not None)


def _spans(trials: "Sequence[FrozenTrial]") -> dict[int, tuple[tuple[str, Any], datetime, datetime]]:
    """Return each trial's last worker, and from when to when it ran it."""
    begun: list[tuple[tuple[str, Any], datetime, FrozenTrial]] = []
    for trial in trials:
        host, pid, since = trial.system_attrs.get(WORKER, ["", "", None])[:3]
        start = datetime.fromtimestamp(since) if since is not None else trial.datetime_start
        if start is not None:
            begun.append(((str(host), pid), start, trial))
    found = {}
    following: dict[tuple[str, Any], datetime] = {}
    for worker, start, trial in sorted(begun, key=lambda one: (one[1], one[2].number), reverse=True):
        end = trial.datetime_complete
        if end is None or state_of(trial) == "PAUSED":  # when its study ended, or not yet
            # All that it ran, before it last went on as well: at most until the worker took another one.
            ran = start + timedelta(seconds=seconds_of(trial))
            end = min(ran, following.get(worker, ran))
        following[worker] = start
        found[trial.number] = worker, start, end
    return found


def _row(host: str, pid: Any) -> str:
    from convsweep.report.shown import shown_name

    return f"{shown_name(host)} {pid}".strip() or "not known"
