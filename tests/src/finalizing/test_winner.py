"""What finalizing keeps in its folder: whole after a kill at any place, and not made twice."""

from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from src.dataset import Split
from src.evaluation import Evaluation
from src.finalizing import winner
from src.finalizing.winner import Plan
from tests.helpers.kills import killed_at_each_step

SAID = Evaluation(np.array([[0.9, 0.1], [0.25, 0.75]], np.float32), np.array([0, 1]))
SPLIT = Split(np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 1]))


def plan(folder: Path) -> Plan:
    config: Any = mock.Mock(seed=0)
    return Plan(config, "train", 1, 0, folder)


def test_after_a_kill_nothing_half_written_is_taken_for_whole(tmp_path: Path) -> None:
    network: Any = mock.Mock()
    network.save = lambda file: Path(file).write_text("a whole model")

    def make(step: int) -> None:
        own = plan(tmp_path / str(step))
        if not own.is_trained:
            winner.keep(own, network, {"parameters": 7, "history": []})
        with mock.patch.object(winner, "evaluate", return_value=SAID):
            winner.judge(own, network, SPLIT, "test")
        robust = mock.Mock(robust_accuracy=0.5, images=2, accuracies={"noisy": 0.5})
        with mock.patch.object(winner, "measure_robustness", return_value=robust):
            winner.robustness(own, network, SPLIT)
        winner.write(own.folder / "model_card.md", "# the card")

    steps = 0
    for step in killed_at_each_step(make):
        own, steps = plan(tmp_path / str(step)), step + 1
        if own.file.exists():
            assert own.file.read_text() == "a whole model"
        if own.is_trained:
            assert own.results["parameters"] == 7
        with mock.patch.object(winner, "evaluate", side_effect=AssertionError):
            if (own.folder / "test.npz").exists():
                assert winner.judge(own, network, SPLIT, "test").accuracy == 1
        if (card := own.folder / "model_card.md").exists():
            assert card.read_text() == "# the card"
        make(step)  # the same command again
        assert winner.robustness(own, network, SPLIT)["noisy"] == 0.5
        assert not [file for file in own.folder.iterdir() if file.name.startswith(".")]
    assert steps == 9
