"""Could it be chance? Permutation tests on places: they need no distribution, and hold for few trials as for many."""

import numpy as np

SHUFFLES = 2000
MOST = 500  # trials that are looked at; more change no answer


class Shuffled:
    """The places of trials, shuffled many times: what would be if no key made a difference."""

    def __init__(self, ranks: np.ndarray, seed: int = 0) -> None:
        self.ranks = ranks
        self._generator = np.random.default_rng(seed)
        self._all: np.ndarray | None = None

    def p_of_levels(self, has: np.ndarray, level: np.ndarray, count: int) -> float:
        """Return how often chance alone parts the levels as much, as Kruskal and Wallis measure it.

        Args:
            has: Which of the trials have a level, bool [trials].
            level: The level of each that has one, int [those that have one].
            count: How many levels there are.
        """
        one_hot = np.eye(count, dtype=np.float32)[level]
        sizes = np.maximum(one_hot.sum(axis=0), 1)
        ranks, shuffled = self._of(has)
        spread = ((shuffled @ one_hot) ** 2 / sizes).sum(axis=1)
        seen = ((ranks @ one_hot) ** 2 / sizes).sum()
        return _share(spread >= seen - 1e-6 * abs(seen))

    def p_of_better(self, has: np.ndarray, group: np.ndarray) -> float:
        """Return how often chance alone makes a group as good: less is better.

        Args:
            has: Which of the trials may be in it, bool [trials].
            group: Which of those are, bool.
        """
        ranks, shuffled = self._of(has)
        members = group.astype(np.float32)
        return _share(shuffled @ members <= ranks @ members + 1e-6 * (1 + ranks.sum()))

    def _of(self, has: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if has.all():
            if self._all is None:
                self._all = self._shuffle(self.ranks)
            return self.ranks, self._all
        ranks = self.ranks[has]
        return ranks, self._shuffle(ranks)

    def _shuffle(self, ranks: np.ndarray) -> np.ndarray:
        return self._generator.permuted(np.tile(ranks.astype(np.float32), (SHUFFLES, 1)), axis=1)


def standard_error(total: int, one: int, other: int) -> float:
    """Return the standard error of the difference between two groups' mean places among `total`, if chance decides."""
    return total / np.sqrt(12) * np.sqrt(1 / one + 1 / other)


def _share(extreme: np.ndarray) -> float:
    return float((1 + extreme.sum()) / (1 + len(extreme)))
