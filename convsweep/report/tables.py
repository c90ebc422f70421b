"""A study's trials as rows: for JSON, CSV and pandas."""

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsweep.display.words import WORDS, error_in_words, state_of
from convsweep.insight import look_back
from convsweep.policy.work import seconds_of
from convsweep.storage.driver_lock import driver_of
from convsweep.study.finding import find_studies
from convsweep.study.identity import IDENTITY
from convsweep.study.metric_names import metric_names
from convsweep.study.ranking import ranked
from convsweep.study.spread import spread_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


def as_data(study: "Study") -> dict[str, Any]:
    """Return what a study is, its trials, what mattered and what to do next, as JSON has it."""
    identity, findings = study.user_attrs.get(IDENTITY, {}), look_back(study)
    names = metric_names(study)
    return {
        "study": study.study_name,
        "directions": {name: way.name.lower() for name, way in zip(names, study.directions, strict=True)},
        "space": identity.get("space", {}),
        "settings": identity.get("settings", {}),
        "best": [trial.number for trial in ranked(study)][: None if len(names) > 1 else 1],
        "trials": [trial_data(trial, names) for trial in study.get_trials(deepcopy=False)],
        "importances": {
            metric: [
                {"key": one.key, "share": one.share, "low": one.low, "high": one.high, "sure": one.sure}
                for one in found
            ]
            for metric, found in findings.importances.items()
        },
        "advice": [{"text": one.text, "overrides": list(one.overrides)} for one in findings.advice],
    }


def studies_data(folder: Path, storage: str | None) -> list[dict[str, Any]]:
    """Return a row a study, the latest first: its name, its folder, who runs it, and its trials by state."""
    found = []
    for study, directory in find_studies(folder, storage):
        counts = Counter(map(state_of, study.get_trials(deepcopy=False)))
        states = {state.lower(): counts[state] for state in ("WAITING", "RUNNING", *WORDS)}
        found.append({"study": study.study_name, "folder": str(directory), "process": driver_of(directory)} | states)
    return found


def trial_data(trial: "FrozenTrial", names: Sequence[str]) -> dict[str, Any]:
    """Return what is known of a trial; a value that is no number is None."""
    values = trial.values if trial.values is not None else []
    return {
        "number": trial.number,
        "state": state_of(trial),
        "values": {name: value if math.isfinite(value) else None for name, value in zip(names, values, strict=False)},
        "spread": dict(zip(names, spread_of(trial), strict=False)),
        "params": dict(trial.params),
        "step": trial.last_step,
        "seconds": round(seconds_of(trial), 3),
        "started": None if trial.datetime_start is None else trial.datetime_start.isoformat(),
        "ended": None if trial.datetime_complete is None else trial.datetime_complete.isoformat(),
        "error": error_in_words(trial) or None,
    }


def rows(study: "Study") -> list[dict[str, Any]]:
    """Return each trial as a flat row: number, state, a column a metric and a searched key, step, seconds, error.

    Where values are means, as those of k-fold are, each has its standard deviation in a column `<metric>.spread`.
    """
    names = metric_names(study)
    trials = study.get_trials(deepcopy=False)
    keys = list(dict.fromkeys(key for trial in trials for key in trial.params))
    spreads = names if any(map(spread_of, trials)) else []
    found = []
    for trial in trials:
        data = trial_data(trial, names)
        row = {"trial": trial.number, "state": data["state"]}
        row |= {name: data["values"].get(name) for name in names}
        row |= {f"{name}.spread": data["spread"].get(name) for name in spreads}
        row |= {_column(key, names): trial.params.get(key) for key in keys}
        found.append(row | {name: data[name] for name in ("step", "seconds", "started", "ended", "error")})
    return found


def as_csv(found: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as CSV; a cell that a spreadsheet would run as a formula is a text to it."""
    text = io.StringIO()
    columns = list(dict.fromkeys(name for row in found for name in row))
    table = csv.writer(text, lineterminator="\n")
    table.writerow(map(_cell, columns))
    for row in found:
        table.writerow(_cell(row.get(name)) for name in columns)
    return text.getvalue()


def _column(key: str, taken: Sequence[str]) -> str:
    """Return a searched key's column: its own name, unless another column has it."""
    return f"params.{key}" if key in (*taken, "trial", "state", "step", "seconds", "started", "ended", "error") else key


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return "" if value is None else value


def as_json(data: Any) -> str:
    """Write data as JSON; a number that is none, or endless, is null: JSON has no word for it."""
    return json.dumps(_finite(data), indent=2, ensure_ascii=False, default=str, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
