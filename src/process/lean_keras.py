"""Keras without the packages that it imports for those who use it together with them, which nobody here does.

It asks for each in a `try`, and does without where there is none: a second of every process that trains.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType

# Which of Keras's modules ask for a package: galleries of images, networks as scikit-learn's estimators, tables of
# pandas's as a network's input, SciPy's sparse arrays as that of the older Keras which TensorFlow still has in it.
ASKING = {
    "matplotlib": "keras.src.visualization.",
    "sklearn": "keras.src.wrappers.",
    "pandas": "keras.src.trainers.data_adapters.",
    "scipy": "tensorflow.python.keras.",
}


class LeanKeras:
    """Tells these modules alone that there is no such package; everybody else may import it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in ASKING and "keras" in sys.modules and _asks(ASKING[fullname]):
            raise ModuleNotFoundError("not for Keras", name=fullname)
        return None


def _asks(modules: str) -> bool:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith(modules):
            return True
        frame = frame.f_back
    return False


def keep_keras_lean() -> None:
    """Make it so in this process, if Keras is not imported yet."""
    if not any(isinstance(finder, LeanKeras) for finder in sys.meta_path):
        sys.meta_path.insert(0, LeanKeras())
