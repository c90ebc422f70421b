"""Which of several trials are better, where each has several values: by non-domination, then by crowding.

Deb et al. 2002, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II".
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence

Known = Mapping[int, Sequence[float]]  # a trial's number -> its values, lower being better


def by_fronts(known: Known) -> list[int]:
    """Return the trials' numbers, the best first: front after front, in each first those in the emptiest places.

    Those with a value that is no finite number are left out. Of two equal ones the first in `known` goes first.
    """
    ranked: list[int] = []
    for best in fronts(known):
        room = _room({number: known[number] for number in best})
        ranked += sorted(best, key=lambda number: -room[number])
    return ranked


def front(known: Known) -> list[int]:
    """Return the numbers of those that no other one dominates: is at least as good in all, and better in one."""
    return next(iter(fronts(known)), [])


def fronts(known: Known) -> list[list[int]]:
    """Return the numbers front by front, in each in the order of `known`.

    Zhang et al. 2015, "An Efficient Approach to Nondominated Sorting" (ENS-BS): where all before are at least as good
    in the first value, one belongs to the first front that has none which dominates it, found by bisection.
    """
    finite = {tuple(values) for values in known.values() if all(map(math.isfinite, values))}
    found: list[list[tuple[float, ...]]] = []
    place: dict[tuple[float, ...], int] = {}
    for values in sorted(finite):
        at = bisect_left(found, True, key=lambda front, values=values: not _is_dominated(values, front))
        if at == len(found):
            found.append([])
        found[at].append(values)
        place[values] = at
    numbers: list[list[int]] = [[] for _ in found]
    for number, values in known.items():
        if (at := place.get(tuple(values))) is not None:
            numbers[at].append(number)
    return numbers


def _is_dominated(values: tuple[float, ...], front: list[tuple[float, ...]]) -> bool:
    """Whether one of a front dominates these values, of two objectives the last one: it has the least second value."""
    return any(_dominates(other, values) for other in (front[-1:] if len(values) == 2 else reversed(front)))


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
