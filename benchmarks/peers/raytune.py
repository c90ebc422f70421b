"""Ray Tune's ASHA, two trials at a time: `python -m benchmarks.peers.raytune`."""

import os
from pathlib import Path

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AIR_NEW_OUTPUT": "0", "RAY_DEDUP_LOGS": "0"}

import ray  # pyright: ignore[reportMissingImports]
from ray import tune  # pyright: ignore[reportMissingImports]

from benchmarks.peers import setting


def trainable(values: setting.Values) -> None:
    """Train one configuration in a process that Ray uses again for the next one."""
    from benchmarks.peers import network

    if "index" in values:
        values = setting.configurations(setting.seed())[values["index"]]

    def after(_: int, metrics: dict) -> None:
        tune.report({"val_accuracy": metrics["val_accuracy"]})

    network.train(values, network.load(), after)


def main() -> None:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    space = {
        "optimizer": tune.choice(setting.OPTIMIZERS),
        "learning_rate": tune.loguniform(*setting.RATES),
        "filters": tune.choice(setting.FILTERS),
        "depth": tune.choice(setting.DEPTHS),
        "dropout": tune.uniform(*setting.DROPOUTS),
        "batch_norm": tune.choice([True, False]),
    }
    asha = tune.schedulers.ASHAScheduler(max_t=setting.EPOCHS, grace_period=1, reduction_factor=3)
    fixed = setting.fixed()
    tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1}),
        param_space={"index": tune.grid_search(list(range(setting.TRIALS)))} if fixed else space,
        tune_config=tune.TuneConfig(
            metric="val_accuracy",
            mode="max",
            num_samples=1 if fixed else setting.MANY,
            scheduler=None if fixed else asha,
            search_alg=None if fixed else tune.search.BasicVariantGenerator(random_state=setting.seed()),
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(storage_path=str(Path.cwd() / "ray"), verbose=0),
    ).fit()


if __name__ == "__main__":
    main()
