"""The command that started this process, to be typed again."""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra._internal.utils import get_args_parser


def typed_command(*more: str) -> str:
    """Return the command that this process was started with, plus overrides, as one line for a shell.

    An override takes the place of what was typed for its key. Flags stay where they were.
    """
    program, arguments = _typed()
    keys = {_key(override) for override in more}
    kept = [argument for argument in arguments if "=" not in argument or _key(argument) not in keys]
    place = _end_of_overrides(kept)
    words = [*program, *kept[:place], *more, *kept[place:]]
    return " ".join([*_environment(), *map(quoted, words)])


def quoted(word: str) -> str:
    """Quote a word for any shell, without a line break."""
    if word.isprintable() or word.endswith("\n"):
        return shlex.quote(word)
    escaped = "".join(c if c.isprintable() and c != "\\" else f"\\0{ord(c):03o}" for c in word)
    return f'"$(printf %b {shlex.quote(escaped)})"'


def _typed() -> tuple[list[str], list[str]]:
    """Return what starts the program, and its arguments, as they were typed."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = spec.name.removesuffix(".__main__") if spec else sys.argv[0]
    typed = sys.orig_argv
    if name not in typed:  # a program that calls another one
        given = sys.argv[1:]
        if given and typed[-len(given) :] == given and len(typed) > len(given) + 1:  # with what it was given
            called = typed[1 : -len(given)]
            return (
                [_command(called[0]), *called[1:]] if os.access(called[0], os.X_OK) else typed[: -len(given)]
            ), given
        return ["python", *(["-m", name] if spec else [name])], given
    end = typed.index(name) + (2 if name == "-c" else 1)
    program, arguments = typed[:end], typed[end:]
    if len(program) == 2 and not spec and not name.endswith(".py") and os.access(name, os.X_OK):
        program = [_command(name)]  # an installed one
    return program, arguments


def _command(path: str) -> str:
    name = os.path.basename(path)
    found = shutil.which(name)
    return name if found and os.path.samefile(found, path) else path


def _key(argument: str) -> str:
    return argument.split("=")[0].lstrip("+")


def _end_of_overrides(arguments: Sequence[str]) -> int:
    """Return where another override may stand: Hydra wants all of them in one place."""
    try:
        overrides = get_args_parser().parse_known_args(arguments)[0].overrides
    except SystemExit:
        overrides = []
    return len(arguments) - arguments[::-1].index(overrides[-1]) if overrides else len(arguments)


def _environment() -> list[str]:
    """Return where Python was told to look for modules, unless the shell has known it from its start."""
    folders = os.environ.get("PYTHONPATH")
    if not folders:
        return []
    try:
        known = Path(f"/proc/{os.getppid()}/environ").read_bytes().split(b"\0")
    except OSError:
        known = []
    assignment = f"PYTHONPATH={folders}"
    return [] if os.fsencode(assignment) in known else [f"PYTHONPATH={shlex.quote(folders)}"]
