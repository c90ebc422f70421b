"""What Hydra 1.3.8 would do for nothing before it comes to the command."""

from collections.abc import Sequence


def spare(arguments: Sequence[str]) -> None:
    """Keep Hydra from what this command line has no use for; everything that it prints or runs stays the same."""
    if {"--help", "-h"} & set(arguments):
        _spare_groups()
    searches = {"-m", "--multirun"} & set(arguments)
    if searches and not any("hydra.mode" in argument for argument in arguments):
        _spare_mode()


def _spare_groups() -> None:
    """Keep it from listing the config groups for `--help`: the text has its own list of them.

    It copies its whole config repository for each folder, 138 times, and throws the list away: two thirds of the time
    that `--help` took. `--hydra-help` shows that list, and keeps it.
    """
    from hydra._internal.hydra import Hydra

    Hydra.format_config_groups = lambda *_, **__: ""


def _spare_mode() -> None:
    """Keep it from composing the whole config to find its `hydra.mode` where `-m` has said it."""
    from hydra._internal.hydra import Hydra

    Hydra.get_mode = lambda *_, **__: None
