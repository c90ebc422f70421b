"""Record learning curves on the digits, in a space where early ranks lie: schedules, augmentation, SGD beside Adam.

    python -m benchmarks.digits [configurations]

Random configurations of a multilayer perceptron, 27 epochs each, each with two seeds: half of the images train, half
validate. One process, one thread, without a record in MLflow: some four processor seconds a training, which are what
is recorded, so that other work counts little. benchmarks/digits_curves.csv is written anew after every twenty: the
same command goes on where it ends.
"""

import contextlib
import csv
import json
import os
import sys
import time
from collections.abc import Iterator
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
TABLE = Path(__file__).parent / "digits_curves.csv"
FIXED = ["dataset=digits", "dataset.validation_fraction=0.5", "model=mlp", "training.epochs=27"]
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
SEEDS, SAVED = 2, 20
MOST_DIVERGED = 40  # trainings, one after the other


def main(configurations: int = 300) -> None:
    register()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(study_name="digits_curves", direction="maximize")
    study.add_trials(list(recorded(TABLE)))
    for number in range(len(study.trials), configurations * SEEDS):
        params = _drawn(number // SEEDS)
        overrides = [f"{key}={value}" for key, value in params.items()]
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = settings(compose("config", [*FIXED, *overrides]))
        started = time.process_time()
        values = curve(config, derive_seed(0, number))
        seconds = time.process_time() - started
        study.add_trial(_trial(params, values if len(values) == config.training.epochs else [], seconds))
        if (number + 1) % SAVED == 0:
            _save(study)
    _save(study)


def _save(study: optuna.Study) -> None:
    """Write the table; who is interrupted meanwhile has the one of before."""
    new = TABLE.with_suffix(".new")
    save(study, new, "python -m benchmarks.digits")
    os.replace(new, TABLE)


def _trial(params: dict[str, Any], values: list[float], seconds: float) -> FrozenTrial:
    """Return a training; one without values diverged."""
    return create_trial(
        state=TrialState.COMPLETE if values else TrialState.FAIL,
        value=max(values) if values else None,
        params=params,
        distributions=SPACE,
        intermediate_values=dict(enumerate(values, 1)),
        system_attrs={SECONDS: round(seconds, 2)},
    )


def recorded(path: Path) -> Iterator[FrozenTrial]:
    """Yield the trainings up to the last one of a table, in their order; those that it has not diverged.

    Raises:
        ValueError: The table is not of this space.
    """
    if not path.exists():
        return
    number = 0
    with path.open(newline="", encoding="utf-8") as file:
        next(file)
        for row in csv.DictReader(file):
            params = {name: json.loads(row[name]) for name in SPACE}
            missing = [_drawn(number // SEEDS)]
            while missing[-1] != params:
                if len(missing) > MOST_DIVERGED:
                    raise ValueError(f"{path} has a configuration that is not drawn here, {params}; take the file away")
                missing.append(_drawn((number + len(missing)) // SEEDS))
            yield from (_trial(drawn, [], 0.0) for drawn in missing[:-1])
            number += len(missing) - 1
            values = [float(text) for name, text in row.items() if name.startswith("step_")]
            yield _trial(params, values, float(row["seconds"]))
            number += 1


def _drawn(number: int) -> dict[str, Any]:
    """Return the configuration of that number."""
    sampler = optuna.samplers.RandomSampler(seed=derive_seed(1, number))
    study = optuna.create_study(sampler=sampler)
    return study.ask(SPACE).params


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
    main(*map(int, sys.argv[1:]))
