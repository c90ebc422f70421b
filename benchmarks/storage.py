"""How many workers a storage bears: the calls of a trial, the trials a second of PostgreSQL with and without a proxy.

    python -m benchmarks.storage [rounds]

A client does what a worker does in its storage, and nothing else: it takes a trial, draws two values, reports ten
epochs and asks after each whether to stop, and tells the result. As many clients as there are cores, or more, say what
the storage bears; a trial that trains for 10 s or 10 min beside that says for how many workers.

Then two whole workers with trials that do nothing, through PostgreSQL and through a journal.
"""

import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import optuna
from optuna.distributions import FloatDistribution

from hydra_plugins.hydra_convsweep._policy import Policy
from hydra_plugins.hydra_convsweep._states import take
from hydra_plugins.hydra_convsweep._storage import HEARTBEAT, open_storage
from hydra_plugins.hydra_convsweep._study import quieten_optuna
from hydra_plugins.hydra_convsweep._trial import TrialHandle
from tests.postgresql import Server, running

ROOT = Path(__file__).parent.parent
EPOCHS = 10
CLIENTS = (1, 2, 4)
TRIALS = 40  # of a client
TRAININGS = {"10 s": 10, "10 min": 600}

PROXY = "from optuna.storages import get_storage, run_grpc_proxy_server as run; run(get_storage({!r}), port={})"


def open_study(address: str) -> optuna.Study:
    quieten_optuna()
    storage = open_storage(address, Path(), heartbeat=HEARTBEAT)
    # Where a trial is asked to stop, it has fewer calls: this is the most that it can have without a pruner's own.
    return optuna.load_study(study_name="storage", storage=storage, pruner=optuna.pruners.NopPruner())


def fill(address: str, count: int) -> None:
    """Make a study with so many waiting trials."""
    quieten_optuna()
    storage = open_storage(address, Path(), heartbeat=HEARTBEAT)
    study = optuna.create_study(storage=storage, study_name="storage")
    study.add_trials([optuna.create_trial(state=optuna.trial.TrialState.WAITING) for _ in range(count)])


def client(study: optuna.Study, count: int) -> None:
    """Run so many trials that train for no time."""
    for _ in range(count):
        taken = take(study, Policy(n_trials=10**9))
        assert taken is not None
        study.get_trials(deepcopy=False)  # a sampler's look at what is known
        for name in ("x", "y"):
            study._storage.set_trial_param(taken._trial_id, name, random.random(), FloatDistribution(0, 1))
        handle = TrialHandle(optuna.Trial(study, taken._trial_id), 0, Path())
        for epoch in range(1, EPOCHS + 1):
            handle.report(random.random(), epoch)
            if epoch < EPOCHS:
                handle.should_stop()
        study.tell(handle._trial, random.random())
        study.user_attrs  # noqa: B018 - whether to take another one


def calls_of_a_trial(server: Server) -> tuple[Counter[str], float]:
    """Return the calls of a trial by name, and the transactions of the database that they are."""
    address = server.create("calls")
    fill(address, 2 * TRIALS)
    study, made = open_study(address), Counter[str]()
    storage: Any = study._storage._storage  # pyright: ignore[reportAttributeAccessIssue] - below the patience

    class Counting:
        def __getattr__(self, name: str) -> Any:
            if callable(found := getattr(storage, name)):
                made[name] += 1
            return found

    client(study, 10)  # the caches are filled
    made.clear()
    before = transactions(server)
    with mock.patch.object(study._storage, "_storage", Counting()):
        client(study, TRIALS)
    return made, (transactions(server) - before) / TRIALS


def transactions(server: Server) -> int:
    time.sleep(1.5)  # the server counts with a delay
    return int(server.psql("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'calls'"))


def rate(address: str, clients: int) -> float:
    """Return the trials a second of so many clients together."""
    fill(address, clients * TRIALS)
    command = [sys.executable, "-m", "benchmarks.storage", "client", address]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(clients)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()  # it has loaded its libraries
    started = time.monotonic()
    for process in processes:
        process.communicate(b"\n")
    return clients * TRIALS / (time.monotonic() - started)


@contextmanager
def proxy(address: str) -> Iterator[str]:
    """Start Optuna's proxy in front of a database; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", PROXY.format(address, port)])
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"grpc://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def whole_workers(storage: str | None, folder: Path, workers: int = 2, n_trials: int = 80) -> float:
    """Return the trials a second of whole workers, whose trials do nothing, in the second half of them."""
    search = ["x=interval(0,1)", "y=interval(0,1)", "hydra/sweeper/sampler=random", "hydra.sweeper.study_name=storage"]
    options = [f"hydra.sweeper.n_jobs={workers}", f"hydra.sweeper.n_trials={n_trials}", "hydra.sweeper.seed=1"]
    options += [f"hydra.sweeper.storage={storage}"] if storage else []
    subprocess.run(
        [sys.executable, "-m", "benchmarks.noop", "-m", *search, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    opened = open_storage(storage, folder / "multirun/noop")
    trials = optuna.load_study(study_name="storage", storage=opened).trials
    ends = sorted(trial.datetime_complete for trial in trials if trial.datetime_complete)
    half = ends[len(ends) // 2 :]
    return (len(half) - 1) / (half[-1] - half[0]).total_seconds()


def main(rounds: int) -> None:
    with running() as server, tempfile.TemporaryDirectory() as folder:
        os.environ.update(server.env)
        made, transacted = calls_of_a_trial(server)
        print(f"calls of a trial of {EPOCHS} epochs: {sum(made.values()) / TRIALS:.1f}, transactions: {transacted:.1f}")
        for name, count in made.most_common():
            print(f"    {name:<28} {count / TRIALS:5.1f}")
        number = iter(range(10**6))

        def fresh() -> str:
            return server.create(f"round{next(number)}")

        def through_proxy(clients: int) -> float:
            with proxy(fresh()) as address:
                return rate(address, clients)

        ways: dict[str, Callable[[int], float]] = {
            "PostgreSQL": lambda clients: rate(fresh(), clients),
            "through a proxy": through_proxy,
        }
        for way, measure in ways.items():
            medians = {clients: statistics.median(measure(clients) for _ in range(rounds)) for clients in CLIENTS}
            words = ", ".join(f"{clients} clients {found:.1f}" for clients, found in medians.items())
            print(f"{way}, trials a second: {words}")
            for training, seconds in TRAININGS.items():
                print(f"    bears {max(medians.values()) * seconds:,.0f} workers with trials of {training}")
        for name, make in (("PostgreSQL", fresh), ("journal", lambda: None)):
            found = []
            for i in range(rounds):
                (place := Path(folder) / f"{name}{i}").mkdir()
                found.append(whole_workers(make(), place))
            median = statistics.median(found)
            share = 2 / median / 10
            print(f"two workers through {name}: {median:.1f} trials a second; {share:.2%} of a trial of 10 s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["client"]:
        opened = open_study(sys.argv[2])
        print("ready", flush=True)
        sys.stdin.readline()
        client(opened, TRIALS)
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
