"""What the images of each class count in the loss, where classes have uneven sizes."""

import numpy as np

BETA = 0.999  # of the effective number: some thousand images of a class show all that there is to see of it


def class_weights(labels: np.ndarray, classes: int, how: str) -> dict[int, float] | None:
    """Return the weight of each class, or None where all count the same; over all images their mean is 1.

    Args:
        labels: Integers [N], or one-hot [N, classes].
        classes: How many there are. One without images gets 0: nothing of it is ever weighed.
        how: `none`; `balanced` for N / (classes * n), as scikit-learn has it, where n images are of the class; or
            `effective` for the inverse of the effective number (1 - beta^n) / (1 - beta) of Cui, Jia, Lin, Song,
            Belongie, "Class-Balanced Loss Based on Effective Number of Samples", CVPR 2019.
    """
    if how == "none":
        return None
    counts = np.bincount(labels.argmax(axis=-1) if labels.ndim == 2 else labels, minlength=classes)
    number = counts if how == "balanced" else (1 - BETA**counts) / (1 - BETA)
    weights = np.divide(1.0, number, out=np.zeros(classes), where=counts > 0)
    weights *= counts.sum() / (weights @ counts)
    return dict(enumerate(weights.tolist()))
