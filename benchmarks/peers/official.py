"""Hydra's own Optuna sweeper: `python -m benchmarks.peers.official -m ...`; the command line is in `ways.py`."""

import hydra
from omegaconf import DictConfig, OmegaConf

from benchmarks.peers import setting


@hydra.main(version_base="1.3", config_path=".", config_name="official")
def main(config: DictConfig) -> float:
    """Train one configuration, in a process of joblib's that takes trial after trial."""
    from benchmarks.peers import network

    values = OmegaConf.to_container(config)
    assert isinstance(values, dict)
    if setting.fixed():
        values = setting.configurations(setting.seed())[values["index"]]
    return network.train({str(key): value for key, value in values.items()}, network.load())


if __name__ == "__main__":
    main()
