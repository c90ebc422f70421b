"""GPUs: each worker of a machine gets one in turn; where there are more workers than GPUs, they share."""

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"


@contextmanager
def worker_environment(index: int, given: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """Yield the environment of a worker's process, which its libraries read when they start, with a GPU of its own.

    It is the one that the fewest workers have, of whichever job or driver on this machine, for as long as the context
    lasts. What CUDA_VISIBLE_DEVICES grants already, a scheduler's choice or the user's, is what is shared out.

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


def _claim(devices: list[str], held: ExitStack) -> str:
    """Lock a place on a device, a file that the operating system frees with this process; return the device."""
    folder = Path(tempfile.gettempdir()) / f"convsweep-gpus-{os.getuid()}"
    try:
        folder.mkdir(exist_ok=True)
        for place in count():
            for device in devices:
                path = folder / f"{device.replace('/', '_')}.{place}"
                file = held.enter_context(path.open("a"))
                with suppress(BlockingIOError):  # somebody is there
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return device
    except OSError:  # no such folder can be had, or it has no locks: then by their turn alone
        pass
    return devices[0]


def _granted(environment: Mapping[str, str]) -> list[str]:
    if VISIBLE in environment:
        return [name.strip() for name in environment[VISIBLE].split(",") if name.strip()]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30, env=environment)
    except (OSError, subprocess.TimeoutExpired):
        return []
    found = sum(line.startswith("GPU ") for line in listed.stdout.splitlines()) if listed.returncode == 0 else 0
    return [str(number) for number in range(found)]
