"""Which images are trained on and which validate: stratified, and decided by a seed."""

from collections.abc import Sequence

import numpy as np

from src.dataset.dataset import DatasetError


def split(
    labels: np.ndarray, classes: int, limit: int | None, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the training and the validation images.

    A class's share of either part differs from its share of all images by less than one image; every
    class keeps at least one training image.

    Args:
        labels: int [N], each from 0 to classes - 1 and each class at least once.
        classes: how many classes there are.
        limit: how many images to use at most, both parts together; None for all.
        fraction: the part of the used images that validates.
        seed: the same seed gives the same parts.

    Returns:
        Indices of the training and of the validation images, each ascending, int64.

    Raises:
        DatasetError: there are too few images to give each part some.
    """
    members = _members(labels, classes, limit, seed)
    used = np.array([len(member) for member in members])
    wanted = max(1, round(used.sum() * fraction))
    validating = np.minimum(_apportion(used, wanted), used - 1)
    if not validating.any():
        raise DatasetError(
            f"{used.sum()} images of {classes} classes are too few to split validation data off; "
            "add images, or raise `dataset.limit` or `dataset.validation_fraction`"
        )
    train = [member[few:] for member, few in zip(members, validating, strict=True)]
    validation = [member[:few] for member, few in zip(members, validating, strict=True)]
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(validation))


def fold(
    labels: np.ndarray, class_names: Sequence[str], limit: int | None, folds: int, number: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the training and the validation images of a fold; over all folds, each image validates once.

    The folds' sizes differ by one image at most, and so do their numbers of images of each class.

    Args:
        labels: as for `split`.
        class_names: of all classes.
        limit: how many images to use at most, all folds together; None for all.
        folds: how many there are.
        number: which one, from 1.
        seed: the same seed gives the same folds.

    Raises:
        DatasetError: a class has fewer images than there are folds.
    """
    members = _members(labels, len(class_names), limit, seed)
    smallest = min(range(len(members)), key=lambda label: len(members[label]))
    if (fewest := len(members[smallest])) < folds:
        under = "" if limit is None or limit >= len(labels) else f" under dataset.limit={limit}"
        raise DatasetError(
            f"`dataset.folds` must be at most {fewest}, the number of images of class {class_names[smallest]}{under}, "
            f"got {folds}; type dataset.folds={fewest if fewest > 1 else 'null'}, or add images"
        )
    dealt = np.concatenate(members)  # like cards, class by class
    validates = np.arange(len(dealt)) % folds == number - 1
    return np.sort(dealt[~validates]), np.sort(dealt[validates])


def take(labels: np.ndarray, classes: int, limit: int | None, seed: int) -> np.ndarray:
    """Return ascending indices of at most `limit` images, stratified, at least one of each class."""
    return np.sort(np.concatenate(_members(labels, classes, limit, seed)))


def check_limit(limit: int | None, classes: int) -> None:
    """Raise a DatasetError where a limit leaves no image of some class."""
    if limit is not None and limit < classes:
        raise DatasetError(
            f"`dataset.limit` must be at least {classes}, an image of each class, got {limit}; "
            f"type e.g. dataset.limit={20 * classes}"
        )


def _members(labels: np.ndarray, classes: int, limit: int | None, seed: int) -> list[np.ndarray]:
    """Return the used images of each class, in an order that the seed decides."""
    rng = np.random.default_rng(seed)
    members = [rng.permutation(np.flatnonzero(labels == label)) for label in range(classes)]
    if limit is None or limit >= len(labels):
        return members
    check_limit(limit, classes)
    counts = np.array([len(member) for member in members])
    used = 1 + _apportion(counts - 1, limit - classes)
    return [member[:count] for member, count in zip(members, used, strict=True)]


def _apportion(counts: np.ndarray, total: int) -> np.ndarray:
    """Divide `total` in proportion to `counts` into whole numbers, by largest remainders."""
    if total == 0:
        return np.zeros_like(counts)
    exact = counts * total / counts.sum()
    shares = np.floor(exact).astype(counts.dtype)
    largest = np.argsort(shares - exact, kind="stable")
    shares[largest[: total - shares.sum()]] += 1
    return shares
