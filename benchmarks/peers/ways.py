"""The ways to search that are compared, each in its best reasonable setting on two cores."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.peers import environments
from benchmarks.peers.setting import DROPOUTS, EPOCHS, FILTERS, LIMIT, MANY, OPTIMIZERS, RATES, TRIALS, configurations

ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1"}  # where each core has a process of its own
KEYS = {
    "optimizer": "optimizer",
    "learning_rate": "optimizer.learning_rate",
    "filters": "model.filters",
    "depth": "model.depth",
    "dropout": "model.dropout",
    "batch_norm": "model.batch_norm",
}
DEPTH = "range(1,4)"


@dataclass(frozen=True)
class Way:
    """A way to search: its command, after the interpreter, for a mode, a seed and seconds.

    Attributes:
        label: how the tables name it.
        environment: where it runs.
        command: the arguments; of `fixed`, seed and seconds.
        says: its setting, in a sentence for the page.
        variables: more of its environment.
        modes: what it takes part in.
    """

    label: str
    environment: str
    command: Callable[[bool, int, float], list[str]]
    says: str
    variables: tuple[tuple[str, str], ...] = tuple(ONE_THREAD.items())
    modes: tuple[str, ...] = ("fixed", "anytime")


def _by_hand(*options: str) -> Callable[[bool, int, float], list[str]]:
    return lambda *_: ["-m", "benchmarks.peers.handwritten", *options]


def _module(name: str) -> Callable[[bool, int, float], list[str]]:
    return lambda *_: ["-m", f"benchmarks.peers.{name}"]


def _space(optimizer: str, rate: str, filters: str, depth: str, dropout: str, norm: str) -> list[str]:
    low, high = RATES
    return [
        f"{optimizer}={','.join(OPTIMIZERS)}",
        f"{rate}=tag(log,interval({low},{high}))",
        f"{filters}={','.join(map(str, FILTERS))}",
        f"{depth}={DEPTH}",
        f"{dropout}=interval({DROPOUTS[0]},{DROPOUTS[1]})",
        f"{norm}=true,false",
    ]


def _official(fixed: bool, seed: int, _: float) -> list[str]:
    command = ["-m", "benchmarks.peers.official", "-m", f"hydra.sweeper.sampler.seed={seed}"]
    if fixed:
        indices = ",".join(map(str, range(TRIALS)))
        return [*command, f"hydra.sweeper.n_trials={TRIALS}", "hydra/sweeper/sampler=grid", f"index={indices}"]
    return [*command, f"hydra.sweeper.n_trials={MANY}", *_space(*KEYS)]


def _ours(fixed: bool, seed: int, seconds: float) -> list[str]:
    command = [
        *["-m", "src.sweep", "-m", "dataset=fashion_mnist", f"dataset.limit={LIMIT}", f"training.epochs={EPOCHS}"],
        *["hydra.sweeper.study_name=peers", f"seed={seed}", *_space(*KEYS.values())],
    ]
    if not fixed:
        return [*command, f"hydra.sweeper.budget={seconds:g}s"]
    tried = [{KEYS[key]: value for key, value in values.items()} for values in configurations(seed)]
    enqueued = ",".join(
        "{" + ",".join(f"{key}:{json.dumps(value)}" for key, value in one.items()) + "}" for one in tried
    )
    none = ["hydra/sweeper/scheduler=none", "hydra/sweeper/pruner=none"]
    none += ["hydra.sweeper.try_defaults=false"]
    return [*command, *none, f"hydra.sweeper.n_trials={TRIALS}", f"hydra.sweeper.enqueue=[{enqueued}]"]


WAYS = {
    "ours": Way("convsweep", environments.OURS, _ours, "two workers, TPE, asha; all is recorded in MLflow", ()),
    "handwritten": Way(
        "Optuna by hand, TPE", environments.PEERS, _by_hand(), "one process with two threads; MLflow", ()
    ),
    "handwritten2": Way(
        "Optuna by hand, TPE, two processes", environments.PEERS, _by_hand("--processes=2"), "a shared journal; MLflow"
    ),
    "hyperband": Way(
        "Optuna by hand, TPE, Hyperband",
        environments.PEERS,
        _by_hand("--hyperband"),
        "one process with two threads; MLflow",
        (),
        ("anytime",),
    ),
    "hyperband2": Way(
        "Optuna by hand, TPE, Hyperband, two processes",
        environments.PEERS,
        _by_hand("--hyperband", "--processes=2"),
        "a shared journal; MLflow",
        modes=("anytime",),
    ),
    "kerastuner": Way(
        "KerasTuner, Hyperband", environments.PEERS, _module("kerastuner"), "a chief and two workers; records no runs"
    ),
    "raytune": Way(
        "Ray Tune, ASHA", environments.PEERS, _module("raytune"), "two trials at a time, processes used again; no runs"
    ),
    "official": Way(
        "hydra-optuna-sweeper, TPE",
        environments.OFFICIAL,
        _official,
        "batches of two, joblib's processes used again; records no runs",
    ),
}
