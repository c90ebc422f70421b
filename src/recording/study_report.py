"""What MLflow has for a study's report: pictures of its best trial, the worst mistakes with their files, its rungs."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from convsweep.study import ranked
from src.tracking import NOTE, Lookup, NotHere, Run, look_up

if TYPE_CHECKING:
    from optuna import Study

    from convsweep.report import Exhibit

# The study's attributes: the id of its MLflow run, for each driver, whose MLflow may be another one; and for each such
# id, whether that run has its report.
PARENT, REPORTED = "mlflow_run_id:", "mlflow_reported:"

# In the order of the report.
OF_THE_BEST = {
    "learning_curves.png": "learning curves",
    "confusion_matrix.png": "confusion matrix of the validation images",
    "worst_mistakes.png": "the worst mistakes",
    "augmentation.png": "augmentation: training images and variants of them",
    "reliability_diagram.png": "calibration",
    "altered_copies.png": "altered copies",
}
ENDS = {"mean_low", "mean_high"}  # of the interval of a final model's mean
OF_THE_STUDY = {"rungs.png": "all curves, and how many trials went on from each rung"}
GROUPS = re.compile("^(train|time|summary)/")  # of metrics on MLflow's page
STD = re.compile(r"_std(?=\[|$)")  # of a metric's standard deviation over folds: recall_std[rose]
BY_EPOCH = ("loss", "accuracy", "val_loss", "val_accuracy")  # whose last value is not that of the best epoch
PREDICTIONS = "predictions.csv"
MISTAKES = 24  # with their files, at most


def exhibits(study: "Study", uri: str | None) -> "tuple[list[Exhibit], str]":
    """Return what is there to show, and a line that says why there is nothing.

    Args:
        study: The study.
        uri: As in `tracking.uri`.
    """
    known = [key.removeprefix(REPORTED) for key in study.user_attrs if key.startswith(REPORTED)]
    if not known:
        return [], "No pictures: the study was not recorded in MLflow."
    try:
        lookup = look_up(uri)
        own = next((run for run_id in known if (run := lookup.run(run_id)) is not None), None)
        if own is None:
            return [], "No pictures: the study's run is not in this MLflow; --uri names another one."
        return [*_of_finals(study, lookup), *_of_the_best(study, lookup, own), *_of_the_study(lookup, own)], ""
    except NotHere as error:
        return [], f"No pictures: {error}."


def _of_finals(study: "Study", lookup: Lookup) -> "list[Exhibit]":
    """Return what `src.finalize` made of the study: why that, and what the test images say of it."""
    from convsweep.report import Exhibit

    found = []
    for run in (run for run in lookup.runs(study.study_name) if run.is_final):
        numbers = best_metrics(run.metrics)
        rows = [["", ""], ["what, and why", run.tags.get(NOTE, "")]]
        if "mean" in numbers:
            ends = (
                f" (95% interval {numbers['mean_low']:.4f} to {numbers['mean_high']:.4f})"
                if set(numbers) >= ENDS
                else ""
            )
            rows.append(["mean over seeds, validation images", f"{numbers['mean']:.4f}{ends}"])
        tested = sorted(name for name in numbers if name.startswith("test_"))
        rows += [[name.replace("_", " "), f"{numbers[name]:.4f}"] for name in tested]
        picture = _files(lookup, run, ["confusion_matrix.png"]).get("confusion_matrix.png")
        title = f"{run.title}, made of this study by finalize: its test images"
        found.append(Exhibit(title, picture, rows))
    return found


def _of_the_best(study: "Study", lookup: Lookup, own: Run) -> "list[Exhibit]":
    best = ranked(study)
    runs = lookup.runs(study.study_name) if best else []
    run = next((run for run in runs if run.parent == own.run_id and run.trial == best[0].number), None)
    if run is None:
        return []
    from convsweep.report import Exhibit  # not needed on the way to the first trial

    found, which = [], f"Trial {best[0].number}"
    files = _files(lookup, run, [*OF_THE_BEST, PREDICTIONS])
    for name, title in OF_THE_BEST.items():
        if name in files:
            found.append(Exhibit(f"{which}: {title}", files[name]))
        if name == "worst_mistakes.png" and PREDICTIONS in files:
            table = worst(files[PREDICTIONS].decode("utf-8"))
            if len(table) > 1:
                found.append(Exhibit(f"{which}: the worst mistakes, the surest first", table=table))
    return found


def _of_the_study(lookup: Lookup, own: Run) -> "list[Exhibit]":
    from convsweep.report import Exhibit

    files = _files(lookup, own, OF_THE_STUDY)
    return [Exhibit(f"The study: {OF_THE_STUDY[name]}", picture) for name, picture in files.items()]


def _files(lookup: Lookup, run: Run, names: Iterable[str]) -> dict[str, bytes]:
    """Return those of the artifacts that a run has."""
    found = {}
    for name in names:
        try:
            found[name] = lookup.fetch(run.artifacts, name).read_bytes()
        except (NotHere, OSError):  # most trials have few of them
            continue
    return found


def worst(predictions: str, most: int = MISTAKES) -> Sequence[Sequence[str]]:
    """Return the head of a table of predictions, and its mistakes, the surest first."""
    head, *rows = csv.reader(predictions.splitlines())
    true, predicted = head.index("true"), head.index("predicted")
    wrong = [row for row in rows if len(row) == len(head) and row[true] != row[predicted]]
    return [head, *wrong[:most]]


def best_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return what a run came to at its best epoch, by the names that metrics have as objectives."""
    own = {GROUPS.sub("", name).replace("val/", "val_"): value for name, value in metrics.items()}
    best = {name.removeprefix("best_"): value for name, value in own.items() if name.startswith("best_val_")}
    return {name: value for name, value in own.items() if name not in BY_EPOCH and not name.startswith("best_")} | best


def spread_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the standard deviations over folds that a run has, by the names of the metrics that they are of."""
    return {STD.sub("", name): value for name, value in best_metrics(metrics).items() if STD.search(name)}
