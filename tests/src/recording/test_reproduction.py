"""A run and its repetition side by side."""

import pytest

from src.recording.reproduction import cause, differences, largest_difference, noise

THEN = {
    "python": "3.11.1",
    "device": "CPU",
    "threads": 1,
    "deterministic": False,
    "packages": {"keras": "3.15.1", "numpy": "2.1"},
    "code": {"commit": "a" * 40, "changes": None},
    "files": {"nets.build": "123"},
    "data": {"train": {"images": 90, "digest": "ab"}, "validation": {"images": 10, "digest": "cd"}},
}


def test_equal_surroundings_differ_in_nothing() -> None:
    assert differences(THEN, THEN) == []
    assert differences({"seed": 1}, THEN) == [], "what was not recorded is not known to differ"
    assert differences(THEN, THEN | {"code": {"commit": "b" * 40, "changes": None}}, files=[]) == [], "the same code"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"threads": 4}, "threads: 1 then, 4 now"),
        ({"device": "H100"}, "device: CPU then, H100 now"),
        ({"deterministic": True}, "TensorFlow's deterministic operations: False then, True now"),
        ({"packages": {"keras": "3.16.0", "numpy": "2.1"}}, "keras: 3.15.1 then, 3.16.0 now"),
        ({"packages": {"keras": "3.15.1"}}, "numpy: 2.1 then, none now"),
        ({"files": {"nets.build": "456"}}, "the file of nets.build: 123 then, 456 now"),
        (
            {"data": THEN["data"] | {"train": {"images": 91, "digest": "ef"}}},
            "data: the train images: 90 of digest ab then, 91 of digest ef now",
        ),
        (
            {"code": {"commit": "b" * 40, "changes": "1"}},
            "code: commit aaaaaaaaaa then, bbbbbbbbbb with changes now, which differ in src/a.py",
        ),
    ],
)
def test_what_differs_is_named(change: dict, line: str) -> None:
    assert differences(THEN, THEN | change, ["src/a.py"]) == [line]


def test_the_largest_difference_is_found() -> None:
    then = {"loss": {1: 1.0, 2: 0.5}, "val_accuracy": {1: 0.5, 2: 0.75}}
    now = [{"loss": 1.0, "accuracy": 0.1, "val_loss": 1.0, "val_accuracy": 0.5}]
    now.append(now[0] | {"loss": 0.5, "val_accuracy": 0.7})
    assert largest_difference(then, now) == (pytest.approx(0.05), 2, "val_accuracy")
    assert largest_difference({"loss": {1: 1.0}}, now) == (0.0, 0, "")


def test_noise_is_that_of_two_models_on_so_many_images() -> None:
    assert noise(0.9, 1000) == pytest.approx(2 * (2 * 0.09 / 1000) ** 0.5)
    assert noise(1.0, 100) > 0


def test_a_gpu_is_the_cause_where_nothing_differs() -> None:
    for known in ({"device": "CPU"}, {"device": "H100", "deterministic": True}, {}):
        assert cause(known) == "nothing that is recorded differs"
    assert "TF_DETERMINISTIC_OPS=1" in cause({"device": "H100", "deterministic": False})
