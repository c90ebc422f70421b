"""Packages that the engine does without, until somebody asks for what they do."""

import importlib
from typing import Any

from convsweep.errors import UserError, install


def needed(package: str, why: str) -> Any:
    """Import a package.

    Raises:
        UserError: It is not installed; says what to type.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        name = package.partition(".")[0]
        if error.name != name:
            raise
        raise UserError(f"{why} needs the package {name}; type {install(name)}") from error
