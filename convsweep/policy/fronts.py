"""Which of several trials are better, where each has several values: by non-domination, then by crowding.

Deb et al. 2002, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II".
"""

import math
from collections.abc import Mapping, Sequence

Known = Mapping[int, Sequence[float]]  # a trial's number -> its values, lower being better


def by_fronts(known: Known) -> list[int]:
    """Return the trials' numbers, the best first: front after front, in each first those in the emptiest places.

    Those with a value that is no finite number are left out. Of two equal ones the first in `known` goes first.
    """
    left = {number: values for number, values in known.items() if all(map(math.isfinite, values))}
    ranked: list[int] = []
    while left:
        best = front(left)
        room = _room({number: left[number] for number in best})
        ranked += sorted(best, key=lambda number: -room[number])
        left = {number: values for number, values in left.items() if number not in room}
    return ranked


def front(known: Known) -> list[int]:
    """Return the numbers of those that no other one dominates: is at least as good in all, and better in one."""
    return [number for number, own in known.items() if not any(_dominates(other, own) for other in known.values())]


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def _room(known: Known) -> dict[int, float]:
    """Return how far each one's neighbours are apart, summed over the values, of which each counts by its range.

    Those at an end of a range have all the room there is.
    """
    room = dict.fromkeys(known, 0.0)
    for values in zip(*known.values(), strict=True):
        order = sorted(zip(values, known, strict=True), key=lambda pair: pair[0])
        spread = order[-1][0] - order[0][0]
        room[order[0][1]] = room[order[-1][1]] = math.inf
        for (low, _), (_, number), (high, _) in zip(order, order[1:], order[2:], strict=False):
            room[number] += (high - low) / spread if spread else 0.0
    return room
