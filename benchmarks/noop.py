"""A Hydra app whose trials do nothing, or sleep as unevenly as trainings take: what is timed is the sweeper.

The searched `x`, uniform on 0..1, is the quantile of a log-normal distribution with a median of `median` seconds. Each
sleep leaves a line in `spans.txt`: process, x, start, end.
"""

import math
import os
import statistics
import time
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

ConfigStore.instance().store(
    name="config",
    node={
        "defaults": ["_self_", {"override hydra/sweeper": "convsweep"}, {"override hydra/launcher": "joblib"}],
        "x": 0.5,
        "y": 0.5,
        "median": 0.0,
        "sigma": 1.0,
        "hydra": {"sweep": {"dir": "multirun/noop", "subdir": "${hydra.job.id}"}},
    },
)


def seconds(x: float, median: float, sigma: float) -> float:
    """Return how long the trial with this `x` takes."""
    return median * math.exp(sigma * statistics.NormalDist().inv_cdf(min(max(x, 1e-6), 1 - 1e-6)))


@hydra.main(version_base="1.3", config_path=None, config_name="config")
def main(config: DictConfig) -> float:
    if config.median:
        started = time.time()
        time.sleep(seconds(config.x, config.median, config.sigma))
        with Path("spans.txt").open("a") as file:
            file.write(f"{os.getpid()} {config.x!r} {started} {time.time()}\n")
    return config.x


if __name__ == "__main__":
    main()
