"""How a mistake of the user's is told: the full key, what was expected, what came, what to type instead."""

import dataclasses
import difflib
import errno
import importlib.util
import re
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

# Launchers that are packages of their own, and what to install for each.
LAUNCHERS = {
    "ray": "hydra-ray-launcher",
    "submitit_local": "hydra-submitit-launcher",
    "submitit_slurm": "hydra-submitit-launcher",
}


class UserError(Exception):
    """Something that the user has to change; shown without a stack trace, one problem a line."""

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(dict.fromkeys(problems))
        super().__init__("\n".join(self.problems))


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or one that led to it, is that of a disk or quota without space."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False


def listed(name: str, known: Iterable[str]) -> str:
    """List what there is, and which of it was probably meant."""
    names = list(dict.fromkeys(known))
    close = difflib.get_close_matches(name, names, 1)
    return (", ".join(names) or "none") + (f"; did you mean {close[0]}?" if close else "")


def install(*packages: str) -> str:
    """Return the command that brings packages into the environment of this process, also where it is not active."""
    if importlib.util.find_spec("pip") is None:  # uv's environments have none
        command = ["uv", "pip", "install", "--python", sys.executable]
    elif shutil.which("python") == sys.executable:
        command = ["pip", "install"]
    else:
        command = [sys.executable, "-m", "pip", "install"]
    return shlex.join([*command, *packages])


def explain(error: HydraException | OmegaConfBaseException) -> str:
    """Say in one line what Hydra objects to: the full key, what was expected, what came, what to type instead."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = error.missing_cfg_file.rpartition("/")
        return _unknown(
            group, f"`{group}` has no option {name}", name, list(error.options or _options(group, str(error)))
        )
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if isinstance(cause, (ConfigKeyError, ConfigAttributeError)) and cause.full_key:
        parent, _, name = cause.full_key.rpartition(".")
        return _unknown(parent, f"`{cause.full_key}` does not exist", name, _keys(cause))
    if isinstance(cause, OmegaConfBaseException):
        key = f"`{cause.full_key}`: " if cause.full_key else ""
        return key + str(cause).splitlines()[0]
    return "; ".join(line.strip() for line in str(error).strip().splitlines() if line.strip())


def _unknown(where: str, problem: str, name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    instead = f"; did you mean {close[0]}?" if close else ""
    if where == "hydra/launcher" and (package := LAUNCHERS.get(name)):
        instead = f"; for {name} type {install(package)}"
    there = f"{where or 'the config'} has" if "option" not in problem else "there are"
    return f"{problem}; {there} {', '.join(known)}{instead}" if known else problem


def _keys(error: OmegaConfBaseException) -> list[str]:
    if isinstance(error.object_type, type) and dataclasses.is_dataclass(error.object_type):
        return [field.name for field in dataclasses.fields(error.object_type)]
    return [str(key) for key in error.parent_node] if isinstance(error.parent_node, DictConfig) else []


def _options(group: str, message: str) -> list[str]:
    """List a group's files: Hydra does so for `group=name`, but not for one name of `group=[name,name]`."""
    folders = [Path(folder) for folder in re.findall(r"path=file://(\S+)", message)]
    for package in re.findall(r"path=pkg://(\S+)", message):
        spec = importlib.util.find_spec(package)
        folders += map(Path, (spec.submodule_search_locations or []) if spec else [])
    return sorted({file.stem for folder in folders for file in (folder / group).glob("*.yaml")})
