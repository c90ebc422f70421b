"""The classes and their numbers of images, in a line that stays short."""

import numpy as np
import pytest

from src.dataset.found import alike, found


def test_of_many_classes_the_first_are_named() -> None:
    names = [f"n{number:04}" for number in range(1000)]
    labels = np.repeat(np.arange(1000), 1300)[500:].astype(np.int32)
    (line,) = found({"train": labels, "validation": labels[:5000], "test": labels[:10]}, names, "files")
    assert line == (
        "1,299,500 training files of 1,000 classes: n0000, n0001, n0002, n0003, n0004, and 995 more, 800 to 1,300 "
        "files each; 5,000 validation and 10 test files"
    )


def test_a_class_without_training_images_counts_none() -> None:
    assert found({"train": np.array([0, 0, 1])}, ["a", "b", "c"], "images") == [
        "3 images of 3 classes: a (2), b (1), c (0)"
    ]


@pytest.mark.parametrize(
    ("names", "both"),
    [
        (["Hernia", "Hernia|Mass", "Mass"], "Hernia|Mass"),
        (["rust", "scab", "scab rust"], "scab rust"),
        (["a; b", "a", "b"], "a; b"),
        (["cat", "cat small", "big dog"], None),
        (["New York", "York"], None),
    ],
)
def test_names_that_list_others_are_told_of(names: list[str], both: str | None) -> None:
    lines = found({"train": np.arange(len(names))}, names, "images")
    assert lines[1:] == (
        [f"{both} is a class of its own, beside those that it lists: an image has one label here"] if both else []
    )


@pytest.mark.parametrize(
    ("names", "twins"),
    [
        (["cat", "dog", "Cat"], ["cat", "Cat"]),
        (["b  c", "b c"], ["b  c", "b c"]),
        (["\u00e9t\u00e9", "e\u0301te\u0301"], ["\u00e9t\u00e9", "e\u0301te\u0301"]),
        (["A", "a"], []),  # letters, which are to be told from each other
        (["cat", "cats"], []),
    ],
)
def test_names_that_differ_in_capitals_spaces_or_code(names: list[str], twins: list[str]) -> None:
    assert alike(names) == twins
    lines = found({"train": np.arange(len(names))}, names, "images")
    assert len(lines) == 1 + bool(twins)
