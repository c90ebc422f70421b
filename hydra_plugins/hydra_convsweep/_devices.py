"""GPUs: each worker of a machine gets one in turn; where there are more workers than GPUs, they share."""

import os
import subprocess
from collections.abc import Mapping

VISIBLE = "CUDA_VISIBLE_DEVICES"


def worker_environment(index: int, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a worker's process, which its libraries read when they start.

    What CUDA_VISIBLE_DEVICES grants already, a scheduler's choice or the user's, is what is shared out.

    Args:
        index: Of the worker among those of its machine, from 0.
        given: The environment of its keeper; this process's own by default.
    """
    environment = dict(os.environ if given is None else given)
    devices = _granted(environment)
    if devices:
        environment[VISIBLE] = devices[index % len(devices)]
    # TensorFlow else takes the whole memory of a GPU at once, and leaves none to the worker beside it.
    environment.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    return environment


def _granted(environment: Mapping[str, str]) -> list[str]:
    if VISIBLE in environment:
        return [name.strip() for name in environment[VISIBLE].split(",") if name.strip()]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30, env=environment)
    except (OSError, subprocess.TimeoutExpired):
        return []
    count = sum(line.startswith("GPU ") for line in listed.stdout.splitlines()) if listed.returncode == 0 else 0
    return [str(number) for number in range(count)]
