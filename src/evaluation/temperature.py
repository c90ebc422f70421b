"""One number that makes a model's confidence what it should be: how often it is right.

Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, section 4.2. Imports NumPy alone: a
copy of this file lies beside each kept model.
"""

import numpy as np

LOWEST, HIGHEST = 0.2, 10.0  # temperatures
STEPS, SURE = 50, 1e-7  # at most, and when a further one changes nothing that matters
WORTH = 4  # of what is known before the first image, in images: networks are seldom off by more than twice
TINY = np.finfo(np.float32).tiny


def fit_temperature(probabilities: np.ndarray, true: np.ndarray) -> float:
    """Return the temperature under which images that the model was not trained on are likeliest.

    Of few images it stays near 1: a model that is right about all of them does not become certain of everything, and
    one that was calibrated stays so. How near says a gamma distribution of the inverse temperature b, with its mode at
    1: it costs b - 1 - log b, convex as the loss is.

    Args:
        probabilities: float [N, classes].
        true: integer [N].
    """
    count = len(true)
    logits = np.log(np.maximum(probabilities, TINY), dtype=np.float64)

    # The loss is convex in the inverse temperature: Newton's method, kept between two ends, finds it in a few steps.
    wanted, held = logits[np.arange(count), true].mean(), WORTH / count
    low, high, inverse = 1 / HIGHEST, 1 / LOWEST, 1.0
    for _ in range(STEPS):
        shares = np.exp(inverse * (logits - logits.max(axis=1, keepdims=True)))
        shares /= shares.sum(axis=1, keepdims=True)
        mean = (shares * logits).sum(axis=1)
        slope = mean.mean() - wanted + held * (1 - 1 / inverse)
        curvature = ((shares * logits**2).sum(axis=1) - mean**2).mean() + held / inverse**2
        low, high = (low, inverse) if slope > 0 else (inverse, high)
        last, inverse = inverse, inverse - slope / curvature if curvature > 0 else low
        if not low < inverse < high:
            inverse = (low + high) / 2
        if abs(inverse - last) < SURE * last:
            break
    return float(1 / inverse)


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities as if the model's logits were divided by a temperature, float32 [N, classes]."""
    if temperature == 1:
        return probabilities
    scaled = np.log(np.maximum(probabilities, TINY), dtype=np.float64) / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return (scaled / scaled.sum(axis=1, keepdims=True)).astype(np.float32)
