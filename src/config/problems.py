"""All that is wrong with a command's overrides, where Hydra stops at the first."""

import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException
from omegaconf import DictConfig

from convsweep.errors import explain, is_hydras
from src.config.checks import ConfigError, check_sweeper_keys, settings

CONF = Path(__file__).parents[2] / "conf"
MOST = 10  # values of a searched key that are looked at: each takes a tenth of a second


def all_problems(error: Exception, arguments: Sequence[str]) -> list[str]:
    """Return what Hydra objects to, and what it and the checks of the config object to once that override is gone.

    Args:
        error: What Hydra raised.
        arguments: The command line after the module's name.
    """
    found = [explain(error, groups())]
    read = get_args_parser().parse_known_args(arguments)[0]
    if len(read.overrides) < 2 or read.config_name or read.config_dir or read.config_path:
        return found  # there is nothing beside it, or it is a config of somebody else's
    try:
        parsed = OverridesParser.create().parse_overrides(read.overrides)
    except OverrideParseException:
        return found
    fixed = [override.input_line or "" for override in parsed if not override.is_sweep_override()]
    searched = {
        o.get_key_element(): list(islice(o.sweep_string_iterator(), MOST)) for o in parsed if o.is_choice_sweep()
    }
    GlobalHydra.instance().clear()  # which a failure leaves behind
    with initialize_config_dir(str(CONF), version_base="1.3"):
        while True:
            kept = _without(fixed, found[-1])
            if len(kept) == len(fixed) and len(found) > 1:
                return found  # whose override that is cannot be told
            fixed = kept
            if (config := _compose(fixed, found)) is not None:
                break
        found += check_sweeper_keys(compose("config", fixed, return_hydra_config=True).hydra.sweeper)
        try:
            settings(config)
        except ConfigError as problems:
            found += str(problems).splitlines()
        for override in (f"{key}={value}" for key, values in searched.items() for value in values):
            if all(_without([override], problem) for problem in found):
                _compose([*fixed, override], found)
    return list(dict.fromkeys(found))


def _without(overrides: Sequence[str], problem: str) -> list[str]:
    """Return the overrides but those of the key that a problem names, and of what an unknown option would have."""
    option = re.match(r"`(\S+)` has no option", problem)
    keys = [override.partition("=")[0].lstrip("+~") for override in overrides]
    return [
        override
        for override, key in zip(overrides, keys, strict=True)
        if f"`{key}`" not in problem and not (option and key.startswith(f"{option[1]}."))
    ]


def _compose(overrides: list[str], found: list[str]) -> DictConfig | None:
    """Compose the config; add to what was found why it cannot be done."""
    try:
        return compose("config", overrides)
    except Exception as error:
        if not is_hydras(error):
            raise
        found.append(explain(error, groups()))
        return None


def groups() -> list[str]:
    """Return the config groups that a user chooses from: folders, in conf/ and sweeps/ and with Hydra's sweeper."""
    root = CONF.parent
    own = [path for place in ("conf", "sweeps") for path in sorted((root / place).iterdir()) if path.is_dir()]
    parts = ("launcher", "sweeper", "sweeper/sampler", "sweeper/pruner", "sweeper/scheduler")
    return [path.name for path in own if any(path.glob("*.yaml"))] + [f"hydra/{part}" for part in parts]
