"""How many workers a storage bears: the calls of a trial, the trials a second of PostgreSQL with and without a proxy.

    python -m benchmarks.storage [rounds]

A client does what a worker does in its storage, and nothing else: it takes a trial, draws two values, reports ten
epochs and asks after each whether to stop, and tells the result. Beside its own trial, so many run elsewhere: each look
at the study may have to read them. Two clients run at a time, on the cores that the server has, too.

A trial that trains for 10 s or 10 min beside its calls says for how many workers the storage has time: W workers
end W / training trials a second, of which each costs more the more run beside it.

Then two whole workers with trials that do nothing, through PostgreSQL and through a journal.
"""

import math
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
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from convsweep.policy.policy import Policy
from convsweep.storage.opening import HEARTBEAT, open_storage
from convsweep.study.optuna_logging import quieten_optuna
from convsweep.study.trial_states import take
from convsweep.workers.trial import TrialHandle
from tests.helpers.postgresql import Server, running

ROOT = Path(__file__).parent.parent
EPOCHS = 10
CLIENTS = 2
ELSEWHERE = (0, 100, 1000)  # trials that run in other workers
TRIALS = 40  # of a client
TRAININGS = {"10 s": 10, "10 min": 600}
TICKS = os.sysconf("SC_CLK_TCK")

SPACE: dict[str, BaseDistribution] = {name: FloatDistribution(0, 1) for name in ("x", "y")}


def open_study(address: str) -> optuna.Study:
    quieten_optuna()
    storage = open_storage(address, Path(), heartbeat=HEARTBEAT)
    # Where a trial is asked to stop, it has fewer calls: this is the most that it can have without a pruner's own.
    return optuna.load_study(study_name="storage", storage=storage, pruner=optuna.pruners.NopPruner())


def fill(address: str, count: int, elsewhere: int = 0) -> None:
    """Make a study with so many waiting trials, and so many that run."""
    quieten_optuna()
    storage = open_storage(address, Path(), heartbeat=HEARTBEAT)
    study = optuna.create_study(storage=storage, study_name="storage")
    study.add_trials([create_trial(state=TrialState.WAITING) for _ in range(count)])
    reports = dict.fromkeys(range(1, EPOCHS // 2 + 1), 0.5)
    params = dict.fromkeys(SPACE, 0.5)
    study.add_trials(
        create_trial(state=TrialState.RUNNING, params=params, distributions=SPACE, intermediate_values=reports)
        for _ in range(elsewhere)
    )


def client(study: optuna.Study, count: int) -> None:
    """Run so many trials that train for no time."""
    for _ in range(count):
        taken = take(study, Policy(n_trials=10**9))
        assert taken is not None
        study.get_trials(deepcopy=False)  # a sampler's look at what is known
        for name, distribution in SPACE.items():
            study._storage.set_trial_param(taken._trial_id, name, random.random(), distribution)
        handle = TrialHandle(optuna.Trial(study, taken._trial_id), 0, Path())
        for epoch in range(1, EPOCHS + 1):
            handle.report(random.random(), epoch)
            if epoch < EPOCHS:
                handle._looked = -math.inf  # a real epoch takes longer than the least time between two looks
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


def cost(address: str, elsewhere: int, served_by: Callable[[], int]) -> tuple[float, float]:
    """Return the trials a second of the clients together, and the processor seconds of a trial in the server."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.storage", "client", address],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(CLIENTS)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()  # it has loaded its libraries, and read the study once
    started, before = time.monotonic(), processor_seconds(served_by())
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    wall, spent = time.monotonic() - started, processor_seconds(served_by()) - before
    for process in processes:
        process.communicate()
    return CLIENTS * TRIALS / wall, spent / (CLIENTS * TRIALS)


def processor_seconds(root: int) -> float:
    """Return what a process and its living descendants have used, with its dead children."""
    children: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        number = int(path.parent.name)
        children.setdefault(int(fields[1]), []).append(number)
        used[number] = sum(map(int, fields[11:15] if number == root else fields[11:13])) / TICKS
    total, look = 0.0, [root]
    while look:
        number = look.pop()
        total += used.get(number, 0.0)
        look += children.get(number, [])
    return total


@contextmanager
def proxy(address: str) -> Iterator[tuple[str, int]]:
    """Start the proxy in front of a database; yield its address and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "src.proxy", address, f"--port={port}"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"grpc://127.0.0.1:{port}", process.pid
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


def borne(costs: dict[int, float], training: float) -> float:
    """Return the number of workers at which their trials take all the time that there is.

    A trial costs a + b W seconds when W - 1 others run, by the least and the most that was measured; W workers start
    W / training trials a second, so that W (a + b W) = training.
    """
    least, most = min(costs), max(costs)
    b = max((costs[most] - costs[least]) / (most - least), 1e-12)
    a = costs[least] - b * least
    return (math.sqrt(a * a + 4 * b * training) - a) / (2 * b)


def main(rounds: int) -> None:
    with running() as server, tempfile.TemporaryDirectory() as folder:
        os.environ.update(server.env)
        made, transacted = calls_of_a_trial(server)
        print(f"calls of a trial of {EPOCHS} epochs: {sum(made.values()) / TRIALS:.1f}, transactions: {transacted:.1f}")
        for name, count in made.most_common():
            print(f"    {name:<28} {count / TRIALS:5.1f}")
        number = iter(range(10**6))
        postmaster = int((server.folder / "data/postmaster.pid").read_text().split()[0])

        def fresh() -> str:
            return server.create(f"round{next(number)}")

        def directly(elsewhere: int) -> tuple[float, float]:
            fill(address := fresh(), CLIENTS * TRIALS, elsewhere)
            return cost(address, elsewhere, lambda: postmaster)

        def through_proxy(elsewhere: int) -> tuple[float, float]:
            fill(address := fresh(), CLIENTS * TRIALS, elsewhere)
            with proxy(address) as (front, process):
                return cost(front, elsewhere, lambda: process)

        print("| way | running elsewhere | trials a second | processor ms of a trial, in the server |")
        for way, measure in {"PostgreSQL": directly, "through a proxy": through_proxy}.items():
            walls, served = {}, {}
            for elsewhere in ELSEWHERE:
                found = [measure(elsewhere) for _ in range(rounds)]
                rate, used = (statistics.median(column) for column in zip(*found, strict=True))
                walls[elsewhere], served[elsewhere] = 1 / rate, used
                print(f"| {way} | {elsewhere} | {rate:.1f} | {used * 1e3:.0f} |", flush=True)
            for training, seconds in TRAININGS.items():
                here, alone = borne(walls, seconds), borne(served, seconds)
                print(f"    {way}, trials of {training}: {here:,.0f} workers here, {alone:,.0f} a core of the server's")
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
        opened.get_trials(deepcopy=False)
        print("ready", flush=True)
        sys.stdin.readline()
        client(opened, TRIALS)
        print("done", flush=True)
        sys.stdin.readline()
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
