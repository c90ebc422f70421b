"""Record learning curves in spaces where early ranks lie: schedules, augmentation, dropout, SGD beside Adam.

    python -m benchmarks.harder digits [configurations] [processes]
    python -m benchmarks.harder clothes [configurations] [processes]

Random configurations of a multilayer perceptron on the digits, and of a CNN on 2,000 images of Fashion-MNIST, 27 epochs
each: the digits with five seeds, the clothes with two. One thread an operation, without a record in MLflow; what is
recorded are processor seconds, so that other work counts little. Configurations of one structure follow one another,
and share its graph. The table, benchmarks/TABLE_curves.csv, is written anew after every twenty trainings: the same
command goes on where it ends.
"""

import contextlib
import csv
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from hydra import compose, initialize_config_dir
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from convsweep.policy.work import SECONDS
from convsweep.replay import save
from convsweep.sampling.instantiate import derive_seed
from src.config import Config, make_optimizer, register, settings
from src.process import quiet_native_stderr

with quiet_native_stderr():
    from src import dataset, model, training

ROOT = Path(__file__).parent.parent
SAVED = 20


@dataclass(frozen=True)
class Table:
    """What is recorded: `fixed` are overrides, and `space` is what the configurations are drawn from."""

    seeds: int  # with which each configuration is trained
    fixed: list[str]
    space: dict[str, BaseDistribution]


SPACE: dict[str, BaseDistribution] = {
    "optimizer": CategoricalDistribution(["adam", "rmsprop", "sgd"]),
    "optimizer.learning_rate": FloatDistribution(1e-4, 0.1, log=True),
    "schedule": CategoricalDistribution(["constant", "cosine", "one_cycle"]),
    "augmentation": CategoricalDistribution(["none", "shift", "affine"]),
    "training.batch_size": CategoricalDistribution([16, 32, 64, 128]),
    "model.filters": CategoricalDistribution([32, 64, 128]),
    "model.depth": CategoricalDistribution([1, 2, 3]),
    "model.dropout": FloatDistribution(0.0, 0.6),
    "model.batch_norm": CategoricalDistribution([True, False]),
}
# Recorded before there was another way to normalize what validates.
SHARED = ["dataset.validation_fraction=0.5", "training.epochs=27", "training.norm_statistics=running"]
TABLES = {
    "digits": Table(5, [*SHARED, "dataset=digits", "model=mlp"], SPACE),
    "clothes": Table(
        2,
        [*SHARED, "dataset=fashion_mnist", "dataset.limit=4000"],
        {
            **SPACE,
            "augmentation": CategoricalDistribution(["none", "shift", "strong"]),
            "model.filters": CategoricalDistribution([4, 8, 16]),
        },
    ),
}


def main(name: str, configurations: int = 300, processes: int = 1) -> None:
    """Train what the table of that name does not have yet of so many configurations."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    table, path = TABLES[name], Path(__file__).parent / f"{name}_curves.csv"
    drawn = [draw(table, number) for number in range(configurations)]
    trials = recorded(path, table, drawn)
    missing = [(number, seed) for number in range(configurations) for seed in range(table.seeds)]
    missing = sorted(set(missing) - trials.keys(), key=lambda training: (_structure(drawn[training[0]]), training))
    with multiprocessing.get_context("spawn").Pool(processes, register) as pool:
        done = pool.imap_unordered(partial(_train, table), [(drawn[n], n, seed) for n, seed in missing], SAVED)
        for count, (number, seed, values, seconds) in enumerate(done, 1):
            trials[number, seed] = _trial(table, drawn[number], values, seconds)
            if count % SAVED == 0 or count == len(missing):
                _save(trials, path, name)


def draw(table: Table, number: int) -> dict[str, Any]:
    """Return the configuration of that number."""
    sampler = optuna.samplers.RandomSampler(seed=derive_seed(1, number))
    return optuna.create_study(sampler=sampler).ask(table.space).params


def _structure(params: Mapping[str, Any]) -> str:
    """Say what of a configuration is constant in a graph."""
    return str([value for value in params.values() if type(value) is not float])


def _train(table: Table, training: tuple[dict[str, Any], int, int]) -> tuple[int, int, list[float], float]:
    params, number, seed = training
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = settings(compose("config", [*table.fixed, *(f"{key}={value}" for key, value in params.items())]))
    started = time.process_time()
    # The first two seeds of each are those of the tables that had no others.
    values = curve(config, derive_seed(seed // 2, number * 2 + seed % 2))
    seconds = time.process_time() - started
    return number, seed, values if len(values) == config.training.epochs else [], seconds


def _save(trials: Mapping[tuple[int, int], FrozenTrial], path: Path, name: str) -> None:
    """Write the table; who is interrupted meanwhile has the one of before."""
    study = optuna.create_study(study_name=path.stem, direction="maximize")
    study.add_trials([trial for _, trial in sorted(trials.items())])
    new = path.with_suffix(".new")
    save(study, new, f"python -m benchmarks.harder {name}")
    os.replace(new, path)


def _trial(table: Table, params: dict[str, Any], values: list[float], seconds: float) -> FrozenTrial:
    """Return a training; one without values diverged."""
    return create_trial(
        state=TrialState.COMPLETE if values else TrialState.FAIL,
        value=max(values) if values else None,
        params=params,
        distributions=table.space,
        intermediate_values=dict(enumerate(values, 1)),
        system_attrs={SECONDS: round(seconds, 2)},
    )


def recorded(path: Path, table: Table, drawn: list[dict[str, Any]]) -> dict[tuple[int, int], FrozenTrial]:
    """Return the trainings that a table file has, by configuration and seed.

    A configuration that lacks some of them, which may have diverged, is left out: nobody knows which.

    Raises:
        ValueError: The file is of another space.
    """
    found: dict[str, list[FrozenTrial]] = {}
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            next(file)
            for row in csv.DictReader(file):
                params = {key: json.loads(row[key]) for key in table.space}
                values = [float(text) for key, text in row.items() if key.startswith("step_")]
                found.setdefault(str(params), []).append(_trial(table, params, values, float(row["seconds"])))
    numbers = {str(params): number for number, params in enumerate(drawn)}
    if unknown := found.keys() - numbers.keys():
        raise ValueError(
            f"{path} has configurations that are not among the {len(drawn)} drawn here, such as {min(unknown)}; ask "
            "for more of them, or take the file away"
        )
    return {
        (numbers[params], seed): trial
        for params, trials in found.items()
        if len(trials) == table.seeds
        for seed, trial in enumerate(trials)
    }


def curve(config: Config, seed: int) -> list[float]:
    """Return the validation accuracy after each epoch; fewer where the loss becomes NaN."""
    training.prepare("float32", 1)
    data = dataset.load(config.dataset, 0)
    network = model.build(config.model, data.input_shape, len(data.class_names), seed, data.scale, data.offset)
    values: list[float] = []

    def after(_: int, metrics: dict[str, float], last: bool) -> training.Verdict:
        values.append(metrics["val_accuracy"])
        return training.Verdict.GO_ON

    with contextlib.suppress(training.Diverged):
        training.fit(
            network, make_optimizer(config.optimizer), data, config.training, config.schedule, "val_accuracy", seed,
            after, augmentation=config.augmentation,
        )  # fmt: skip
    return values


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
