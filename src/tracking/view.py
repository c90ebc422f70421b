"""How MLflow's page opens a study's trials: which columns, which charts; kept with the experiment, opened by a link.

It is what the page's own "share view" button keeps: a tag of the experiment with the state of the page as JSON.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from src.tracking.names import grouped

TAG = "mlflow.sharedViewState."
LONGEST = 5000  # letters of a tag that MLflow's databases take
CURVES, SEARCH = "curves", "search"
LINE = {
    "lineSmoothness": 0,
    "xAxisKey": "step",
    "xAxisScaleType": "linear",
    "scaleType": "linear",
    "selectedXAxisMetricKey": "",
    "yAxisKey": "metric",
    "yAxisExpressions": [],
    "range": {},
}


def key_of(study: str) -> str:
    """Return by which key a study's view is found."""
    return f"convsweep-{hashlib.sha256(study.encode()).hexdigest()[:12]}"


def view(asked: dict[str, Any], searched: Sequence[str], curves: Sequence[str]) -> str:
    """Return the state of a page that shows a study's trials.

    Args:
        asked: Which runs it shows, and in which order, as its address has it.
        searched: The searched keys, which are the trials' params.
        curves: Metrics of an epoch, each to be drawn with its counterpart of the training where there is one.
    """
    keys = list(searched)
    while True:
        state = json.dumps(_state(asked, keys, curves), separators=(",", ":"))
        if len(state) <= LONGEST or not keys:
            return state
        keys.pop()


def _state(asked: dict[str, Any], searched: Sequence[str], curves: Sequence[str]) -> dict[str, Any]:
    charts = [_curve(name) for name in curves]
    if searched:
        parallel = {"selectedParams": list(searched), "selectedMetrics": ["objective"], "showAllRuns": True}
        charts.append(_chart("PARALLEL", SEARCH, "searched values and objective", **parallel))
    charts.append(_chart("BAR", SEARCH, None, metricKey="objective"))
    columns = ["metrics.`objective`", *(f"params.`{key}`" for key in searched)]
    return {
        **asked,
        "selectedColumns": columns,
        "columnOrder": [],
        "columnWidths": {},
        "runsExpanded": {},
        "runsPinned": [],
        "runsHidden": [],
        "runsVisibilityMap": {},
        "runsHiddenMode": "FIRST_10_RUNS",
        "compareRunCharts": charts,
        "compareRunSections": [_section(CURVES, "training and validation"), _section(SEARCH, "the search")],
        "isAccordionReordered": True,  # these sections first
        "viewMaximized": False,
        "runListHidden": False,
        "groupBy": None,
        "groupsExpanded": {},
        "autoRefreshEnabled": True,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    }


def _curve(name: str) -> dict[str, Any]:
    validation = grouped(name, 1)
    training = validation.replace("val/", "train/")
    both = [training, validation] if name in ("val_accuracy", "val_loss") else [validation]
    plain = validation.partition("/")[2]
    title = f"{plain}: training and validation" if len(both) == 2 else validation
    return _chart("LINE", CURVES, title, metricKey=validation, selectedMetricKeys=both, **LINE)


def _chart(kind: str, section: str, title: str | None, **more: Any) -> dict[str, Any]:
    return {
        "uuid": f"{section}-{kind}-{more.get('metricKey', '')}",
        "type": kind,
        "metricSectionId": section,
        "runsCountToCompare": 10,
        "deleted": False,
        "isGenerated": False,
        **({"displayName": title} if title else {}),
        **more,
    }


def _section(uuid: str, name: str) -> dict[str, Any]:
    return {"uuid": uuid, "name": name, "display": True, "isReordered": True, "deleted": False, "isGenerated": False}
