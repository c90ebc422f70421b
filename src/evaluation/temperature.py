"""One number that makes a model's confidence what it should be: how often it is right.

Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, section 4.2. Imports NumPy alone: a
copy of this file lies beside each kept model.
"""

import numpy as np

LOWEST, HIGHEST = 0.2, 10.0  # temperatures
TINY = np.finfo(np.float32).tiny


def fit_temperature(probabilities: np.ndarray, true: np.ndarray) -> float:
    """Return the temperature under which images that the model was not trained on are likeliest.

    A model that is right about all of few images does not become certain of everything: each image counts as slightly
    less than one of its class, as in Platt, "Probabilistic Outputs for Support Vector Machines", 1999.

    Args:
        probabilities: float [N, classes].
        true: integer [N].
    """
    from scipy.optimize import minimize_scalar

    count, classes = probabilities.shape
    doubt = 1 / (count + 2)
    targets = np.full((count, classes), doubt / max(classes - 1, 1))
    targets[np.arange(count), true] = 1 - doubt
    logits = np.log(np.maximum(probabilities, TINY), dtype=np.float64)

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        scaled -= np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        return float(-(targets * scaled).sum() / count)

    found = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    return float(np.exp(found.x))  # pyright: ignore[reportAttributeAccessIssue]


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities as if the model's logits were divided by a temperature, float32 [N, classes]."""
    if temperature == 1:
        return probabilities
    scaled = np.log(np.maximum(probabilities, TINY), dtype=np.float64) / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return (scaled / scaled.sum(axis=1, keepdims=True)).astype(np.float32)
