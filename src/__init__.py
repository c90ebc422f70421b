"""The application: what a trial is. Import this package first: it quietens libraries that read the environment once."""

import atexit
import gc
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from src.deployment.trained_study import TrainedStudy

NEEDED = (
    "hydra",
    "omegaconf",
    "optuna",
    "rich",
    "numpy",
    "tensorflow",
    "keras",
    "mlflow",
    "matplotlib",
    "sklearn",
    "PIL",
)

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notes on CPU features and missing GPUs
# Of a GPU take what is used: a look at a model would else leave no memory to the workers of a sweep beside it.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
# XLA's Triton kernels of matrix products fail to compile in the default CNN on a Hopper GPU (TensorFlow 2.21).
os.environ.setdefault("XLA_FLAGS", "--xla_gpu_enable_triton_gemm=false")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")


def _no_environment() -> str | None:
    """Return what to type where this Python lacks the packages, None where it has them; imports none of them."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if not missing:
        return None
    folder = Path(__file__).parents[1]
    here, bin = os.path.relpath(folder), os.path.relpath(folder / ".venv/bin")
    steps = [f". {bin}/activate"]
    if Path(sys.prefix) == folder / ".venv":
        steps = [f"make -C {here} clean venv"]  # active, but laid in part
    elif not (folder / ".venv/installed").exists():
        steps = [f"make -C {here} venv", *steps]
    return f"error: {sys.executable} has no package {', '.join(missing)}; type: {' && '.join(steps)}"


from src.process.interrupts import tell_interrupts_shortly  # noqa: E402 - needs no package

tell_interrupts_shortly()
if problem := _no_environment():
    sys.exit(problem)

from src.process.lean_keras import keep_keras_lean  # noqa: E402 - needs no package either

keep_keras_lean()
# All ends with the process: to look for garbage among what was imported takes up to a second of its way out.
atexit.register(gc.freeze)


def open_study(
    name: str | os.PathLike[str],
    folder: str | os.PathLike[str] = "multirun",
    storage: str | None = None,
    uri: str | None = None,
) -> "TrainedStudy":
    """Open a study of this application, while it runs or later; nothing is changed.

    As `convsweep.open_study`, whose methods it has, and `model()`: the best trial's.

    Args:
        name: The study's name, or its own folder where that is not in `folder`.
        folder: Where the studies' folders are.
        storage: As in `hydra.sweeper.storage`, for a study that does not use a journal.
        uri: As in `tracking.uri`, where its runs are not where they usually are.

    Raises:
        UserError: There is no such study; lists those that there are.
    """
    from src.deployment.trained_study import open_study

    return open_study(name, folder, storage, uri)
