"""One's own data from the command line: what is wrong with it ends a run or a sweep in one line."""

from pathlib import Path

import pytest

from tests.helpers.command import run, run_inside
from tests.helpers.dataset_files import write_images


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("a", "b"):
        write_images(tmp_path / "data" / name, 8)
    return tmp_path


@pytest.mark.parametrize(
    "sweep", [[], ["-m", "training.batch_size=16,32", "hydra.sweeper.n_jobs=1"]], ids=["run", "-m"]
)
def test_a_layout_that_is_no_dataset_is_one_line_before_anything_starts(folder: Path, sweep: list[str]) -> None:
    (folder / "data" / "empty").mkdir()
    done = run_inside(["-m", "src.sweep", *sweep, "dataset=image_folder", "dataset.path=data"], folder)
    assert done.returncode == 1
    assert (done.stdout + done.stderr).strip() == (
        f"error: no image of class empty in {folder / 'data'}; add some, or remove the folder"
    )
    assert not (folder / "multirun").exists()


@pytest.mark.slow
def test_files_that_cannot_be_read_end_a_sweep_in_one_line(folder: Path) -> None:
    for file in (folder / "data" / "a").iterdir():
        file.write_bytes(b"\0\0\0\x18ftypheic")
    sweep = ["-m", "training.batch_size=8,16,32", "hydra.sweeper.n_jobs=2", "hydra.sweeper.study_name=bad"]
    done = run(["-m", "src.sweep", *sweep, "dataset=image_folder", "dataset.path=data"], folder)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: no training image of class a; add some, or remove the class; skipped 8 files: HEIC")
    assert "3 waiting" in run(["-m", "src.status", "bad"], folder).stdout
