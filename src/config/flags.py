"""Flags of ours, which Hydra does not know: they become overrides before it reads the command line."""

from collections.abc import Sequence

from hydra._internal.utils import get_args_parser

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
