"""The report in a real browser: every figure is drawn, nothing is asked of anybody, no name is run."""

from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from convsweep.report import write_report
from convsweep.study.metric_names import name_metrics
from tests.helpers.browser import browser
from tests.helpers.made_up import made_up

EVIL = "<img src=x onerror=\"document.title='run'\"><b>bold</b>"
SCRIPT = "</script><script>document.title='run'</script>"


@pytest.mark.slow
def test_all_is_drawn_and_no_name_is_run(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    space = {EVIL: CategoricalDistribution((EVIL, SCRIPT, "a&b")), "y": FloatDistribution(0, 1)}
    study = optuna.create_study(study_name=EVIL, direction="maximize")
    name_metrics(study, [EVIL])
    made_up(lambda p: p["y"] + (p[EVIL] == "a&b"), space=space, trials=30, study=study)
    write_report(study, tmp_path / "report.html")
    with browser() as page:
        page.open((tmp_path / "report.html").as_uri())
        page.wait_for("What mattered")
        boxes = "return document.querySelectorAll('.figure').length"
        # A figure is drawn once it is near the window, so that all of them are scrolled to, one after the other.
        drawn = "const left = document.querySelectorAll('.figure:not(.js-plotly-plot)'); "
        drawn += "if (left.length) left[0].scrollIntoView(); return left.length === 0"
        assert page.run(boxes) == 7
        page.wait(lambda: page.run(drawn))
        assert page.run("return document.title") == EVIL
        labels = page.run(
            "return [...document.querySelectorAll('.figure text')].map(text => text.textContent).join(' ')"
        )
        assert "<b>bold</b>" in labels
        assert "&lt;" not in labels
        assert page.run("return document.querySelectorAll('.figure img, .figure a[href^=javascript]').length") == 0
        asked = page.run("return performance.getEntriesByType('resource').map(entry => entry.name)")
        assert [name for name in asked if not name.startswith("data:")] == []
