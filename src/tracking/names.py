"""How a metric is called in MLflow, whose page makes a section of those with the same words before a slash.

It sorts the sections by name, and puts metrics without a slash into a last one: so curves are under `train/`, `val/`
and `time/`, and what is known once, a bar each, follows. Everywhere else metrics keep their own names.
"""

from collections.abc import Iterable, Mapping

from src.config.objective import recorded_name

LOSS = "train/loss"  # which every epoch has


def grouped(name: str, step: int) -> str:
    """Return a metric's name in MLflow: `val/accuracy` or `train/loss` of an epoch, as it is for step 0; `time/...`."""
    known = recorded_name(name)
    if known.endswith("_seconds"):
        return f"time/{known}"
    if not step or "/" in name:  # MLflow's own: system/...
        return known
    return f"val/{known.removeprefix('val_')}" if known.startswith("val_") else f"train/{known}"


def is_from_before(metrics: Iterable[str]) -> bool:
    """Whether a run's metrics are those of a version that did not group them: it goes on with them."""
    return "loss" in metrics


def own_names(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return metrics of a run by the names that they have outside of MLflow, whichever version recorded them."""
    return {_own_name(name): value for name, value in metrics.items()}


def names_of(metric: str) -> list[str]:
    """Return the names under which MLflow may have a metric of an epoch."""
    return list(dict.fromkeys([grouped(metric, 1), metric]))


def _own_name(name: str) -> str:
    group, _, rest = name.partition("/")
    if group in ("train", "time", "summary") and rest:
        return rest
    return f"val_{rest}" if group == "val" and rest else name
