"""Between which bounds the values of a study lie, as far as its app tells: an accuracy from 0 to 1."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from convsweep.intervals import ANYWHERE

if TYPE_CHECKING:
    from optuna import Study

RANGES = "convsweep:ranges"  # of a study: the bounds of each of its values, null where there is none


def tell_ranges(study: "Study", ranges: Sequence[tuple[float, float]]) -> None:
    """Keep the bounds of each of a study's values: no interval of a mean is to go beyond them."""
    kept = [[None if math.isinf(bound) else bound for bound in bounds] for bounds in ranges]
    if study.user_attrs.get(RANGES) != kept:
        study.set_user_attr(RANGES, kept)


def ranges_of(study: "Study") -> list[tuple[float, float]]:
    """Return the bounds of each of a study's values, endless ones where nobody has told."""
    kept = study.user_attrs.get(RANGES, [])
    if len(kept) != len(study.directions):
        return [ANYWHERE] * len(study.directions)
    return [(-math.inf if low is None else low, math.inf if high is None else high) for low, high in kept]
