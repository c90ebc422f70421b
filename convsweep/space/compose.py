"""Composing trials' configs in a tenth of the time: what only the config files say is read once a process."""

import copy
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException


class Composer:
    """Makes what `ConfigLoader.load_sweep_config` makes.

    Hydra composes in two steps: the choices of groups say which files are merged, then values are set. The first
    step takes nearly all of the time; its result is kept for each combination of choices. What the driver has
    composed to check it goes to the workers with it.

    Args:
        loader: Hydra's, which composes what is not kept yet, and what is unusual.
        config: The sweep's config.
    """

    def __init__(self, loader: ConfigLoader, config: DictConfig) -> None:
        self._loader, self.config = loader, config
        self._groups: dict[str, bool] = {}
        self._kept: dict[tuple[str, ...], DictConfig] = {}

    def __call__(self, overrides: list[str]) -> DictConfig:
        """Compose the sweep's config with these overrides.

        Raises:
            HydraException: They do not fit the config.
        """
        try:
            return self._compose(overrides)
        except (HydraException, OmegaConfBaseException):  # Hydra words its errors while it composes
            return self._loader.load_sweep_config(self.config, overrides)

    def _compose(self, overrides: list[str]) -> DictConfig:
        parsed = OverridesParser.create(config_loader=self._loader).parse_overrides(overrides)
        if any(_is_unusual(override) for override in parsed):
            return self._loader.load_sweep_config(self.config, overrides)
        choices = tuple(str(o.input_line) for o in parsed if self._is_choice(o))
        if choices not in self._kept:
            self._kept[choices] = self._loader.load_sweep_config(self.config, list(choices))
        config = copy.deepcopy(self._kept[choices])
        ConfigLoaderImpl._apply_overrides_to_config([o for o in parsed if not self._is_choice(o)], config)
        job = config.hydra.job
        config.hydra.overrides.task = overrides
        job.override_dirname = get_overrides_dirname(parsed, **job.config.override_dirname)
        OmegaConf.copy_cache(from_config=self.config, to_config=config)
        return config

    def _is_choice(self, override: Override) -> bool:
        """Whether it chooses a group's option, as Hydra decides it; it may also set a group's keys, by a dict."""
        group = override.key_or_group
        if group not in self._groups:
            hydra = self.config.hydra
            typed: Any = OmegaConf.to_container(hydra.overrides.hydra, resolve=False)
            self._groups[group] = bool(
                self._loader.get_group_options(
                    group, results_filter=None, config_name=hydra.job.config_name, overrides=typed
                )
            )
        return self._groups[group] and not isinstance(override.value(), dict)


def _is_unusual(override: Override) -> bool:
    # Hydra reads its own node before and after values are set.
    return override.is_sweep_override() or override.key_or_group.replace("/", ".").split(".")[0] == "hydra"
