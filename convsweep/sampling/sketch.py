"""What `hydra.sweeper.custom_search_space` suggests to a trial, before any of it is written."""

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from convsweep.sampling.instantiate import load_custom
from convsweep.space.space import Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import Trial


def sketch(
    trial: "Trial",
    space: Space,
    params: Mapping[str, Any],
    distributions: "Mapping[str, BaseDistribution]",
    compose: Callable[[list[str]], DictConfig],
) -> "tuple[dict[str, Any], dict[str, BaseDistribution]]":
    """Let the custom search space suggest more to a trial with these values; return all values with what they are from.

    Raises:
        ValueError: It suggests what the command line fixes.
    """
    known = copy.copy(trial._cached_frozen_trial)
    known.params, known.distributions = {**known.params, **params}, {**known.distributions, **distributions}
    trial._cached_frozen_trial = known
    trial.storage = _Unwritten(trial.storage)  # pyright: ignore[reportAttributeAccessIssue]
    load_custom(str(space.custom))(compose(space.overrides(params)), trial)
    if overlap := space.fixed_names & {name.lstrip("+") for name in trial.params}:
        raise ValueError(
            f"{space.custom} must not suggest what the command line fixes, got {', '.join(sorted(overlap))}; "
            "take it off the command line, or do not suggest it where the config has it"
        )
    return trial.params, trial.distributions


class _Unwritten:
    """A storage that keeps nothing of a trial's values: they may be drawn anew."""

    def __init__(self, storage: "BaseStorage") -> None:
        self._storage = storage

    def set_trial_param(self, *_: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)
