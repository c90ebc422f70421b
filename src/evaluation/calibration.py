from dataclasses import dataclass

import numpy as np

BINS = 15  # of equal width, as in Guo et al. 2017


@dataclass(frozen=True)
class Calibration:
    """How often the model is right, by how sure it is: [bins], bin i over (i / bins, (i + 1) / bins].

    Attributes:
        counts: int64; images whose highest probability falls into the bin.
        confidence: float64; its mean there, 0 where there are none.
        accuracy: float64; the share of them that is right, 0 where there are none.
    """

    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def ece(self) -> float:
        """Expected calibration error: |accuracy - confidence|, averaged over the images.

        Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, equation 3.
        """
        gaps = np.abs(self.accuracy - self.confidence)
        return float(self.counts @ gaps / max(self.counts.sum(), 1))


def calibrate(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> Calibration:
    """Sort images into bins by confidence.

    Args:
        confidence: float [N], the probability of each image's predicted class.
        right: bool [N], whether that is its true class.
        bins: how many.
    """
    # In float32, where 0.2 is above the float64 edge 0.2, a confidence on an edge would land in the bin above it.
    edges = np.linspace(0, 1, bins + 1, dtype=np.asarray(confidence).dtype)
    index = np.clip(np.searchsorted(edges, confidence) - 1, 0, bins - 1)
    counts = np.bincount(index, minlength=bins)
    some = np.maximum(counts, 1)
    return Calibration(
        counts=counts,
        confidence=np.bincount(index, confidence, minlength=bins) / some,
        accuracy=np.bincount(index, right, minlength=bins) / some,
    )
