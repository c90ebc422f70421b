"""One thing of a package of Optuna's alone: the package itself imports all the others, and what they need."""

import functools
import importlib
import sys
import types
from pathlib import Path
from typing import Any


@functools.cache
def part(package: str, module: str, name: str) -> Any:
    """Return what `optuna.<package>` has under a name; it is defined in that module of the package."""
    import optuna

    whole = f"optuna.{package}"
    if whole not in sys.modules:
        empty = types.ModuleType(whole)
        empty.__path__ = [str(Path(optuna.__file__).parent / package)]
        sys.modules[whole] = empty
        try:
            return getattr(importlib.import_module(f"{whole}.{module}"), name)
        except (ImportError, AttributeError):  # another version of Optuna keeps it elsewhere
            pass
        finally:
            for known in [known for known in sys.modules if known == whole or known.startswith(f"{whole}.")]:
                del sys.modules[known]
    return getattr(importlib.import_module(whole), name)
