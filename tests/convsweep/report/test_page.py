"""The report of a study: one file, with everything in it, and nothing of a name's own at work."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from convsweep.errors import UserError
from convsweep.report import Exhibit, figures, write_report
from convsweep.report.page import report
from convsweep.report.tables import rows
from convsweep.study.metric_names import name_metrics
from convsweep.study.spread import SPREAD
from tests.helpers.made_up import SPACE, draw, made_up

pytest.importorskip("plotly")
FEW = {key: SPACE[key] for key in ("model.filters", "model.depth")}
PIXEL = bytes.fromhex("89504e470d0a1a0a")
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


class Elements(HTMLParser):
    """The elements of a page, with their attributes, and what scripts hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and self.scripts:
            self.scripts[-1] += data


@pytest.fixture(scope="module")
def asha() -> optuna.Study:
    """Return a study in which trials paused, failed and were infeasible."""
    import numpy as np

    study = optuna.create_study(direction="maximize")
    study.set_user_attr("convsweep", {"space": {"x": "0..1"}, "settings": {"training.epochs": 9}})
    generator = np.random.default_rng(0)
    for number in range(30):
        params = {key: draw(distribution, generator) for key, distribution in SPACE.items()}
        steps = (1, 3, 9)[number % 3]
        curve = {step: 0.5 + 0.01 * step + 0.001 * number for step in range(1, steps + 1)}
        more: dict[str, Any] = {"state": TrialState.COMPLETE, "value": curve[steps]}
        if steps < 9:
            more = {"state": TrialState.PRUNED, "system_attrs": {"convsweep:rung": ["paused", number % 3]}}
        if number == 29:
            more = {"state": TrialState.FAIL, "user_attrs": {"error": "RuntimeError: no"}}
        study.add_trial(create_trial(params=params, distributions=SPACE, intermediate_values=curve, **more))
    return study


def test_all_figures_are_there_and_nothing_from_outside(asha: optuna.Study, tmp_path: Path) -> None:
    found = figures(asha)
    slices = {f"slice/{key}" for key in SPACE}
    assert set(found) == {"history", "importance", "curves", "parallel", "timeline"} | slices
    assert {trace.name for trace in found["curves"].data if trace.name} == {
        "paused",
        "trained to the end",
        "the best",
        "stopped",
    }
    write_report(
        asha, tmp_path / "report.html", [Exhibit("Confusion", PIXEL), Exhibit("Files", table=[["file"], ["a.png"]])]
    )
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    elements = Elements(text).found
    assert sum(attributes.get("class") == "figure" for _, attributes in elements) == len(found)
    for tag, attributes in elements:
        assert tag not in ("link", "iframe", "object", "embed", "base"), tag
        assert (attributes.get("src") or "data:").startswith("data:"), attributes
        assert not [name for name in attributes if name.startswith("on") or name in ("href", "action")]
    (policy,) = [a["content"] for t, a in elements if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "data:image/png;base64," in text
    words = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    for said in (
        "maximize: 9 done, 1 failed, 20 paused",
        "RuntimeError: no",
        "a.png",
        "training.epochs",
        "The best trials",
    ):
        assert said in words


def test_names_are_escaped_everywhere_and_never_run() -> None:
    space = {EVIL: CategoricalDistribution((EVIL, "</script>", "a&b", "%{x}")), "y": FloatDistribution(0, 1)}
    study = optuna.create_study(study_name=EVIL, direction="maximize")
    made_up(lambda p: p["y"] + (p[EVIL] == "a&b"), space=space, trials=30, study=study)
    name_metrics(study, [EVIL])
    study.set_user_attr("convsweep", {"space": {EVIL: EVIL}, "settings": {EVIL: EVIL}})
    study.add_trial(create_trial(state=TrialState.FAIL, user_attrs={"error": EVIL}))
    text = report(study, [Exhibit(EVIL, PIXEL, [[EVIL], [EVIL]])], note=EVIL)
    page = Elements(text)
    assert {tag for tag, _ in page.found} <= {
        "html", "head", "meta", "title", "style", "body", "main", "section", "h1", "h2", "p", "strong", "code", "ul",
        "li", "div", "table", "thead", "tbody", "tr", "th", "td", "script", "figure", "figcaption", "img", "details",
        "summary",
    }  # fmt: skip
    assert sum(tag == "script" and "nonce" in attributes for tag, attributes in page.found) == 2
    assert all("onerror" not in attributes for _, attributes in page.found)
    for data in (script for script in page.scripts if script.startswith('{"data"')):
        assert "<" not in data
        assert "\\u003cscript" not in data, "Plotly would take it for markup"
        assert "&lt;script" in data.replace("\\u0026", "&")


@pytest.mark.parametrize(
    "states", [[], ["COMPLETE"], ["FAIL"] * 3, ["PRUNED"] * 3], ids=["none", "one", "failed", "infeasible"]
)
def test_a_study_with_hardly_any_trials_has_a_report(states: list[str], tmp_path: Path) -> None:
    study = optuna.create_study()
    for state in states:
        attrs = {"infeasible": "too large"} if state == "PRUNED" else {"error": "no"} if state == "FAIL" else {}
        value = 1.0 if state == "COMPLETE" else None
        study.add_trial(
            create_trial(
                state=TrialState[state], value=value, user_attrs=attrs, params={"x": 1},
                distributions={"x": CategoricalDistribution((1, 2))},
            )
        )  # fmt: skip
    write_report(study, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "minimize: " in text
    if "COMPLETE" not in states and states:
        assert "there is no best one" in text


def test_several_objectives_have_their_front() -> None:
    study = made_up(lambda p: p["model.filters"], trials=12, directions=("maximize", "minimize"), space=FEW)
    found = figures(study)
    assert {"pareto", "history/value 0", "history/value 1", "contour/value 0", "slice/model.depth/value 1"} <= set(
        found
    )
    page = report(study)
    assert "The Pareto front" in page
    front = study.best_trials
    reached = [[trial.values[i] for trial in front] for i in range(2)]
    ends = ", ".join(f"value {i} {min(values):.5g} to {max(values):.5g}" for i, values in enumerate(reached))
    assert f"<strong>{len(front)} on the Pareto front</strong>: {ends}" in page
    four = made_up(lambda p: p["model.filters"], trials=4, directions=("maximize",) * 4, space=FEW)
    assert "pareto" in figures(four)


def test_endless_values_and_odd_choices_are_borne() -> None:
    space = {
        "x": CategoricalDistribution((None, True, "a" * 100, "a" * 101, 1.5)),
        "y": FloatDistribution(1e-5, 1, log=True),
    }
    study = made_up(lambda p: 0.0, trials=12, space=space)
    study.add_trial(create_trial(value=float("inf"), params={"x": None, "y": 0.1}, distributions=space))
    assert "parallel" in figures(study)
    assert "<h2>Configurations</h2>" in report(study)


@pytest.mark.slow
def test_many_trials_are_drawn_by_few_lines() -> None:
    study = made_up(lambda p: p["model.dropout"], trials=1500)
    found = figures(study)
    assert len(found["parallel"].data) <= 151
    assert len(found["slice/model.dropout"].data[0].x) <= 1000
    assert len(found["history"].data[0].x) == 1500
    assert "Of 1500 trials, at most 1000 are drawn as points" in report(study)


def test_failures_of_one_kind_are_a_line_as_in_the_terminal_and_none_is_none() -> None:
    study = optuna.create_study()
    study.add_trial(create_trial(value=1.0))
    assert "What went wrong" not in report(study)
    for number, place in enumerate(["main.py:4"] * 3 + ["main.py:9"]):
        attrs = {"error": f"RuntimeError: no memory for {number} MB", "place": place}
        study.add_trial(create_trial(state=TrialState.FAIL, user_attrs=attrs))
    found = report(study).partition("What went wrong")[2].partition("</section>")[0]
    cells = re.findall("<td>(.*?)</td>", found)
    assert cells[:4] == ["3", "failed", "trial 1", "RuntimeError: no memory for N MB (main.py:4)"]
    assert cells[4:] == ["1", "failed", "trial 4", "RuntimeError: no memory for 3 MB (main.py:9)"]


def test_without_plotly_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(UserError, match=r"a figure needs the package plotly; type .* plotly"):
        figures(optuna.create_study())


def test_a_worker_s_row_has_what_it_ran_though_the_study_s_end_took_paused_trials_once_more() -> None:
    from datetime import datetime, timedelta

    study = optuna.create_study()
    begin, ended = datetime(2026, 1, 1), datetime(2026, 1, 1, 1)
    made = []
    for number, (state, after) in enumerate([("PRUNED", 0), ("COMPLETE", 10), ("PRUNED", 30)]):
        since = (begin + timedelta(seconds=after)).timestamp()
        attrs: dict[str, Any] = {"convsweep:worker": ["host", 7, since, "d"], "convsweep:seconds": 15.0}
        if state == "PRUNED":
            attrs["convsweep:rung"] = ["paused", 0]
        trial = create_trial(
            state=TrialState[state], value=0.0 if state == "COMPLETE" else None, system_attrs=attrs,
            intermediate_values={1: float(number)},
        )  # fmt: skip
        trial.datetime_start = ended
        trial.datetime_complete = begin + timedelta(seconds=25) if state == "COMPLETE" else ended
        made.append(trial)
    study.add_trials(made)
    complete, paused = figures(study)["timeline"].data
    assert [*complete.y, *paused.y] == ["host 7"] * 3
    assert [*complete.x, *paused.x] == [15_000, 10_000, 15_000]
    assert paused.base[1] == begin + timedelta(seconds=30)


def test_a_mean_has_its_spread() -> None:
    study = optuna.create_study(direction="maximize")
    study.add_trial(create_trial(value=0.9))
    study.add_trial(create_trial(value=0.95, system_attrs={SPREAD: [0.0123]}))
    text = report(study)
    assert "<strong>value 0.95 ± 0.012</strong>" in text
    assert "<td>0.95 ± 0.012</td>" in text and "<td>0.9</td>" in text
    first, second = rows(study)
    assert list(first)[:4] == ["trial", "state", "value", "value.spread"]
    assert (first["value.spread"], second["value.spread"]) == (None, 0.0123)


def test_a_printed_page_parts_no_picture_from_its_title() -> None:
    study = optuna.create_study(study_name="plain")
    _, _, rules = report(study).partition("@media print {")
    kept = re.search(r"([^{}]*)\{ break-inside: avoid; \}", rules)
    assert kept is not None
    assert {"figure", ".figure", "tr"} <= set(kept[1].replace(",", " ").split())
    assert re.search(r"h2,[^{}]*\{ break-after: avoid; \}", rules)
    assert re.search(r"\.modebar \{ display: none", rules)
