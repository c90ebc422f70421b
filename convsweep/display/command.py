"""The command that started this process, to be typed again."""

import shlex
import sys


def typed_command(*more: str) -> str:
    """Return the command that this process was started with, plus overrides, as one would type it."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    program = f"-m {spec.name.removesuffix('.__main__')}" if spec else shlex.quote(sys.argv[0])
    keys = {override.split("=")[0] for override in more}
    arguments = [argument for argument in sys.argv[1:] if argument.split("=")[0] not in keys]
    return " ".join(["python", program, *map(shlex.quote, [*arguments, *more])])
