"""Custom search spaces for the toy app."""

from omegaconf import DictConfig
from optuna import Trial


def near_x(cfg: DictConfig, trial: Trial) -> None:
    """Search y around the trial's own x; and a key that the config does not have, in some trials."""
    assert trial.params["x"] == cfg.x
    assert cfg.hydra.job.name == "app"
    trial.suggest_float("y", cfg.x - 0.5, cfg.x + 0.5)
    if cfg.x > 0:
        trial.suggest_int("+extra", 1, 3)


def takes_no_positive(cfg: DictConfig, trial: Trial) -> None:
    """Fail, as a user's function may."""
    if cfg.x > 0:
        raise ValueError("no positive x, please")


def suggests_fixed(cfg: DictConfig, trial: Trial) -> None:
    """Suggest what a test fixes on the command line."""
    trial.suggest_int("steps", 1, 9)


not_a_function = 3
