"""Train once, or search: `python -m src.sweep`, `python -m src.sweep -m optimizer=adam,rmsprop`.

This module is pickled by value and sent to the workers: it imports nothing heavy.
"""

import os
import sys
from pathlib import Path
from typing import NoReturn

import hydra
from omegaconf import DictConfig

from convsweep import Infeasible, current_trial
from convsweep.errors import as_told, is_hydras
from src.config import ConfigError, all_problems, as_dry_run, constraint, flags_first, refuse, register, settings
from src.process import quiet_native_stderr


@hydra.main(version_base="1.3", config_path=str(Path(__file__).parent.parent / "conf"), config_name="config")
def main(config: DictConfig) -> float | list[float]:
    """Train one configuration, a trial's or a single run's; return its objective, or several."""
    try:
        checked = settings(config)
    except ConfigError as error:
        _refuse(error)
    from src.dataset import DatasetError, is_light, prepare  # not needed to refuse a key

    try:
        if current_trial() is None and is_light(checked.dataset):
            prepare(checked.dataset, checked.seed, constraint.metrics(checked.objective, checked.constraints))
        with quiet_native_stderr():
            from src.trial import ModelError, run
    except DatasetError as error:
        _refuse(error)
    try:
        return run(checked)
    except (DatasetError, ModelError, Infeasible) as error:
        _refuse(error)


def _refuse(error: Exception) -> NoReturn:
    """End a single run without a stack trace; in a sweep the trial is recorded as failed, and the others go on."""
    if current_trial() is not None:
        raise as_told(error)
    sys.exit(refuse(error))


if __name__ == "__main__":
    register()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then leaves its errors to us, and to Python those that are none
    sys.argv[1:] = flags_first(as_dry_run(sys.argv[1:]))
    try:
        main()
    except BrokenPipeError:  # `--help | head`: who reads has seen enough
        os._exit(1)
    except Exception as error:
        if not is_hydras(error):
            raise
        sys.exit("\n".join(f"error: {problem}" for problem in all_problems(error, sys.argv[1:])))
