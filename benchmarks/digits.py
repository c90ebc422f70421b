"""Record learning curves on the digits, in a space where early ranks lie: schedules, augmentation, SGD beside Adam.

    python -m benchmarks.digits [configurations]

Random configurations of a multilayer perceptron, 27 epochs each, each with two seeds: half of the images train, half
validate. One process, one thread, without a record in MLflow: some four processor seconds a training, which are what
is recorded, so that other work counts little. Each is a trial of multirun/digits_curves: the same command
goes on after an interrupt. benchmarks/digits_curves.csv is written anew after every twenty.
"""

import contextlib
import sys
import time
from pathlib import Path
from typing import Any

import optuna
from hydra import compose, initialize_config_dir
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

from convsweep.policy.work import SECONDS
from convsweep.replay import save
from convsweep.sampling.instantiate import derive_seed
from src.config import Config, make_optimizer, register, settings
from src.process import quiet_native_stderr

with quiet_native_stderr():
    from src import dataset, model, training

ROOT = Path(__file__).parent.parent
JOURNAL = ROOT / "multirun/digits_curves/journal.log"
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


def main(configurations: int = 300) -> None:
    register()
    study = _study()
    for number in range(len(study.trials), configurations * SEEDS):
        params = _drawn(number // SEEDS)
        overrides = [f"{key}={value}" for key, value in params.items()]
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            config = settings(compose("config", [*FIXED, *overrides]))
        started = time.process_time()
        values = curve(config, derive_seed(0, number))
        seconds = time.process_time() - started
        diverged = len(values) < config.training.epochs
        study.add_trial(
            create_trial(
                state=TrialState.FAIL if diverged else TrialState.COMPLETE,
                value=None if diverged else max(values),
                params=params,
                distributions=SPACE,
                intermediate_values=dict(enumerate(values, 1)),
                system_attrs={SECONDS: round(seconds, 2)},
            )
        )
        if (number + 1) % SAVED == 0:
            save(study, TABLE, "python -m benchmarks.digits")
    save(study, TABLE, "python -m benchmarks.digits")


def _study() -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    JOURNAL.parent.mkdir(parents=True, exist_ok=True)
    storage = JournalStorage(JournalFileBackend(str(JOURNAL)))
    return optuna.create_study(storage=storage, study_name="digits_curves", direction="maximize", load_if_exists=True)


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
