"""What a sweep may cost, from trials that ended before: what is said, and what is not known."""

from pathlib import Path

import pytest

from convsweep.driver import known_costs
from src.config.dataset import DATASETS
from src.recording.cost import cost
from tests.helpers.command import toy

STEPS = "hydra.sweeper.max_resource=${steps}"
LIKE = "as 2 like it in short"
NONE = "has ended so far"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a study of two trials, of 3 steps each."""
    folder = tmp_path_factory.mktemp("costs")
    assert toy(folder, "x=1,3", "hydra.sweeper.study_name=short").returncode == 0
    return folder


@pytest.mark.parametrize(
    ("search", "said"),
    [
        (["x=1,3"], f"about 0:00:10 with 1 worker: 5.0 s a trial, {LIKE}"),
        (["x=1,2,3"], f"about 0:00:15 with 1 worker: 5.0 s a trial, {LIKE}"),
        # ten times as many steps: no less than one, and no more than ten times as long
        (
            ["x=1,3", "steps=30", STEPS],
            f"0:00:10 to 0:01:40 with 1 worker: 5.0 to 50.0 s a trial, {LIKE} with 0.1 times its work",
        ),
        # each of the searched lengths has its own price
        (
            ["x=1", "steps=3,3000", STEPS],
            "0:00:10 to 1:23:25 with 1 worker: 5.0 to 5000.0 s a trial, as one like it in short with 0.001 to 1 times "
            "its work",
        ),
        (["x=interval(1,3)", STEPS], f"at most 0:01:40 with 1 worker: up to 5.0 s a trial, {LIKE}"),
        # what was never seen has no price
        (
            ["group=high,highest", STEPS],
            f"not known: no trial with group=high, group=highest {NONE}; for a measure, run it first with steps=1",
        ),
        (
            ["group=low,highest", "x=1,3"],
            f"at least 0:00:10 with 1 worker: 5.0 s a trial, {LIKE}; of trials with group=highest none {NONE}",
        ),
        (
            ["x=3,2048"],
            "at least 0:00:05 with 1 worker: 5.0 s a trial, as one like it in short; "
            f"of trials with x=2048 none {NONE}",
        ),
        (
            ["x=2048,4096,8192"],
            f"not known: no trial with x=2048, x=4096, x=8192 {NONE}; for a measure, run two: hydra.sweeper.n_trials=2",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_words_hold(folder: Path, monkeypatch: pytest.MonkeyPatch, search: list[str], said: str) -> None:
    monkeypatch.setattr(known_costs, "seconds_of", lambda trial: 5.0)
    done = toy(folder, "hydra.sweeper.dry_run=true", "hydra.sweeper.study_name=new", *search)
    [line] = [line for line in done.stdout.splitlines() if line.startswith("cost")]
    assert line == f"cost    {said}"


def config(**values: object) -> dict[str, object]:
    known = {"dataset.name": "fashion_mnist", "dataset.limit": None, "dataset.folds": None, "model.name": "cnn"}
    return known | {"training.epochs": 10} | {key.replace("__", "."): value for key, value in values.items()}


def test_the_application_counts_images_and_knows_what_costs_nothing() -> None:
    known = cost(config())
    assert known is not None
    assert known[0] == 600_000
    assert cost(config(dataset__limit=6_000, dataset__folds=5)) == (300_000, known[1])
    assert cost(config(model__dropout=0.5, optimizer__learning_rate=0.1, schedule__name="cosine")) == known
    for other in ({"dataset__name": "digits"}, {"model__filters": 64}, {"training__batch_size": 32}):
        found = cost(config(**other))
        assert found is not None and found[1] != known[1]
    assert cost({"x": 1}) is None


def test_without_a_known_number_of_images_a_limit_is_a_setting_like_another() -> None:
    assert DATASETS["image_folder"].images is None
    one, other = (cost(config(dataset__name="image_folder", dataset__limit=limit)) for limit in (100, 200))
    assert one is not None and other is not None
    assert one[0] == other[0] and one[1] != other[1]
