"""A pause leaves no trace, and a checkpoint that cannot be used means a fresh start."""

from pathlib import Path

import numpy as np
import pytest

from src.config.schedule import OneCycle, Plateau, ScheduleConfig
from src.training import Checkpoint, History, prepare
from tests.helpers.training import network, train_digits

ONE_CYCLE = OneCycle(warmup=0.25, initial_divisor=25.0, final_divisor=1e5)


@pytest.mark.parametrize(
    ("schedule", "optimizer"),
    [
        (ONE_CYCLE, "Adam"),
        pytest.param(Plateau(factor=0.5, patience=1, min_rate=0.0), "Adam", marks=pytest.mark.slow),
        *(
            pytest.param(ONE_CYCLE, name, marks=pytest.mark.slow)
            for name in ("AdamW", "Nadam", "Adamax", "RMSprop", "SGD", "Adagrad", "Adadelta", "Lion")
        ),
    ],
)
def test_a_run_that_paused_equals_one_that_ran_through_bit_for_bit(
    tmp_path: Path, schedule: ScheduleConfig, optimizer: str
) -> None:
    """Dropout, batch norm and augmentation draw the same, and the optimizer remembers the same."""
    checkpoint = Checkpoint(tmp_path / "trial" / "checkpoint.npz")
    whole, weights = train_digits(None, schedule, optimizer=optimizer)
    paused, _ = train_digits(checkpoint, schedule, pause_after=3, optimizer=optimizer)
    assert paused[0] == whole[0][:3]
    resumed, same = train_digits(checkpoint, schedule, optimizer=optimizer)
    assert resumed == whole
    for one, other in zip(weights, same, strict=True):
        np.testing.assert_array_equal(one, other)
    assert [path.name for path in (tmp_path / "trial").iterdir()] == ["checkpoint.npz"]
    checkpoint.remove()
    assert not list((tmp_path / "trial").iterdir())


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "of another model"])
def test_a_checkpoint_that_cannot_be_used_means_a_fresh_start(tmp_path: Path, damage: str) -> None:
    prepare("float32", None)
    path = tmp_path / "checkpoint.npz"
    model = network(shape=(5, 5, 1)) if damage == "of another model" else network()
    model.compile("adam")
    Checkpoint(path).save(model, History([{"val_loss": 1.0}], 1), [])
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 255
    path.write_bytes({"cut": content[: len(content) // 2], "empty": b""}.get(damage, content))
    other = network()
    other.compile("adam")
    before = other.get_weights()
    assert Checkpoint(path).load(other) is None
    for one, same in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, same)


def test_the_best_weights_are_kept_where_they_are_not_those_that_are_trained(tmp_path: Path) -> None:
    """An average is judged: the last epoch is the best, and its weights are others than the model's."""
    model = network()
    model.compile("adam")
    averaged = [weights + 1 for weights in model.get_weights()]
    for best in (averaged, model.get_weights()):
        Checkpoint(tmp_path / "checkpoint.npz").save(model, History([{"val_loss": 1.0}], 1), best)
        loaded = Checkpoint(tmp_path / "checkpoint.npz").load(model)
        assert loaded is not None
        for one, other in zip(loaded[1], best, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_full_disk_costs_the_checkpoint_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = network()
    model.compile("adam")
    (tmp_path / "file").touch()
    Checkpoint(tmp_path / "file" / "checkpoint.npz").save(model, History(), [])
    assert "no checkpoint in" in caplog.text
