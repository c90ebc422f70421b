"""What was found, in lines for the user: the classes, and how many images each part has of them."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from src.dataset.source import PARTS

FEW = 12  # classes that are named with their numbers of images; of more, the first
FIRST = 5


def found(labels: Mapping[str, np.ndarray], class_names: Sequence[str], what: str) -> list[str]:
    """Say which classes there are, by their numbers of training images, and how many images the other parts have.

    Args:
        labels: of each part, [N], `train` always.
        class_names: the name of each label.
        what: `images`, or `files` as long as nobody has looked into them.
    """
    counts = np.bincount(labels["train"], minlength=len(class_names))
    named = [f"{name} ({count:,})" for name, count in zip(class_names, counts, strict=True)]
    if len(named) > FEW:
        least, most = counts.min(), counts.max()
        each = f"{least:,} to {most:,}" if least < most else f"{most:,}"
        named = [*class_names[:FIRST], f"and {len(class_names) - FIRST:,} more, {each} {what} each"]
    others = " and ".join(f"{len(labels[part]):,} {part}" for part in PARTS[1:] if part in labels)
    kind, beside = (" training", f"; {others} {what}") if others else ("", "")
    lines = [f"{counts.sum():,}{kind} {what} of {len(class_names):,} classes: {', '.join(named)}{beside}"]
    if twins := alike(class_names):
        lines.append(f"{' and '.join(twins)} are classes of their own; write them alike if they are one")
    if (both := _several(class_names)) is not None:
        lines.append(f"{both} is a class of its own, beside those that it lists: an image has one label here")
    return lines


def _several(names: Sequence[str]) -> str | None:
    """Return the first name that lists others, Hernia|Mass beside Hernia and Mass, if there is any."""
    known = {*names}
    lists = (
        name for name in names if len(pieces := re.split(r"\s*[|;,]\s*|\s+", name)) > 1 and known.issuperset(pieces)
    )
    return next(lists, None)


def alike(names: Iterable[str]) -> list[str]:
    """Return the first names that differ in nothing but capitals, spaces or how their accents are encoded.

    Single letters apart, which may be what is to be told.
    """
    known: dict[str, list[str]] = {}
    for name in names:
        plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
        if len(plain) > 1:
            known.setdefault(plain, []).append(name)
    return next((twins for twins in known.values() if len(twins) > 1), [])
