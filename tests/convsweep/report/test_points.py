"""Paused trials are drawn with their last values, infeasible ones never as the best, and nothing between categories."""

from collections.abc import Sequence
from typing import Any, Literal

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from convsweep.report import figures
from convsweep.report.page import report
from convsweep.study.metric_names import name_metrics
from tests.helpers.made_up import SPACE, made_up

pytest.importorskip("plotly")
TWO = {"a": IntDistribution(1, 8), "b": IntDistribution(1, 8)}


def traces(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data if trace.name}


def constrained() -> optuna.Study:
    """Return a study whose largest values break a constraint, as an app of one's own makes it."""
    study = optuna.create_study(direction="maximize")
    for number in range(20):
        params = {"a": number % 5 + 1, "b": number // 5 + 1}
        value = float(params["a"] * params["b"])
        study.add_trial(
            create_trial(value=value, params=params, distributions=dict(TWO), constraints={"size": value - 10})
        )
    return study


def all_paused(directions: Sequence[Literal["minimize", "maximize"]] = ("maximize",), done: int = 0) -> optuna.Study:
    study = optuna.create_study(directions=directions)
    params, count = dict(made_up(lambda _: 0.0, 1).trials[0].params), len(directions)
    for number in range(12):
        more: dict[str, Any] = {"state": TrialState.PRUNED}
        attrs = {"convsweep:rung": ["paused", 0], "convsweep:values:2": [0.5 + number / 100] * count}
        if number < done:
            more, attrs = {"values": [0.9] * count}, {}
        drawn = {**params, "model.depth": number % 4 + 1}
        curve = {1: 0.4, 2: 0.5 + number / 100}
        study.add_trial(
            create_trial(
                params=drawn, distributions=SPACE, intermediate_values=curve if count == 1 or number >= done else {},
                system_attrs=attrs, **more,
            )
        )  # fmt: skip
    return study


def test_what_breaks_a_constraint_is_grey_and_never_the_best() -> None:
    study = constrained()
    found = figures(study)
    history = traces(found["history"])
    assert max(history["best so far"].y) == 10
    assert min(history["infeasible"].y) == 12
    assert max(history["trained to the end"].y) == 10
    for name in ("slice/a", "slice/b"):
        grey = traces(found[name])["infeasible"]
        assert (grey.marker.symbol, min(grey.y)) == ("circle-open", 12)
    lines = found["parallel"].data
    assert {line.line.color for line in lines if line.name == "infeasible"} == {"#9aa0a6"}
    assert max(lines[-1].marker.color) == 10
    (cells,) = found["contour"].data
    assert max(value for row in cells.z for value in row if value is not None) == 10


def test_on_a_front_there_is_none_that_breaks_a_constraint() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    name_metrics(study, ["accuracy", "parameters"])
    for value in (0.5, 0.7, 0.9):
        params: dict[str, Any] = {"a": round(value * 10) - 2, "b": 1}
        study.add_trial(
            create_trial(
                values=[value, 1 - value / 9], params=params, distributions=dict(TWO), constraints={"x": value - 0.8}
            )
        )
    figure = figures(study)["pareto"]
    drawn = traces(figure)
    assert {name: list(trace.x) for name, trace in drawn.items()} == {
        "infeasible": [0.9], "beaten by another": [0.5], "on the front": [0.7],
    }  # fmt: skip
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("accuracy", "parameters")
    assert not any(trace.marker.showscale for trace in figure.data)
    assert list(figures(study)["parallel"].layout.xaxis.ticktext) == ["accuracy", "parameters", "a"]


@pytest.mark.parametrize("done", [0, 1])
def test_paused_trials_have_their_last_values(done: int) -> None:
    study = all_paused(done=done)
    found = figures(study)
    assert {"history", "slice/model.depth", "parallel"} <= set(found)
    paused = traces(found["history"])["paused"]
    assert len(paused.y) == 12 - done
    assert paused.y[-1] == 0.61
    assert paused.text[0].startswith(f"trial {done}, paused at step 2<br>")
    assert ("best so far" in traces(found["history"])) == bool(done)
    assert {line.line.dash for line in found["parallel"].data if line.name == "paused"} == {"dot"}
    text = report(study)
    assert text.count("<td>paused at step 2</td>") == 10 - done
    assert ("The furthest so far: value=0.61, trial 11, paused at step 2" in text) == (not done)


def test_of_several_objectives_paused_trials_have_all_of_theirs() -> None:
    found = figures(all_paused(("maximize", "minimize")))
    assert list(traces(found["history/value 1"])["paused"].y) == [0.5 + number / 100 for number in range(12)]
    assert set(traces(found["pareto"])) == {"paused"}


def test_nothing_is_drawn_between_categories_or_from_few_trials() -> None:
    space: dict[str, Any] = {
        "augmentation": CategoricalDistribution(("crop", "pad")),
        "flip": CategoricalDistribution(("none", "flip")),
    }
    assert "contour" not in figures(made_up(lambda p: 1.0 * (p["flip"] == "flip"), trials=9, space=space))
    (cells,) = figures(made_up(lambda p: 1.0 * (p["flip"] == "flip"), trials=30, space=space))["contour"].data
    assert cells.type == "heatmap"
    assert (len(cells.x), len(cells.y), cells.zsmooth) == (2, 2, None)
    space["flip"] = FloatDistribution(0, 1)
    assert [t.type for t in figures(made_up(lambda p: p["flip"], space=space))["contour"].data] == ["scatter"]
    space["augmentation"] = FloatDistribution(1e-4, 1, log=True)
    surface = figures(made_up(lambda p: p["flip"], space=space))["contour"]
    assert [trace.type for trace in surface.data] == ["contour", "scatter"]
    assert "log" in (surface.layout.xaxis.type, surface.layout.yaxis.type)


def test_axes_of_whole_numbers_have_no_ticks_between() -> None:
    found = figures(all_paused(done=1))
    for name in ("history", "curves", "slice/model.depth"):
        assert found[name].layout.xaxis.dtick == 1, name
    words = {note.text for note in figures(constrained())["parallel"].layout.annotations if note.x > 0}
    assert words == {"1", "2", "3", "4", "5"}


def test_a_key_that_some_trials_have_not_has_a_place_for_none() -> None:
    study = made_up(lambda p: p["a"], trials=12, space=TWO)
    study.add_trial(create_trial(value=3.0, params={"a": 2}, distributions={"a": TWO["a"]}))
    figure = figures(study)["parallel"]
    assert "none" in {note.text for note in figure.layout.annotations}
    assert 0.0 in {line.y[-1] for line in figure.data} | {line.y[-2] for line in figure.data if len(line.y) > 1}
