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
EXPECTED = "By chance alone it is 0.01 to 0.02 on 2,000 images, 0.04 to 0.05 on 300, and more on fewer."


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
        temperature: What its logits are divided by for the confidence that users are told.
        fitted_on: Which images that was fitted on.
        counts: How many images of each class each part has, by the part's name.
        limits: What it cannot be trusted in, a line each.
        robust: The accuracy on altered copies, by kind.
        notes: What to bear in mind, a line each.
        config: The whole configuration, as YAML.
        commands: That made it, in their order.
        made: What it stands on, in pairs: seeds, versions, the machine, digests.
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
    commands: Sequence[str]
    made: Sequence[tuple[str, str]]
    temperature: float = 1.0
    fitted_on: str = "validation images"
    counts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    limits: Sequence[str] = ()
    robust: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()


def model_card(card: Card) -> str:
    """Write a card."""
    parts = [
        f"# Model card: {card.name}",
        card.what,
        "## Data",
        "\n".join(f"- {line}" for line in card.data),
        *_counts(card),
        "## How good it is",
        table(card.numbers),
        *(["\n".join(f"- {note}" for note in card.notes)] if card.notes else []),
        "## What it cannot be trusted in",
        "\n".join(f"- {limit}" for limit in card.limits),
        "## How it was chosen",
        table(card.candidates),
        card.choice,
    ]
    if card.judged is not None:
        parts += _mistakes(card.judged, card.judged_by, card.class_names)
        parts += _calibration(card)
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
        "```\n" + "\n".join(card.commands) + "\n```",
        table([["", ""], *map(list, card.made)]),
    ]
    return "\n\n".join(parts) + "\n"


def table(rows: Sequence[Sequence[Any]]) -> str:
    """Write a table in Markdown, the first row as its header."""
    lines = ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def _counts(card: Card) -> list[str]:
    """Say how many images of each class there are; of many classes between which numbers that lies."""
    if not card.counts:
        return []
    if len(card.class_names) <= WIDEST:
        rows = [[name, *(counts[i] for counts in card.counts.values())] for i, name in enumerate(card.class_names)]
        return [table([["images", *card.counts], *rows])]
    ranges = [f"{min(counts):,} to {max(counts):,} {part}" for part, counts in card.counts.items()]
    return [f"- images of a class: {', '.join(ranges)}"]


def _mistakes(judged: Evaluation, by: str, class_names: Sequence[str]) -> list[str]:
    sentences = confused_in_words(judged.most_confused(PAIRS), class_names)
    parts = ["## What it confuses", "\n".join(f"- {one}" for one in sentences) or f"None of the {by}."]
    shown = list(range(len(class_names)))
    if len(class_names) <= WIDEST:
        header = ["true \\ predicted", *class_names]
        rows = [[name, *map(str, row)] for name, row in zip(class_names, np.asarray(judged.confusion), strict=True)]
        parts += [f"Confusion matrix of the {by}:", table([header, *rows]), f"By class, of the {by}:"]
    else:
        shown = np.argsort(judged.scores.recall, kind="stable")[:PAIRS].tolist()
        parts += [f"The classes found least often among the {by}:"]
    header = ["class", "images", "found (recall)", "95% interval", "right of those taken for it (precision)"]
    return [*parts, table([header, *(_class_row(judged, class_names[i], i) for i in shown)])]


def _class_row(judged: Evaluation, name: str, i: int) -> list[str]:
    count, taken, share = int(judged.scores.support[i]), int(judged.confusion[:, i].sum()), judged.recall_of(i)
    recall = [f"{share.value:.3f}", f"{share.low:.3f} to {share.high:.3f}"] if share else ["", ""]
    return [name, str(count), *recall, f"{judged.scores.precision[i]:.3f} of {taken}" if taken else ""]


def _calibration(card: Card) -> list[str]:
    from src.evaluation import calibrate, tempered

    judged, by = card.judged, card.judged_by
    assert judged is not None
    right = judged.predicted == judged.true
    found = calibrate(tempered(judged.probabilities, card.temperature).max(axis=1), right)
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
    own = "same images, so that it looks better than on new ones" if card.fitted_on == by else card.fitted_on
    return [
        "## Calibration",
        f"How far what it says of its sureness is from how often it is right (expected calibration error) on the {by}: "
        f"{judged.calibration.ece:.4f} for the model's own probabilities; {found.ece:.4f} for the confidence that "
        f"`predict` and a served model tell, which is theirs at temperature {card.temperature:.4g}, fitted on the "
        f"{own}. {EXPECTED}",
        table([["confidence", "images", "mean confidence", "right"], *rows]),
    ]
