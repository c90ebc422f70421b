"""The commands of the engine alone: `python -m convsweep status`, `python -m convsweep report`."""

import importlib
import sys
from pathlib import Path
from unittest import mock

import optuna
import pytest

from convsweep.storage.opening import open_storage


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
    assert typed("status") == "s: 1 done\n"
    assert typed("status", "s").startswith("study    s: minimize, in multirun/s\n")
    assert '"best": [' in typed("status", "s", "--json")


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
    with pytest.raises(SystemExit, match="error: no study t in multirun; there are s"):
        typed("status", "t")
