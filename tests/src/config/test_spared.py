"""What Hydra does not do twice or for nothing, and what it still does."""

import subprocess
import sys
from pathlib import Path

import pytest
from hydra._internal.hydra import Hydra

from src.config.spared import spare
from tests.helpers.command import ROOT, run_inside


@pytest.mark.parametrize(
    ("arguments", "spared"),
    [
        (["-m", "optimizer=adam,sgd"], True),
        (["--multirun"], True),
        (["optimizer=adam"], False),
        (["-m", "hydra.mode=RUN"], False),
        (["-m", "+hydra.mode=MULTIRUN"], False),
    ],
)
def test_the_mode_is_not_looked_for_where_the_command_has_said_it(
    arguments: list[str], spared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = object()
    monkeypatch.setattr(Hydra, "get_mode", lambda *_, **__: asked)
    spare(arguments)
    hydra: Hydra = object.__new__(Hydra)
    assert hydra.get_mode(config_name="config", overrides=[]) is (None if spared else asked)


def test_a_search_composes_its_config_once_and_each_choice_of_a_group_once(tmp_path: Path) -> None:
    code = (
        "import atexit, runpy, sys\n"
        "from hydra._internal.config_loader_impl import ConfigLoaderImpl\n"
        "composed, load = [], ConfigLoaderImpl.load_configuration\n"
        "def count(self, config_name, overrides, *more, **named):\n"
        "    composed.append(sorted(overrides))\n"
        "    return load(self, config_name, overrides, *more, **named)\n"
        "ConfigLoaderImpl.load_configuration = count\n"
        "atexit.register(lambda: print('COMPOSED', len(composed), composed))\n"
        "sys.argv = ['sweep', '-m', 'optimizer=adam,rmsprop', 'training.epochs=1', '--dry-run']\n"
        "runpy.run_module('src.sweep', run_name='__main__', alter_sys=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert "COMPOSED 3 " in done.stdout, done.stdout + done.stderr


def test_what_one_command_is_spared_the_next_one_in_this_process_has(tmp_path: Path) -> None:
    before = Hydra.get_mode, Hydra.format_config_groups
    assert run_inside(["-m", "src.sweep", "-m", "optimizer=adam,sgd", "--dry-run"], tmp_path).returncode == 0
    assert run_inside(["-m", "src.sweep", "--help"], tmp_path).returncode == 0
    assert (Hydra.get_mode, Hydra.format_config_groups) == before
