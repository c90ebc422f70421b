"""The disk that checkpoints take: those of the least promising trials go first."""

from pathlib import Path

import pytest

from src.recording import CHECKPOINT, bound_checkpoints


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
