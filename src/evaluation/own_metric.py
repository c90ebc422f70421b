"""A metric of one's own: what a function says of the classes or the probabilities that a network gives."""

import functools
import inspect
from collections.abc import Callable, Sequence

import numpy as np

from src.config.own_function import OwnFunction

# A second argument of such a name gets probabilities; scikit-learn's functions of probabilities have these names.
OF_PROBABILITIES = ("y_prob", "y_proba", "y_score", "probabilities")


class MetricError(Exception):
    """A metric of one's own that gives no number; the message says what it gives."""


def measure(path: str, true: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]) -> float:
    """Return what a function of one's own says.

    Args:
        path: The function, of `y_true` and `y_pred`: the index of each image's class, and of its most probable one,
            int64 [N] both. A second argument named as one of `OF_PROBABILITIES` gets probabilities, float32
            [N, classes]; one named `class_names` gets those, wherever it stands.
        true: integer [N].
        probabilities: float32 [N, classes].
        class_names: Of all classes.

    Raises:
        MetricError: It returns no single number.
        Exception: What the function raises.
    """
    function, of_probabilities, named = _function(path)
    second = probabilities if of_probabilities else probabilities.argmax(axis=1)
    value = function(true.astype(np.int64), second, **({"class_names": list(class_names)} if named else {}))
    try:
        return float(np.asarray(value, dtype=np.float64).reshape(()))
    except (TypeError, ValueError):
        said = " ".join(repr(value).split())[:60]
        raise MetricError(f"{path} must return a number, got {type(value).__name__}: {said}") from None


@functools.cache
def _function(path: str) -> tuple[Callable[..., object], bool, bool]:
    """Return the function, whether it takes probabilities, and whether it takes the names of the classes."""
    function = OwnFunction(path).load()
    try:
        names = list(inspect.signature(function).parameters)
    except ValueError:  # of a function in C nobody knows
        return function, False, False
    return function, len(names) > 1 and names[1] in OF_PROBABILITIES, "class_names" in names
