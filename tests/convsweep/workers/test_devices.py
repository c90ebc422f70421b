"""GPUs: each worker gets one in turn, or a share."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from convsweep.workers.devices import worker_environment, workers_on_gpus
from tests.helpers.command import ROOT, run, trials


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., dict[str, str]]]:
    """Yield a function that gives the next worker of this machine its environment, until the test ends."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with ExitStack() as workers:
        yield lambda index, given: workers.enter_context(worker_environment(index, given))


TWO_GPUS = """#!/bin/sh
[ $1 = -L ] || { echo 24564; echo 8188; exit; }
echo 'GPU 0: One (UUID: GPU-1)'
echo '  MIG 1g.10gb'
echo 'GPU 1: Two (UUID: GPU-2)'
"""


def fake_gpus(folder: Path) -> str:
    """Make a machine with two GPUs, as far as nvidia-smi can; return its PATH."""
    (folder / "nvidia-smi").write_text(TWO_GPUS)
    (folder / "nvidia-smi").chmod(0o755)
    return f"{folder}:/bin:/usr/bin"


def test_each_worker_gets_a_device_in_turn_or_a_share_of_one(
    tmp_path: Path, devices: Callable[..., dict[str, str]]
) -> None:
    given = {"PATH": fake_gpus(tmp_path)}
    found = [devices(index, given) for index in range(4)]
    assert [environment["CUDA_VISIBLE_DEVICES"] for environment in found] == ["0", "1", "0", "1"]
    assert all(environment["TF_FORCE_GPU_ALLOW_GROWTH"] == "true" for environment in found)
    assert "CUDA_VISIBLE_DEVICES" not in devices(1, {"PATH": ""}), "no GPU, nothing to share"


def test_workers_of_several_drivers_and_jobs_know_of_each_other(
    tmp_path: Path, devices: Callable[..., dict[str, str]]
) -> None:
    given = {"PATH": fake_gpus(tmp_path)}
    with worker_environment(0, given) as first:
        assert first["CUDA_VISIBLE_DEVICES"] == "0"
        assert devices(0, given)["CUDA_VISIBLE_DEVICES"] == "1", "the first worker of another driver"
    assert devices(1, given)["CUDA_VISIBLE_DEVICES"] == "0", "free again, as soon as its worker is gone"
    with worker_environment(0, given) as third, worker_environment(0, given) as fourth:
        assert [third["CUDA_VISIBLE_DEVICES"], fourth["CUDA_VISIBLE_DEVICES"]] == ["0", "1"]
        devices(0, given)  # a third one on 0
    assert devices(0, given)["CUDA_VISIBLE_DEVICES"] == "1", "the one with fewer, wherever there is a place free"


@pytest.mark.parametrize(
    ("granted", "shares"),
    [
        ("3", ["3", "3", "3"]),
        ("2,5", ["2", "5", "2"]),
        ("", ["", "", ""]),
        ("GPU-8f,GPU-9a", ["GPU-8f", "GPU-9a", "GPU-8f"]),
        ("MIG-GPU-8f/1/0,MIG-GPU-8f/2/0", ["MIG-GPU-8f/1/0", "MIG-GPU-8f/2/0", "MIG-GPU-8f/1/0"]),
    ],
)
def test_what_a_scheduler_grants_is_what_is_shared_out(
    granted: str, shares: list[str], devices: Callable[..., dict[str, str]]
) -> None:
    given = {"PATH": "", "CUDA_VISIBLE_DEVICES": granted, "TF_FORCE_GPU_ALLOW_GROWTH": "false"}
    found = [devices(index, given) for index in range(3)]
    assert [environment["CUDA_VISIBLE_DEVICES"] for environment in found] == shares
    assert found[0]["TF_FORCE_GPU_ALLOW_GROWTH"] == "false"


@pytest.mark.slow
def test_the_trials_of_two_workers_see_a_gpu_each(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    seen = "+gpu='${oc.env:CUDA_VISIBLE_DEVICES,none}'"
    done = run(
        [str(ROOT / "tests/helpers/toy/app.py"), "-m", "x=range(0,6)", "seconds=0.5", seen, "hydra.sweeper.n_jobs=2"],
        tmp_path,
        PATH=f"{fake_gpus(tmp_path)}:{os.environ['PATH']}",
        TMPDIR=str(tmp_path / "tmp"),
    )
    assert done.returncode == 0, done.stderr
    workers = {trial.user_attrs["pid"]: trial.user_attrs["seen"]["gpu"] for trial in trials(tmp_path)}
    assert sorted(workers.values()) == ["0", "1"]


@pytest.mark.parametrize(
    ("granted", "most", "workers"),
    [
        ({}, 4, 4),  # two for the 8 GB of the smaller one, and as many for the other
        ({}, 1, 2),
        ({"CUDA_VISIBLE_DEVICES": "1"}, 4, 2),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, 4, None),
        ({"CUDA_VISIBLE_DEVICES": ""}, 4, None),
    ],
)
def test_gpus_have_room_for_as_many_workers_as_their_memory(
    tmp_path: Path, granted: dict[str, str], most: int, workers: int | None
) -> None:
    given = {"PATH": fake_gpus(tmp_path), **granted}
    assert workers_on_gpus(most, given) == workers
    assert workers_on_gpus(most, {**given, "PATH": ""}) is None
