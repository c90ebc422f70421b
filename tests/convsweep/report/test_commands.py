"""The commands of the engine alone: `python -m convsweep status`, `python -m convsweep report`."""

import importlib
import os
import sys
from pathlib import Path
from unittest import mock

import optuna
import pytest

from convsweep.storage.opening import open_storage
from convsweep.study.finding import _places


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Return a function that types `python -m convsweep ...` where there is no application; it returns the output."""
    for folder in ("s", "2026-01-01/12-00-00"):
        study = optuna.create_study(storage=open_storage(None, tmp_path / "multirun" / folder), study_name="s")
        study.add_trial(optuna.create_trial(value=0.5))
    entry = importlib.import_module("convsweep.__main__")
    sys.modules.pop("convsweep.__main__")  # other tests run it as a user does
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(entry, "ROOT", tmp_path)

    def run(*words: str) -> str:
        with mock.patch("sys.argv", ["convsweep", *words]):
            entry.main()
        return capsys.readouterr().out

    return run


def test_studies_are_looked_at_without_the_application(typed) -> None:
    assert typed("status") == "s in multirun/2026-01-01/12-00-00: 1 done\ns: 1 done\n"
    assert typed("status", "s").startswith("study    s: minimize, in multirun/s\n")
    assert '"best": [' in typed("status", "s", "--json")


def test_where_hydra_puts_sweeps_is_looked_at_and_their_jobs_folders_are_not(typed, tmp_path: Path) -> None:
    """A study in a database has its trials' folders below `multirun` too; none of them can be a study's."""
    before = _places(tmp_path / "multirun")
    assert [place.name for place in before] == ["12-00-00", "s"], "the latest first"
    for place in ("2025-01-01/12-00-00", "in_a_database"):
        for job in range(500):
            (tmp_path / f"multirun/{place}/{job}").mkdir(parents=True)
    looked: list[object] = []
    with mock.patch("os.stat", lambda path, stat=os.stat: looked.append(path) or stat(path)):
        assert _places(tmp_path / "multirun") == before
    assert len(looked) < 10


def test_a_study_s_own_folder_is_a_name_whatever_it_is_called(typed) -> None:
    shown = typed("status", "multirun/2026-01-01/12-00-00")
    assert shown.startswith("study    s: minimize, in multirun/2026-01-01/12-00-00\n")


def test_a_report_is_written_without_the_application(typed, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    assert typed("report", "s") == "report   multirun/s/report.html\n"
    assert (tmp_path / "multirun/s/report.html").stat().st_size > 1e5


def test_what_the_engine_has_not_is_refused_and_help_says_what_it_has(typed) -> None:
    assert "python -m convsweep status [STUDY]" in typed()
    with pytest.raises(SystemExit, match="the engine alone, which has no command compare; there are status, report"):
        typed("compare", "s", "s")
    with pytest.raises(SystemExit, match="error: no study t in multirun; there are s, multirun/2026-01-01/12-00-00"):
        typed("status", "t")
