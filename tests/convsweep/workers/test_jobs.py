"""Jobs of an engine: those of ours leave its queue."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from convsweep.workers.jobs import Jobs


@pytest.mark.parametrize("slurm", [True, False])
def test_slurms_jobs_leave_the_queue_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slurm: bool
) -> None:
    folder, log = tmp_path / "jobs", tmp_path / "log"
    for job in ("7", "7_0", "7_1"):
        (folder / job).mkdir(parents=True)
    (folder / ".submission_file_7.sh").touch()
    (tmp_path / "scancel").write_text(f'#!/bin/sh\necho "$@" >> {log}\n')
    (tmp_path / "scancel").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    over = threading.Event()
    jobs = Jobs(cast(Callable[[], None], over.wait), folder if slurm else None)
    assert not jobs.ended(within=0.1)
    jobs.leave_queue()
    assert log.exists() == slurm
    if slurm:
        assert log.read_text() == "--quiet --state=PENDING 7 7_0 7_1\n"
    over.set()
    assert jobs.ended(within=10)
