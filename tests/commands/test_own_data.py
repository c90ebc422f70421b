"""One's own data from the command line: what is wrong with it ends a run or a sweep in one line."""

import re
import shlex
from pathlib import Path

import pytest

from tests.helpers.command import ROOT, load_study, run, run_inside
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


@pytest.mark.slow
def test_a_part_of_a_folder_tests_what_a_search_finds(folder: Path) -> None:
    once = ["training.epochs=1", "model=mlp", "hydra/launcher=basic", "hydra.sweeper.study_name=mine"]
    sweep = ["-m", "src.sweep", "-m", "dataset=image_folder", "dataset.path=data", "dataset.image_size=4", *once]
    done = run_inside([*sweep, "optimizer.learning_rate=0.1,0.01", "dataset.test_fraction=0.25"], folder)
    assert "dataset 4 of 16 images are the test part, the same ones for every seed" in done.stdout, done.stderr
    done = run_inside([*sweep, "optimizer.learning_rate=0.1,0.01", "dataset.test_fraction=0.5"], folder)
    assert "dataset.test_fraction: it has 0.25, now asked for 0.5" in done.stderr
    done = run_inside(["-m", "src.finalize", "mine", "--top", "1", "--seeds", "1"], folder)
    assert re.search(r"test     accuracy \S+ on 4 images, 95% interval", done.stdout), done.stdout + done.stderr
    (card,) = (folder / "multirun" / "mine-final").rglob("model_card.md")
    assert "10 train, 2 validation, 4 test images" in card.read_text()
    assert "equal    to the bit" in run_inside(["-m", "src.reproduce", "mine"], folder).stdout


@pytest.mark.slow
def test_without_test_images_the_end_says_what_to_type(folder: Path) -> None:
    once = ["training.epochs=1", "model=mlp", "hydra/launcher=basic", "hydra.sweeper.study_name=mine"]
    sweep = ["-m", "src.sweep", "-m", "dataset=image_folder", "dataset.path=data", "dataset.image_size=4", *once]
    assert run_inside([*sweep, "optimizer.learning_rate=0.1,0.01"], folder).returncode == 0
    done = run_inside(["-m", "src.finalize", "mine", "--top", "1", "--seeds", "1"], folder)
    assert "test     image_folder has no test images" in done.stdout, done.stderr
    assert "A search with dataset.test_fraction=0.2 sets some aside" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_own_images_runs_as_it_is_typed_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    page = (ROOT / "docs/own-images.md").read_text()
    (program,) = re.findall(r"```python\n# make_photographs\.py\n(.*?)```", page, re.DOTALL)
    (tmp_path / "make_photographs.py").write_text(program)
    typed = [line.strip() for line in page.splitlines() if line.startswith("    python ")]
    assert len(typed) == 7
    said = []
    for command in typed:
        done = run(shlex.split(command)[1:], tmp_path)
        assert done.returncode == 0, command + done.stdout + done.stderr
        said.append(done.stdout)
    assert "accuracy" in said[1]
    assert [len(load_study(tmp_path, name).trials) for name in ("fit", "photographs")] == [6, 12]
    assert max(trial.value or 0 for trial in load_study(tmp_path, "photographs").trials) > 0.9
    assert "photographs" in said[4]
    assert " ± " in said[5]
    assert "trial " in said[6].splitlines()[0]
    assert "photographs/temple/000.jpg" in said[6]
