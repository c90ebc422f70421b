"""The disk that checkpoints take: those of the least promising trials go first."""

from pathlib import Path

import pytest

from src.recording import CHECKPOINT, FOLDS, bound_checkpoints, checkpoint_of, remove_checkpoints


class Handle:
    paused = (5, 3, 0)

    def __init__(self, folder: Path) -> None:
        self.directory = folder / "trial-0005"


@pytest.mark.parametrize(("megabytes", "kept"), [(4, {5, 3, 0}), (2, {0, 3}), (1, {0}), (0, set())])
def test_the_checkpoints_of_the_least_promising_go_first(tmp_path: Path, megabytes: int, kept: set[int]) -> None:
    for number in (0, 1, 3, 5):
        (tmp_path / f"trial-{number:04d}").mkdir()
        (tmp_path / f"trial-{number:04d}" / CHECKPOINT).write_bytes(b"x" * 1_000_000)
    bound_checkpoints(Handle(tmp_path), megabytes)  # pyright: ignore[reportArgumentType]
    left = {int(file.parent.name[-4:]) for file in tmp_path.glob(f"*/{CHECKPOINT}")}
    assert left == kept | {1}, "trial 1 does not pause"


def test_a_folds_checkpoint_counts_like_any_and_goes_with_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "trial-0005"
    folder.mkdir()
    checkpoint_of(folder, 2).write_bytes(b"x" * 1_000_000)
    (folder / FOLDS).write_bytes(b"x")
    bound_checkpoints(Handle(tmp_path), 0)  # pyright: ignore[reportArgumentType]
    assert [file.name for file in folder.iterdir()] == [FOLDS], "what is finished is not trained again"
    for name in (CHECKPOINT, "checkpoint-3.npz", "checkpoint.partial"):
        (folder / name).write_bytes(b"x")
    (folder / "config.yaml").write_text("")
    remove_checkpoints(folder)
    assert [file.name for file in folder.iterdir()] == ["config.yaml"]
