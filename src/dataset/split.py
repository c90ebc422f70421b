"""Which images are trained on, which validate and which test: stratified, and decided by a seed."""

from collections.abc import Sequence

import numpy as np

from src.dataset.dataset import DatasetError

TEST_SEED = 0  # of the test part, which is the same one for all trials, folds and seeds


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
    parts = _divide(_members(labels, classes, limit, seed), fraction, kept=1)
    if not parts[1].size:
        raise DatasetError(
            f"{parts[0].size} images of {classes} classes are too few to split validation data off; "
            "add images, or raise `dataset.limit` or `dataset.validation_fraction`"
        )
    return parts


def hold_out(labels: np.ndarray, classes: int, fraction: float, kept: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose the images of a test part, the same ones always; a class that has no more than `kept` gives none away.

    Args:
        labels: as for `split`.
        classes: how many classes there are.
        fraction: the part of the images that tests.
        kept: how many of each class are left at least, or all where there are fewer.

    Returns:
        Indices of the other images and of the test images, each ascending, int64.

    Raises:
        DatasetError: no class can spare an image.
    """
    parts = _divide(_members(labels, classes, None, TEST_SEED), fraction, kept)
    if not parts[1].size:
        raise DatasetError(
            f"{parts[0].size} images of {classes} classes are too few to split test images off; add images, raise "
            "`dataset.test_fraction`, or type dataset.test_fraction=null"
        )
    return parts


def fold(
    labels: np.ndarray,
    class_names: Sequence[str],
    limit: int | None,
    folds: int,
    number: int,
    seed: int,
    test_fraction: float | None = None,
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
        test_fraction: of the images of before, what was held out; for the message.

    Raises:
        DatasetError: a class has fewer images than there are folds.
    """
    members = _members(labels, len(class_names), limit, seed)
    smallest = min(range(len(members)), key=lambda label: len(members[label]))
    if (fewest := len(members[smallest])) < folds:
        under = "" if limit is None or limit >= len(labels) else f" under dataset.limit={limit}"
        under += "" if test_fraction is None else f" beside dataset.test_fraction={test_fraction:g}"
        raise DatasetError(
            f"`dataset.folds` must be at most {fewest}, the number of images of class {class_names[smallest]}{under}, "
            f"got {folds}; type dataset.folds={fewest if fewest > 1 else 'null'}, or add images"
        )
    dealt = np.concatenate(members)  # like cards, class by class
    validates = np.arange(len(dealt)) % folds == number - 1
    return np.sort(dealt[~validates]), np.sort(dealt[validates])


def fold_given(
    labels: np.ndarray, class_names: Sequence[str], limit: int | None, folds: np.ndarray, number: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the training and the validation images of a fold that the data itself says.

    Args:
        labels, class_names, limit, number, seed: as for `fold`.
        folds: the one in which each image validates, from 0.

    Raises:
        DatasetError: no image is left to validate by, or none of some class to train on.
    """
    chosen = take(labels, len(class_names), limit, seed)
    for label, name in enumerate(class_names):
        if len(np.unique(folds[chosen[labels[chosen] == label]])) < 2:
            raise DatasetError(
                f"class {name} must have images in several folds, or there is none to train on where they validate; "
                "take it out, raise `dataset.limit`, or type dataset.split_column=none to split the rows anew"
            )
    validates = folds[chosen] == number - 1
    if not validates.any():
        raise DatasetError(f"fold {number} must have an image to validate by, got none; raise `dataset.limit`")
    return chosen[~validates], chosen[validates]


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


def _divide(members: Sequence[np.ndarray], fraction: float, kept: int) -> tuple[np.ndarray, np.ndarray]:
    """Take a fraction of each class away, leaving `kept` of it; return the others and those, ascending."""
    counts = np.array([len(member) for member in members])
    wanted = max(1, round(counts.sum() * fraction))
    taken = np.clip(_apportion(counts, wanted), 0, np.maximum(counts - kept, 0))
    left = [member[few:] for member, few in zip(members, taken, strict=True)]
    away = [member[:few] for member, few in zip(members, taken, strict=True)]
    return np.sort(np.concatenate(left)), np.sort(np.concatenate(away))


def _apportion(counts: np.ndarray, total: int) -> np.ndarray:
    """Divide `total` in proportion to `counts` into whole numbers, by largest remainders."""
    if total == 0:
        return np.zeros_like(counts)
    exact = counts * total / counts.sum()
    shares = np.floor(exact).astype(counts.dtype)
    largest = np.argsort(shares - exact, kind="stable")
    shares[largest[: total - shares.sum()]] += 1
    return shares
