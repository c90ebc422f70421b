"""The same image more than once: in two parts, within the images that validation is split off, in two classes."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from src.dataset.source import PARTS


class _Image(NamedTuple):
    name: str
    part: str
    label: int


def digests_of(images: np.ndarray) -> list[str]:
    """Name each of some images [N, ...] by its pixels."""
    return [hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=12).hexdigest() for image in images]


def copies(
    digests: Mapping[str, Sequence[str]], labels: Mapping[str, np.ndarray], names: Mapping[str, Sequence[str]]
) -> list[str]:
    """Say in a line which images are there more than once where that misleads; no line where none is.

    Args:
        digests: of the images of each part, `train` always.
        labels: of the same images.
        names: of the same images.
    """
    groups = _equal(digests, labels, names)
    if not groups:
        return []
    said = []
    for part in PARTS[1:]:
        earlier = PARTS[: PARTS.index(part)]
        pairs = []
        for group in groups:
            known = next((image for image in group if image.part in earlier), None)
            pairs += [(image, known) for image in group if image.part == part and known is not None]
        where = "training or validation" if part == "test" and "validation" in digests else "training"
        if pairs:
            said.append(f"{_count(pairs, digests[part])} {part} images in the {where} part as well ({_example(pairs)})")
    again = [] if "validation" in digests else [[image for image in group if image.part == "train"] for group in groups]
    pairs = [(image, group[0]) for group in again for image in group[1:]]
    if pairs:
        said.append(f"{_count(pairs, digests['train'])} training images a second time ({_example(pairs)})")
    advice = "take them out, or the model is judged by what it was trained on" if said else ""
    pairs = []
    for group in groups:
        other = next((image for image in group if image.label != group[0].label), None)
        pairs += [(group[0], other)] if other is not None else []
    if pairs:
        said.append(f"{len(pairs):,} image{'s' * (len(pairs) != 1)} in several classes ({_example(pairs)})")
        advice = advice or "decide for one class each"
    return [f"copies, equal in every pixel: {', '.join(said)}; {advice}"] if said else []


def _equal(
    digests: Mapping[str, Sequence[str]], labels: Mapping[str, np.ndarray], names: Mapping[str, Sequence[str]]
) -> list[list[_Image]]:
    """Return the images that are equal to others, in the order of the parts and of their names."""
    first: dict[str, tuple[str, int]] = {}
    found: dict[str, list[tuple[str, int]]] = {}
    for part in (part for part in PARTS if part in digests):
        for row, digest in enumerate(digests[part]):
            before = first.setdefault(digest, (part, row))
            if before != (part, row):
                found.setdefault(digest, [before]).append((part, row))
    groups = [
        [_Image(str(names[part][row]), part, int(labels[part][row])) for part, row in group] for group in found.values()
    ]
    return sorted(sorted(group, key=lambda image: (PARTS.index(image.part), image.name)) for group in groups)


def _count(pairs: Sequence[object], of: Sequence[object]) -> str:
    return f"{len(pairs):,} of {len(of):,}"


def _example(pairs: Sequence[tuple[_Image, _Image]]) -> str:
    names = [image.name for image in min(pairs)]
    return f"{names[0]} twice" if len(set(names)) == 1 else " and ".join(names)
