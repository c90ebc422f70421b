"""GPUs: each worker of a machine gets one in turn; where there are more workers than GPUs, they share."""

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"

# Of a GPU's memory that a worker is to find: with a small CNN one took 2.7 GB of an H100; benchmarks/README.md.
WORKER_MB = 3000


@contextmanager
def worker_environment(index: int, given: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """Yield the environment of a worker's process, which its libraries read when they start, with a GPU of its own.

    It is the one that the fewest of this user's workers have, of whichever job or driver on this machine, while the
    context lasts. What CUDA_VISIBLE_DEVICES grants already, a scheduler's choice or the user's, is what is shared out.

    Args:
        index: Of the worker in its launch, from 0: who comes first where several GPUs are as free.
        given: The environment of its keeper; this process's own by default.
    """
    environment = dict(os.environ if given is None else given)
    # TensorFlow else takes the whole memory of a GPU at once, and leaves none to the worker beside it.
    environment.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    with ExitStack() as held:
        if devices := _granted(environment):
            first = index % len(devices)
            environment[VISIBLE] = _claim([*devices[first:], *devices[:first]], held)
        yield environment


def workers_on_gpus(most: int, environment: Mapping[str, str] | None = None) -> int | None:
    """Return how many workers the granted GPUs have room for, at most so many each; None where there are none."""
    environment = os.environ if environment is None else environment
    devices = [name for name in _granted(environment) if not name.startswith("-")]  # CUDA_VISIBLE_DEVICES=-1
    found = _ask(environment, "--query-gpu=memory.total", "--format=csv,noheader,nounits") if devices else []
    megabytes = [int(line) for line in found if line.isdigit()]
    return len(devices) * max(1, min(most, min(megabytes) // WORKER_MB)) if megabytes else None


def _claim(devices: list[str], held: ExitStack) -> str:
    """Lock a place on the device that has the fewest, a file that the kernel frees with this process; return it."""
    folder = Path(tempfile.gettempdir()) / f"convsweep-gpus-{os.getuid()}"
    try:
        folder.mkdir(exist_ok=True)
        with (folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one chooses at a time
            device = min(devices, key=lambda device: sum(map(_is_held, folder.glob(f"{_file(device)}.*"))))
            free = next(path for i in count() if not _is_held(path := folder / f"{_file(device)}.{i}"))
            fcntl.flock(held.enter_context(free.open("a")), fcntl.LOCK_EX)
            return device
    except OSError:  # no such folder can be had, or it has no locks: then by their turn alone
        pass
    return devices[0]


def _file(device: str) -> str:
    return device.replace("/", "_")  # as some names of MIG devices have it


def _is_held(path: Path) -> bool:
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _granted(environment: Mapping[str, str]) -> list[str]:
    if VISIBLE in environment:
        return [name.strip() for name in environment[VISIBLE].split(",") if name.strip()]
    found = sum(line.startswith("GPU ") for line in _ask(environment, "-L"))
    return [str(number) for number in range(found)]


def _ask(environment: Mapping[str, str], *question: str) -> list[str]:
    """Return the lines that nvidia-smi answers; none where it cannot."""
    try:
        said = subprocess.run(["nvidia-smi", *question], capture_output=True, text=True, timeout=30, env=environment)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return said.stdout.splitlines() if said.returncode == 0 else []
