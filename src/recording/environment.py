"""What a training run stood on beside its config: versions, device, threads, code, data; for `src.reproduce`."""

import functools
import hashlib
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from src.config import Config
from src.config.constraint import metrics
from src.config.model import Custom
from src.config.objective import is_own
from src.config.own_function import OwnFunction
from src.dataset import Dataset
from src.dataset.cores import cores

PACKAGES = ("keras", "tensorflow", "numpy", "pillow", "simplejpeg", "scikit-learn", "mlflow", "optuna", "hydra-core")
ROOT = Path(__file__).parents[2]
FILE = "environment.json"  # in a run's artifacts


def environment(config: Config, data: Dataset, seed: int, threads: int | None) -> dict[str, Any]:
    """Return it, as JSON holds it.

    Args:
        config: Of the run.
        data: What it is trained on.
        seed: Of the training: the weights, and what is drawn in an epoch.
        threads: That one operation may use; None for one a core.
    """
    import keras

    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    return {
        "seed": seed,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": versions(),
        "backend": keras.backend.backend(),
        "device": device(),
        "processor": processor(),
        "threads": threads or cores(),
        "precision": keras.config.dtype_policy().name,
        "deterministic": _is_deterministic(),
        "code": code(),
        "files": own_files(config),
        "data": {
            part: {"images": len(split.images), "digest": data.digests[part]}
            for part, split in parts.items()
            if split is not None and part in data.digests
        },
    }


def digest_of(data: Dataset) -> str:
    """Name all of a dataset's content."""
    return hashlib.blake2b(repr(sorted(data.digests.items())).encode(), digest_size=8).hexdigest()


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of the packages that a result depends on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _is_deterministic() -> bool:
    """Whether TensorFlow was told to give the same to the last bit each time, which a GPU else does not."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return False
    from tensorflow.python.framework.config import is_op_determinism_enabled

    return bool(is_op_determinism_enabled())


@functools.cache
def device() -> str:
    """Name what computes: the GPUs, or CPU."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return keras.backend.backend()
    import tensorflow as tf

    names = [
        str(tf.config.experimental.get_device_details(gpu).get("device_name", "GPU"))
        for gpu in tf.config.get_visible_devices("GPU")
    ]
    return ", ".join(names) or "CPU"


@functools.cache
def processor() -> str:
    """Name the processor: what it can do decides how TensorFlow rounds."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


@functools.cache
def code() -> dict[str, Any]:
    """Return the commit of this project, and a digest of what is changed since; nothing where it is no checkout."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return {}
    changes = _git("diff", "HEAD", "--", "src", "convsweep", "hydra_plugins")
    if changes is None:  # git was too slow
        return {"commit": commit, "changes": "unknown"}
    return {"commit": commit, "changes": hashlib.sha256(changes.encode()).hexdigest()[:12] if changes else None}


def changed_files(commit: str) -> list[str] | None:
    """Return the files of the code that differ from a commit; None where that cannot be known."""
    listed = _git("diff", "--name-only", commit, "--", "src", "convsweep", "hydra_plugins")
    return None if listed is None else listed.split()


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def own_files(config: Config) -> dict[str, str]:
    """Return a digest of each file of the user's own that the run has called, by its path."""
    called = [OwnFunction.of(value) for value in (getattr(config.dataset, "load", None), config.training.loss)]
    names = [config.model.build if isinstance(config.model, Custom) else None, *(own.path for own in called if own)]
    names += [*filter(is_own, metrics(config.objective, config.constraints))]
    found = {}
    for name in filter(None, names):
        parts = str(name).split(".")
        modules = (sys.modules.get(".".join(parts[:count])) for count in range(len(parts) - 1, 0, -1))
        file = next((module.__file__ for module in modules if module is not None and module.__file__), None)
        if file is not None:
            found[str(name)] = hashlib.sha256(Path(file).read_bytes()).hexdigest()[:12]
    return found
