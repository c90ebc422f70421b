"""A single run that is refused leaves nothing behind, and takes nothing away."""

from pathlib import Path

import pytest

from src.config.refusal import _forget


def laid_out(folder: Path) -> Path:
    (folder / ".hydra").mkdir(parents=True)
    for name in ("config", "hydra", "overrides"):
        (folder / f".hydra/{name}.yaml").write_text("a: 1\n")
    (folder / "sweep.log").touch()
    return folder


def test_the_folder_goes_with_those_that_it_was_alone_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _forget(laid_out(tmp_path / "outputs/2026-01-01/10-00-00"))
    assert list(tmp_path.iterdir()) == []
    kept = laid_out(tmp_path / "outputs/2026-01-01/10-00-01")
    _forget(laid_out(tmp_path / "outputs/2026-01-01/10-00-02"))
    assert list((tmp_path / "outputs/2026-01-01").iterdir()) == [kept]
    _forget(tmp_path / "nowhere")


def test_what_somebody_wrote_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = laid_out(tmp_path / "fixed")
    (folder / "sweep.log").write_text("a warning\n")
    (folder / ".hydra/mine.yaml").touch()
    _forget(folder)
    assert sorted(path.name for path in folder.rglob("*")) == [".hydra", "mine.yaml", "sweep.log"]
    _forget(laid_out(tmp_path / "inside/x").parent)
    assert (tmp_path / "inside/x/.hydra/config.yaml").exists()


def test_the_folder_where_the_command_was_typed_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = laid_out(tmp_path / "here")
    monkeypatch.chdir(here)
    _forget(here)
    assert list(here.iterdir()) == []
