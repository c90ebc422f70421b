"""The command line before Hydra reads it: flags of ours become overrides, and its own may stand among overrides."""

import contextlib
import io
import sys
from collections.abc import Sequence

from hydra._internal.utils import get_args_parser

from convsweep.errors import listed, printable

DRY_RUN = "--dry-run"


def as_dry_run(arguments: Sequence[str]) -> list[str]:
    """Return arguments with `--dry-run` as those of a search that only shows its plan; others as they are."""
    if DRY_RUN not in arguments:
        return list(arguments)
    kept = [argument for argument in arguments if argument != DRY_RUN]
    overrides = get_args_parser().parse_known_args(kept)[0].overrides
    # Hydra wants all of them in one place.
    place = len(kept) - kept[::-1].index(overrides[-1]) if overrides else len(kept)
    given = [*kept[:place], "hydra.sweeper.dry_run=true", *kept[place:]]
    return given if {"-m", "--multirun"} & set(given) else ["-m", *given]


def flags_first(arguments: Sequence[str]) -> list[str]:
    """Return arguments with Hydra's flags before all overrides, which it wants in one place.

    What Hydra cannot read stays as it is: it says so.

    Raises:
        SystemExit: There is no such flag.
    """
    parser, said = get_args_parser(), io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            read, unknown = parser.parse_known_intermixed_args(arguments)
    except SystemExit:
        return list(arguments)
    known = [DRY_RUN, *(flag for action in parser._actions for flag in action.option_strings)]
    if wrong := [one for one in unknown if one.startswith("-")]:
        sys.exit(
            "\n".join(f"error: there is no flag {printable(one)}; there are {listed(one, known)}" for one in wrong)
        )
    flags = list(arguments)
    for override in reversed(read.overrides):  # the last of equals: a flag's value stands before it
        flags.reverse()
        flags.remove(override)
        flags.reverse()
    return [*flags, *read.overrides]
