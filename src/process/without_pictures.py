"""Keras without Matplotlib, which it imports for galleries that nobody here draws: a third of a second each process."""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType


class NoPictures:
    """Tells Keras's galleries alone that there is no Matplotlib, which they can do without."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "matplotlib" and "keras" in sys.modules and _asks_a_gallery():
            raise ModuleNotFoundError("not for Keras", name=fullname)
        return None


def _asks_a_gallery() -> bool:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("keras.src.visualization."):
            return True
        frame = frame.f_back
    return False


def keep_keras_from_matplotlib() -> None:
    """Make it so in this process."""
    if not any(isinstance(finder, NoPictures) for finder in sys.meta_path):
        sys.meta_path.insert(0, NoPictures())
