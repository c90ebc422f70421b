"""Imports of what stays until the process ends."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def lasting() -> Iterator[None]:
    """Look for no garbage among what the block imports, neither meanwhile nor later: a fifth of MLflow's.

    What is garbage by then is never freed: not for a block that is entered again and again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()
