"""A Hydra app that the sweeper's tests sweep: it reports three steps, and does as its config says."""

import os
import signal
import time
from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf

from hydra_plugins.hydra_convsweep import current_trial


@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(cfg: DictConfig) -> float | list[float]:
    trial = current_trial()
    if trial is not None:
        trial.set_attr("seen", OmegaConf.to_container(cfg, resolve=True))
        trial.set_attr("seed", trial.seed)
        trial.set_attr("pid", os.getpid())
    time.sleep(cfg.seconds)
    if cfg.die_once and not Path(cfg.die_once).exists():
        Path(cfg.die_once).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if cfg.fail_above is not None and cfg.x > cfg.fail_above:
        raise RuntimeError(f"x is {cfg.x}")
    value = cfg.x**2 + cfg.group.offset
    for step in range(1, cfg.steps + 1):
        if trial is not None:
            trial.report(value + 1 / step, step)
            if trial.should_stop():
                break
    return [value, -cfg.x] if cfg.several else value


if __name__ == "__main__":
    main()
