"""What is kept of trials for an ensemble: of the best ones, in one step, and nothing of the others."""

from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from src.evaluation import Evaluation
from src.recording import keep_answers, keep_member, read_member
from src.recording.members import MOST, PROBABILITIES
from tests.helpers.kills import killed_at_each_step

SAID = Evaluation(np.array([[0.9, 0.1], [0.25, 0.75]], np.float32), np.array([0, 1]))


def handle(folder: Path, number: int) -> Any:
    return mock.Mock(number=number, directory=folder / f"trial-{number:04d}")


def kept(folder: Path) -> list[int]:
    return sorted(int(file.parent.name[-4:]) for file in folder.glob(f"*/{PROBABILITIES}"))


def test_the_best_of_a_search_keep_what_they_say(tmp_path: Path) -> None:
    ranking: list[int] = []
    for number in range(MOST + 3):  # each better than those before
        ranking.insert(0, number)
        keep_answers(handle(tmp_path, number), SAID, (8, 8, 1), ranking)
    assert kept(tmp_path) == list(range(3, MOST + 3))
    member = read_member(tmp_path / "trial-0004")
    assert member is not None
    np.testing.assert_allclose(member.probabilities, SAID.probabilities, atol=1e-3)
    assert (member.true.tolist(), member.input_shape, member.model) == ([0, 1], (8, 8, 1), None)
    assert (tmp_path / "trial-0004" / PROBABILITIES).stat().st_size < 2000


def test_a_trial_that_loses_keeps_nothing(tmp_path: Path) -> None:
    keep_answers(handle(tmp_path, 50), SAID, (8, 8, 1), [*range(MOST), 50])
    assert kept(tmp_path) == []
    assert not (tmp_path / "trial-0050").exists()


def test_a_full_disk_costs_the_ensemble_and_not_the_trial(tmp_path: Path) -> None:
    with mock.patch("numpy.savez", side_effect=OSError(28, "No space left on device")):
        keep_answers(handle(tmp_path, 1), SAID, (8, 8, 1), [1])
    assert read_member(tmp_path / "trial-0001") is None


def test_what_is_left_after_a_kill_is_whole(tmp_path: Path) -> None:
    network: Any = mock.Mock(input_shape=(None, 8, 8, 1))
    network.save = lambda file: Path(file).write_text("a whole model")
    for _ in killed_at_each_step(lambda _: keep_member(tmp_path, network, SAID)):
        if (file := tmp_path / "model.keras").exists():
            assert file.read_text() == "a whole model"
        member = read_member(tmp_path)
        assert member is None or (member.model is not None and len(member.true) == 2)
    assert read_member(tmp_path) is not None
