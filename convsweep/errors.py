"""How a mistake of the user's is told: the full key, what was expected, what came, what to type instead."""

import contextlib
import dataclasses
import difflib
import errno
import functools
import importlib.util
import os
import re
import shlex
import shutil
import sys
import sysconfig
import traceback
import unicodedata
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import MISSING, DictConfig, ListConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException, ValidationError

# Launchers that are packages of their own, and what to install for each.
LAUNCHERS = {
    "ray": "hydra-ray-launcher",
    "submitit_local": "hydra-submitit-launcher",
    "submitit_slurm": "hydra-submitit-launcher",
}


PYTHONS = Path(sysconfig.get_path("stdlib")).resolve()  # its own modules
# In which packages are installed, whichever Python sees them: the user's, the system's, that below a virtual one.
INSTALLED = {"site-packages", "dist-packages"}


class UserError(Exception):
    """Something that the user has to change; shown without a stack trace, one problem a line."""

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(dict.fromkeys(problems))
        super().__init__("\n".join(self.problems))


def as_told(error: Exception) -> Exception:
    """Return an error of an app's whose words say what to change: it is shown without a place in the code."""
    vars(error)["told"] = True
    return error


def is_told(error: BaseException) -> bool:
    """Whether an error's words say what to change."""
    return isinstance(error, UserError) or "told" in vars(error)


def is_installed(file: Path) -> bool:
    """Whether a file is one of Python's own, or of an installed package: no code of who runs an app.

    Packages may be installed in any folder of `sys.path`, as by `pip install --target`: those that lie beside what was
    noted of their installation. One's own project that is installed as editable does not.
    """
    path = file.resolve()
    if path.is_relative_to(PYTHONS) or not INSTALLED.isdisjoint(path.parts):
        return True
    name, folders = str(path), {_real(os.path.abspath(folder)) + os.sep for folder in sys.path}
    return any(
        _top(name.removeprefix(folder)) in _installed_in(folder) for folder in folders if name.startswith(folder)
    )


@functools.cache
def _real(folder: str) -> str:
    return os.path.realpath(folder)


def _top(file: str) -> str:
    """Return the name under which a file of a folder is imported, or the package that it is in."""
    return file.partition("/")[0].partition(".")[0]


@functools.cache
def _installed_in(folder: str) -> frozenset[str]:
    """Return the top-level modules that have been installed in a folder."""
    found: set[str] = set()
    for noted in Path(folder).glob("*.dist-info"):
        for name in ("RECORD", "top_level.txt"):
            with contextlib.suppress(OSError):
                lines = (noted / name).read_text("utf-8", "replace").splitlines()
                found |= {_top(line.partition(",")[0].strip()) for line in lines}
                break
    return frozenset(found - {""})


def causes(error: BaseException | None) -> "Iterator[BaseException]":
    """Yield an error and those that led to it, each once: an app may have tied them into a ring."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ if error.__cause__ is not None else error.__context__


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or one that led to it, is that of a disk or quota without space."""
    return any(isinstance(e, OSError) and e.errno in (errno.ENOSPC, errno.EDQUOT) for e in causes(error))


JOINERS = "\u200c\u200d"  # invisible, and part of words and emoji
UNPRINTABLE = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode's categories


def printable(text: str) -> str:
    """Return a text as a terminal may have it: one line, what is no character of it in Python's own notation."""
    if text.isprintable():
        return text
    return "".join(c if c in JOINERS or unicodedata.category(c) not in UNPRINTABLE else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def bounded(text: str, most: int) -> str:
    """Return a text of at most so many characters, its beginning if it is longer; of any text one that can be kept."""
    if len(text) > most:
        end = f"... ({len(text):,} characters)"
        text = text[: max(0, most - len(end))] + end
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the name that was probably meant, or None when none is like it."""
    edits = {other: _edits(name.lower(), other.lower()) for other in known}
    alike = difflib.get_close_matches(name.lower(), [other.lower() for other in edits], 10)
    close = [other for other in edits if other.lower() in alike or (edits[other] == 1 and len(name) > 2)]
    return min(close, key=lambda other: (edits[other], other.lower() not in alike[:1]), default=None)


def listed(name: str, known: Iterable[str]) -> str:
    """List what there is, and which of it was probably meant."""
    names = list(dict.fromkeys(known))
    close = nearest(name, names)
    return (", ".join(names) or "none") + (f"; did you mean {close}?" if close else "")


def unknown_keys(where: str, given: Iterable[Any], known: Iterable[str]) -> list[str]:
    """Return a line for each key that a typed part of the config does not have, however it got there."""
    names = list(known)
    return [
        _unknown(where, f"`{where}.{key}` does not exist", str(key), names)
        for key in given
        if key not in names and not str(key).startswith("_")
    ]


def _edits(one: str, other: str) -> int:
    """Count the letters to change, leave out, put in or exchange with their neighbour (Damerau's distance)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        last, before, row = before, row, [i]
        for j, there in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != there)))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == there:
                row[j] = min(row[j], last[j - 2] + 1)
    return row[-1]


def install(*packages: str) -> str:
    """Return the command that brings packages into the environment of this process, also where it is not active."""
    if importlib.util.find_spec("pip") is None:  # uv's environments have none
        command = ["uv", "pip", "install", "--python", sys.executable]
    elif shutil.which("python") == sys.executable:
        command = ["pip", "install"]
    else:
        command = [sys.executable, "-m", "pip", "install"]
    return shlex.join([*command, *packages])


def explain(error: Exception, groups: Iterable[str] = ()) -> str:
    """Say in one line what Hydra objects to: the full key, what was expected, what came, what to type instead.

    Args:
        error: What was raised while a config was composed or read.
        groups: The config groups that there are; some have no key of their name in the config.
    """
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = error.missing_cfg_file.rpartition("/")
        return _unknown(
            group, f"`{group}` has no option {name}", name, list(error.options or _options(group, str(error)))
        )
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__ or error.__context__
    file = re.match(r"In '(\S+)': \w+ raised while composing", str(error))
    place = f", in {file[1]}.yaml" if file else ""
    if isinstance(cause, (ConfigKeyError, ConfigAttributeError)) and cause.full_key:
        parent, _, name = cause.full_key.rpartition(".")
        if "/" in name:
            known = [group for group in groups if "/" in group]
        else:
            known = _keys(cause) + [group for group in groups if not parent and "/" not in group and group != "hydra"]
        told = _unknown(parent, f"`{cause.full_key}` does not exist{place}", name, list(dict.fromkeys(known)))
        node = cause.parent_node
        is_call = isinstance(node, DictConfig) and not node._is_none() and "_target_" in node
        return f"{told}; for one more argument, type +{cause.full_key}=" if is_call else told
    if isinstance(cause, ValidationError) and (problem := _wrong_type(cause)):
        return f"{problem[0]}{place}; {problem[1]}"
    if isinstance(cause, OmegaConfBaseException):
        key = f"`{cause.full_key}`: " if cause.full_key else ""
        line = str(cause).splitlines()[0]
        if key and re.search(r"value: hydra\.job\.(num|id)$", line):
            line = (
                f"{line.rpartition(' ')[2]} is a trial's own, which a whole study has not; use it in hydra.sweep.subdir"
            )
        return key + line + place
    if isinstance(error, OverrideParseException):
        reason = str(error).splitlines()[0]
        why = "" if reason.startswith("LexerNoViable") else f": {reason}"
        instead = _quoted(error.override) or "e.g. key=value, or 'key=[a, b]'"
        return f"`{error.override}` cannot be read as an override{why}; type {instead}"
    return "; ".join(line.strip() for line in str(error).strip().splitlines() if line.strip())


def _quoted(override: str) -> str | None:
    """Return how to type a value that is a path, or text of other letters than English ones; None for any other.

    Outside of quotes, Hydra reads ASCII letters alone, and no `=`, `,`, bracket or `~` in a value.
    """
    key, _, value = override.partition("=")
    if "/" not in value and value.isascii():
        return None
    typed = f'{key}="' + value.strip("'\"").replace('"', '\\"') + '"'
    try:
        OverridesParser.create().parse_override(typed)
    except HydraException:
        return None
    return shlex.quote(typed)


# What a value of a type is called, and one of them.
TYPES = {int: ("a whole number", 1), float: ("a number", 0.1), bool: ("true or false", "true"), str: ("a text", "name")}


def _wrong_type(error: ValidationError) -> tuple[str, str] | None:
    """Return what is wrong with a value of another type than its key has, and what to type; None for other errors."""
    node = error.child_node
    if node is None or not error.full_key or not hasattr(error, "value"):
        return None
    hint, optional, before = node._metadata.ref_type, node._metadata.optional, None
    if isinstance(node, ListConfig):
        expected, example = "a list", "[a, b]"
    elif isinstance(hint, type) and issubclass(hint, Enum):
        expected, example = f"one of {', '.join(hint.__members__)}", next(iter(hint.__members__))
    elif hint in TYPES:
        (expected, example), before = TYPES[hint], node._value()
    else:
        return None
    if isinstance(before, hint if hint in TYPES else ()) and before != MISSING:  # what the key had is of its type
        example = str(before).lower() if isinstance(before, bool) else before
    got = "null" if error.value is None else bounded(printable(str(error.value)), 100)
    problem = f"`{error.full_key}` must be {expected}{', or null' if optional else ''}, got {got}"
    return problem, f"type e.g. {shlex.quote(f'{error.full_key}={example}')}"


def is_hydras(error: Exception) -> bool:
    """Whether an error is about what was typed or configured, not one of the app's."""
    if isinstance(error, (HydraException, OmegaConfBaseException)):
        return True
    frames = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1] == "hydra._internal.defaults_list"  # ValueErrors about what a group was given


def _unknown(where: str, problem: str, name: str, known: list[str]) -> str:
    close = nearest(name, known)
    instead = f"; did you mean {close}?" if close else ""
    if where == "hydra/launcher" and (package := LAUNCHERS.get(name)):
        instead = f"; for {name} type {install(package)}"
    if where == "hydra/sweeper":
        known = [other for other in known if other != "optuna" or name == other]
        instead = instead or "; type hydra/sweeper=convsweep"
    there = f"{where or 'the config'} has" if "option" not in problem else "there are"
    return f"{problem}; {there} {', '.join(known)}{instead}" if known else problem


def _keys(error: OmegaConfBaseException) -> list[str]:
    if isinstance(error.object_type, type) and dataclasses.is_dataclass(error.object_type):
        return settable(error.object_type)
    node = error.parent_node
    return [str(key) for key in node if not str(key).startswith("_")] if isinstance(node, DictConfig) else []


def settable(schema: type) -> list[str]:
    """Return the keys of a schema that a user sets, without Hydra's own."""
    names = [field.name for field in dataclasses.fields(schema)]
    return [name for name in names if not name.startswith("_") and name != "defaults"]


def _options(group: str, message: str) -> list[str]:
    """List a group's files: Hydra does so for `group=name`, but not for one name of `group=[name,name]`."""
    folders = [Path(folder) for folder in re.findall(r"path=file://(\S+)", message)]
    for package in re.findall(r"path=pkg://(\S+)", message):
        spec = importlib.util.find_spec(package)
        folders += map(Path, (spec.submodule_search_locations or []) if spec else [])
    return sorted({file.stem for folder in folders for file in (folder / group).glob("*.yaml")})
