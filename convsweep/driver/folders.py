"""Whether each trial gets a folder of its own: checkpoints, configs and logs of two would be mixed in one."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException

from convsweep.errors import UserError
from convsweep.space.compose import Composer
from convsweep.space.parameter import ends
from convsweep.space.space import Space
from convsweep.space.values import equal


def check_folders(config: DictConfig, compose: Composer, space: Space, written: str) -> list[str]:
    """Return what is wrong with `hydra.sweep.subdir`, as it is written, where trials of a sweep would share one.

    It may follow the trial's number, or each of its values; where a configuration may be trained more than once, values
    are not enough.
    """
    try:
        alike = _alike(config, compose, space)
    except (HydraException, OmegaConfBaseException, UserError):  # which is said elsewhere
        return []
    if alike is None:
        return []
    why = f"which {alike} share" if alike else "which all trials share"
    return [
        f"`hydra.sweep.subdir` must be another one for each trial, got {written}, {why}; "
        f"type e.g. hydra.sweep.subdir='{written}/${{hydra.job.num}}'"
    ]


def _alike(config: DictConfig, compose: Composer, space: Space) -> str | None:
    """Return which trials share a folder, empty for all, None where none do."""
    if not space.parameters and not space.custom:
        return None  # one trial
    sweeper, params = config.hydra.sweeper, next(space.examples())
    composed = compose(space.overrides(params))
    first = _subdir(composed, 0)
    if _subdir(composed, 1) != first:
        return None
    varied = dict(_varied(space, params))
    sharing = [
        name
        for name, others in varied.items()
        if any(_subdir(compose(space.overrides(other)), 0) == first for other in others)
    ]
    if len(sharing) == len(varied):
        return ""
    if sharing:
        return f"those that differ in {', '.join(sharing)} alone"
    return "those with the same values" if sweeper.confirm is not None or not sweeper.skip_duplicates else None


def _varied(space: Space, params: Mapping[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield each searched key with combinations that differ from one in that key alone."""
    for name, value in params.items():
        parameter = space.parameters[name]
        others = [other for other in parameter.values or ends(parameter) if not equal(other, value)]
        combined = [{**params, name: other} for other in others[:2]]
        kept = [one for one in combined if all(space.parameters[key].active(one) for key in one)]
        if kept:
            yield name, kept


def _subdir(config: DictConfig, number: int) -> str:
    """Return the folder that a composed config gives to the trial of that number."""
    with open_dict(config):
        config.hydra.job.id, config.hydra.job.num = f"trial-{number:04d}", number
    known = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(copy.deepcopy(config))  # for ${hydra:...} in it
    try:
        return str(config.hydra.sweep.subdir)
    finally:
        HydraConfig.instance().cfg = known
