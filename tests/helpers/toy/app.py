"""A Hydra app that the sweeper's tests sweep: it reports some steps, and does as its config says."""

import math
import os
import time

import hydra
from omegaconf import DictConfig, OmegaConf

from convsweep import Infeasible, current_trial
from tests.helpers.toy.chaos import die_once


@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(cfg: DictConfig) -> float | list[float]:
    trial = current_trial()
    if trial is not None:
        trial.set_attr("seen", OmegaConf.to_container(cfg, resolve=True))
        trial.set_attr("seed", trial.seed)
        trial.set_attr("pid", os.getpid())
    if cfg.fail_above is not None and cfg.x > cfg.fail_above:
        raise RuntimeError(f"x is {cfg.x}")
    if cfg.infeasible_above is not None and cfg.x > cfg.infeasible_above:
        raise Infeasible(f"x is {cfg.x}")
    if cfg.hang_above is not None and cfg.x > cfg.hang_above:
        time.sleep(1000)
    value = cfg.x**2 + cfg.group.offset
    for step in range(1, cfg.steps + 1):
        time.sleep(cfg.seconds / cfg.steps)
        if cfg.die_once:
            die_once(cfg.die_once)
        if trial is not None:
            trial.report([value + 1 / step, -cfg.x] if cfg.several else value + 1 / step, step)
            if step < cfg.steps and trial.should_stop():
                break
    if cfg.diverge_above is not None and cfg.x > cfg.diverge_above:
        value = math.nan
    return [value, -cfg.x] if cfg.several else value


if __name__ == "__main__":
    main()
