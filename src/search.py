"""The settings of a search without the search: `hydra.sweeper` as a sweep with some overrides has it."""

from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from convsweep.driver import check_settings, set_aside_pruner
from convsweep.errors import UserError
from src.config import register

ROOT = Path(__file__).parent.parent


def sweeper_of(overrides: list[str], budget: str | None, max_resource: int | None = None) -> DictConfig:
    """Compose `hydra.sweeper` as a sweep with these overrides has it, whose trials have so many steps.

    Raises:
        UserError: Some are none of it.
    """
    others = [
        override for override in overrides if not override.lstrip("+~").startswith(("hydra.sweeper.", "hydra/sweeper"))
    ]
    if others:
        raise UserError([f"{override} changes no search; type overrides of hydra.sweeper" for override in others])
    register()
    more = [f"hydra.sweeper.budget={budget}"] if budget else []
    more += [f"hydra.sweeper.max_resource={max_resource}"] if max_resource else []
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("config", [*overrides, *more], return_hydra_config=True)
    if problems := check_settings(config.hydra.sweeper, in_process=True):
        raise UserError(problems)
    set_aside_pruner(config, enumerated=False)
    return config.hydra.sweeper
