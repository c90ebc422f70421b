"""Answers for a person, for a program, for a spreadsheet."""

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from src.dataset.walk import shown
from src.deployment.answers import Answers
from src.deployment.kept import KeptModel
from src.report import confused_in_words

MATRIX = 12  # classes, at most, of which a confusion matrix fits into 80 columns
PAIRS = 5  # of classes most confused
# Columns of a table of 80 for the file, a class, and the next classes; where the true class is known, a column more.
WIDTHS = {False: (30, 16, 24), True: (20, 14, 20)}


def show(answers: Answers, limit: float, console: Console) -> None:
    """Print a line for each image: its file, the likeliest class with its confidence, and the next two.

    Args:
        answers: What the model says.
        limit: The confidence below which it is not sure.
        console: Where to.
    """
    judged = any(picture.true is not None for picture in answers.pictures)
    table = Table(box=None, pad_edge=False, header_style="bold")
    room, name_room, next_room = WIDTHS[judged]
    wide = max(0, console.width - 80)
    room, next_room = room + wide // 2, next_room + wide - wide // 2
    table.add_column("file", no_wrap=True)
    table.add_column("class", no_wrap=True, overflow="ellipsis", max_width=name_room)
    table.add_column("sure", justify="right", no_wrap=True)
    if judged:
        table.add_column("is", no_wrap=True, overflow="ellipsis", max_width=name_room)
    table.add_column("or", no_wrap=True, overflow="ellipsis", max_width=next_room)
    for row, picture in enumerate(answers.pictures):
        (name, sure), *others = answers.likeliest(row, 3)
        unsure = sure < limit
        if unsure:
            name, others = "not sure", [(name, sure), *others][:3]
        cells = [
            Text(_end(shown(picture.file), room)),
            Text(shown(name), "yellow" if unsure else ""),
            Text(f"{sure:.2f}"),
        ]
        if judged:
            known = picture.true is not None
            wrong = known and int(answers.best[row]) != picture.true
            cells.append(
                Text(shown(answers.class_names[picture.true or 0]) if known else "", "red" if wrong else "dim")
            )
        cells.append(Text(", ".join(f"{shown(other)} {value:.2f}" for other, value in others), "dim"))
        table.add_row(*cells)
    if answers.pictures:
        console.print(table)
    unsure = int((answers.confidence < limit).sum())
    doubts = f", {unsure} not sure (less than {limit:g})" if unsure else ""
    count = len(answers.pictures)
    console.print(f"{count} image{'' if count == 1 else 's'}{doubts}", highlight=False)
    _show_evaluation(answers, console)


def _end(path: str, room: int) -> str:
    """Return the end of a path, in which files differ."""
    return path if len(path) <= room else f"…{path[1 - room :]}"


def _show_evaluation(answers: Answers, console: Console) -> None:
    judged = answers.evaluation()
    if judged is None:
        return
    names = [shown(name) for name in answers.class_names]
    right = int((judged.predicted == judged.true).sum())
    numbers = (
        f"accuracy {judged.accuracy:.4f}, {right} of {len(judged.true)}; macro F1 {judged.numbers['macro_f1']:.4f}"
    )
    console.print(numbers, highlight=False)
    for i, sentence in enumerate(confused_in_words(judged.most_confused(PAIRS), names)):
        console.print(f"{'confused' if i == 0 else '':8} {sentence}", markup=False, highlight=False)
    if len(names) > MATRIX:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("is \\ taken for", no_wrap=True, overflow="ellipsis", max_width=16)
    for name in names:
        table.add_column(
            Text(name), justify="right", no_wrap=True, overflow="ellipsis", max_width=8 if len(names) > 5 else 12
        )
    for name, row in zip(names, judged.confusion, strict=True):
        table.add_row(Text(name), *(Text(str(count) if count else "·", "dim" if not count else "") for count in row))
    console.print(table)


def as_json(model: KeptModel, answers: Answers, limit: float) -> str:
    """Return everything as JSON: `model`, `predictions`, `unreadable` and, where classes are known, `evaluation`."""
    known: dict[str, Any] = {"model": _describe(model), "limit": limit, "predictions": _rows(answers, limit)}
    known["unreadable"] = [{"file": file, "reason": why} for file, why in answers.unreadable.items()]
    if (judged := answers.evaluation()) is not None:
        known["evaluation"] = {
            "images": len(judged.true),
            "accuracy": judged.accuracy,
            **{name: value for name, value in judged.numbers.items() if value == value},
            "class_names": list(answers.class_names),
            "confusion_matrix": judged.confusion.tolist(),
        }
    return json.dumps(known, indent=2)


def _describe(model: KeptModel) -> dict[str, Any]:
    known = {"name": model.name, "file": str(model.file), "run_id": model.run_id, "model_id": model.model_id}
    return known | {"study": model.study, "trial": model.trial, "temperature": model.temperature}


def _rows(answers: Answers, limit: float) -> list[dict[str, Any]]:
    names, rows = answers.class_names, []
    for row, picture in enumerate(answers.pictures):
        sure = float(answers.confidence[row])
        found: dict[str, Any] = {"file": picture.file, "class": names[int(answers.best[row])], "confidence": sure}
        found["sure"] = sure >= limit
        if picture.true is not None:
            found["true"] = names[picture.true]
        found["confidences"] = _by_class(names, answers.confidences[row])
        found["probabilities"] = _by_class(names, answers.probabilities[row])
        rows.append(found)
    return rows


def _by_class(names: Any, values: Any) -> Mapping[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def as_csv(answers: Answers, limit: float) -> str:
    """Return a line for each image: file, class, confidence, whether that is enough, true class, all confidences."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["file", "class", "confidence", "sure", "true", *answers.class_names])
    for row, picture in enumerate(answers.pictures):
        sure = float(answers.confidence[row])
        true = answers.class_names[picture.true] if picture.true is not None else ""
        chosen = answers.class_names[int(answers.best[row])]
        values = (f"{value:.6f}" for value in answers.confidences[row])
        table.writerow([picture.file, chosen, f"{sure:.6f}", "yes" if sure >= limit else "no", true, *values])
    return text.getvalue()
