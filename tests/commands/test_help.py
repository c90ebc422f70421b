"""`--help` says how to search, fits a narrow terminal, and lists only what can be chosen."""

import os
import re
import subprocess
import sys
from pathlib import Path

from convsweep.config import ConvsweepConf
from convsweep.errors import settable
from tests.helpers.command import ROOT, run_inside


def test_help_is_of_use_for_a_search(tmp_path: Path) -> None:
    done = run_inside(["-m", "src.sweep", "--help"], tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert not re.search(r"\bbase_|\bschema", done.stdout)
    assert all(re.search(rf"\b{key}\b", done.stdout) for key in settable(ConvsweepConf))
    for group in [*(ROOT / "conf").iterdir(), *(ROOT / "sweeps").iterdir()]:
        options = sorted(path.stem for path in group.glob("*.yaml"))
        if group.is_dir() and options:
            shown = re.search(rf"^  {group.name}: ((?:.+\n)(?:      .+\n)*)", done.stdout, re.M)
            assert shown, group.name
            assert re.split(r",\s+", shown[1].strip()) == options


def test_every_option_that_is_listed_can_be_chosen(tmp_path: Path) -> None:
    for group in sorted((ROOT / "conf").iterdir()):
        if group.name in ("launcher", "storage") or not group.is_dir():
            continue
        done = run_inside(["-m", "src.sweep", f"{group.name}=nothing"], tmp_path)
        options = sorted(path.stem for path in group.glob("*.yaml"))
        assert done.stderr.startswith(f"error: `{group.name}` has no option nothing; there are {', '.join(options)}")


def test_help_ends_quietly_when_its_reader_has_seen_enough(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "src.sweep", "--help"]
    done = subprocess.run(command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(write)
    assert done.stderr == ""
