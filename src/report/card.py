"""A model card in Markdown: what a colleague must know of a model to use it, and to trust it.

After Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from src.report.words import confused_in_words

if TYPE_CHECKING:
    from src.evaluation import Evaluation

WIDEST = 20  # classes of a confusion matrix that is shown whole
PAIRS = 10


@dataclass(frozen=True)
class Card:
    """What stands in a model card.

    Attributes:
        name: Of the model.
        what: What it is, a few sentences.
        data: Lines about the data.
        class_names: The name of each class.
        candidates: A table of what was compared: a header, then rows.
        choice: Why this one.
        numbers: A table of how good it is: a header, then rows.
        judged: What it says of the images that it is judged by, None where there are none.
        judged_by: Which images these are.
        robust: The accuracy on altered copies, by kind.
        notes: What to bear in mind, a line each.
        config: The whole configuration, as YAML.
        command: That made it.
        versions: Of packages, and of the code.
    """

    name: str
    what: str
    data: Sequence[str]
    class_names: Sequence[str]
    candidates: Sequence[Sequence[str]]
    choice: str
    numbers: Sequence[Sequence[str]]
    judged: Evaluation | None
    judged_by: str
    config: str
    command: str
    versions: Mapping[str, str]
    robust: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()


def model_card(card: Card) -> str:
    """Write a card."""
    parts = [
        f"# Model card: {card.name}",
        card.what,
        "## Data",
        "\n".join(f"- {line}" for line in card.data),
        "## How good it is",
        table(card.numbers),
        *([f"- {note}" for note in card.notes] and ["\n".join(f"- {note}" for note in card.notes)]),
        "## How it was chosen",
        table(card.candidates),
        card.choice,
    ]
    if card.judged is not None:
        parts += _mistakes(card.judged, card.judged_by, card.class_names)
        parts += _calibration(card.judged, card.judged_by)
    if card.robust:
        rows = [[kind.replace("_", " "), f"{value:.4f}"] for kind, value in card.robust.items() if kind != "images"]
        images = f"{card.robust['images']:.0f} " if "images" in card.robust else ""
        parts += [
            "## Robustness",
            f"Accuracy on altered copies of {images}images.",
            table([["copies", "accuracy"], *rows]),
        ]
    parts += [
        "## Configuration",
        f"```yaml\n{card.config.strip()}\n```",
        "## How it was made",
        f"```\n{card.command}\n```",
        table([["", "version"], *([name, version] for name, version in card.versions.items())]),
    ]
    return "\n\n".join(parts) + "\n"


def table(rows: Sequence[Sequence[Any]]) -> str:
    """Write a table in Markdown, the first row as its header."""
    lines = ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def _mistakes(judged: Evaluation, by: str, class_names: Sequence[str]) -> list[str]:
    sentences = confused_in_words(judged.most_confused(PAIRS), class_names)
    parts = ["## What it confuses", "\n".join(f"- {one}" for one in sentences) or f"None of the {by}."]
    if len(class_names) <= WIDEST:
        header = ["true \\ predicted", *class_names, "recall"]
        recall = judged.scores.recall
        rows = [
            [name, *map(str, counts), f"{recall[i]:.3f}"]
            for i, (name, counts) in enumerate(zip(class_names, np.asarray(judged.confusion), strict=True))
        ]
        parts += [f"Confusion matrix of the {by}:", table([header, *rows])]
    else:
        worst = np.argsort(judged.scores.recall, kind="stable")[:PAIRS]
        rows = [[class_names[i], f"{judged.scores.recall[i]:.3f}", str(judged.scores.support[i])] for i in worst]
        parts += [f"The classes found least often among the {by}:", table([["class", "recall", "images"], *rows])]
    return parts


def _calibration(judged: Evaluation, by: str) -> list[str]:
    found = judged.calibration
    bins = len(found.counts)
    rows = [
        [
            f"{i / bins:.2f} to {(i + 1) / bins:.2f}",
            str(count),
            f"{found.confidence[i]:.3f}",
            f"{found.accuracy[i]:.3f}",
        ]
        for i, count in enumerate(found.counts)
        if count
    ]
    return [
        "## Calibration",
        f"Expected calibration error {found.ece:.4f} on the {by}: how far its confidence is from how often it is "
        "right.",
        table([["confidence", "images", "mean confidence", "right"], *rows]),
    ]
