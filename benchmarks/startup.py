"""How long it takes until a network is trained: the first step, a whole small sweep, a worker after a killed one.

    python -m benchmarks.startup [rounds]

In turn, medians of three rounds by default; two minutes. Beside them `import tensorflow` by itself, and one process
that imports it and fits the two networks of `make sweep`, without anything else. All with compiled bytecode.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
SWEEP = ["-m", "src.sweep", "-m", "optimizer=adam,rmsprop"]
PRELOAD = "hydra.sweeper.preload=[src.preload,benchmarks.first_step]"
LONG = [
    "-m", "src.sweep", "-m", "optimizer=adam,rmsprop", "model.dropout=interval(0,0.5)", "training.epochs=40",
    "hydra/sweeper/scheduler=none", "hydra.sweeper.n_jobs=1", "hydra.sweeper.n_trials=20",
    "hydra.sweeper.max_retries=50",
]  # fmt: skip
KILLS = 6
NULL = subprocess.DEVNULL
BARE = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
import tensorflow  # before convsweep, which lets Keras import less
from hydra import compose, initialize_config_dir
from src.config import make_optimizer, register, settings
import atexit, gc; atexit.unregister(gc.freeze)
register()
with initialize_config_dir({str(ROOT / "conf")!r}, version_base="1.3"):
    configs = [settings(compose("config", [f"optimizer={{name}}"])) for name in ("adam", "rmsprop")]
from src import dataset, model
for config in configs:
    data = dataset.load(config.dataset, 0)
    network = model.build(config.model, data.input_shape, len(data.class_names), 0, data.scale, data.offset)
    network.compile(make_optimizer(config.optimizer), "sparse_categorical_crossentropy", metrics=["accuracy"])
    network.fit(
        *data.train, epochs=config.training.epochs, batch_size=config.training.batch_size,
        validation_data=tuple(data.validation), verbose=0,
    )
"""
Cost = tuple[float, float]  # seconds by the clock, of processors


def main(rounds: int = 3) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT)
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "src", "convsweep", "hydra_plugins"], cwd=ROOT, check=True
    )
    costs: dict[str, list[Cost]] = defaultdict(list)
    for _ in range(rounds):
        costs["`import tensorflow`"].append(_whole(["-c", "import tensorflow"], environment))
        for workers in (1, 2):
            costs[f"from the command to the first step, `n_jobs={workers}`"].append(_first_step(workers, environment))
        costs["one bare process that fits both networks"].append(_whole(["-c", BARE], environment))
        costs["`make sweep`, set up already"].append(_whole(SWEEP, environment))
    base = [statistics.median(column) for column in zip(*costs["`import tensorflow`"], strict=True)]
    print("| what | seconds | of processors | in times of the import |\n| --- | ---: | ---: | ---: |")
    for what, found in costs.items():
        wall, used = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"| {what} | {wall:.1f} | {used:.1f} | {used / base[1]:.2f} |")
    fit, step = _replaced(environment)
    print(f"\nFrom a worker's death to the fit of the next one: {fit:.2f} s; to its first step: {step:.2f} s.")


def _whole(arguments: list[str], environment: dict[str, str]) -> Cost:
    before, started = os.times(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, check=True, stdout=NULL, stderr=NULL)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - started, used


def _first_step(workers: int, environment: dict[str, str]) -> Cost:
    """Return what passes until a worker has made a step, and what all processes of the sweep have used by then."""
    with tempfile.TemporaryDirectory() as folder:
        mark = Path(folder) / "noted"
        started = time.perf_counter()
        sweep = subprocess.Popen(
            [sys.executable, *SWEEP, f"hydra.sweeper.n_jobs={workers}", PRELOAD],
            cwd=folder, env={**environment, "BENCHMARK_FIRST_STEP": str(mark)}, stdout=NULL, stderr=NULL,
        )  # fmt: skip
        _await(lambda: _noted(mark, "step"), sweep)
        cost = time.perf_counter() - started, _used_by_all(str(mark))
        _end(sweep)
    return cost


def _replaced(environment: dict[str, str]) -> Cost:
    """Kill the worker of a study some times; return the median seconds until the next one fits, and has made a step."""
    with tempfile.TemporaryDirectory() as folder:
        mark = Path(folder) / "noted"
        sweep = subprocess.Popen(
            [sys.executable, *LONG, PRELOAD],
            cwd=folder, env={**environment, "BENCHMARK_FIRST_STEP": str(mark)}, stdout=NULL, stderr=NULL,
        )  # fmt: skip
        times: list[Cost] = []
        for count in range(1, KILLS + 1):
            _await(lambda count=count: len(_noted(mark, "step")) == count, sweep)
            time.sleep(1)
            killed = time.time()
            os.kill(int(_noted(mark, "step")[-1][0]), signal.SIGKILL)
            _await(lambda count=count: len(_noted(mark, "step")) > count, sweep)
            times.append((_noted(mark, "fit")[count][1] - killed, _noted(mark, "step")[count][1] - killed))
        _end(sweep)
    fit, step = (statistics.median(column) for column in zip(*times, strict=True))
    return fit, step


def _noted(mark: Path, what: str) -> list[tuple[str, float]]:
    file = mark.with_name(f"{mark.name}.{what}")
    lines = file.read_text().splitlines() if file.exists() else []
    return [(pid, float(at)) for pid, at in map(str.split, lines)]


def _used_by_all(mark: str) -> float:
    """Return the processor seconds of all processes with a mark in their environment, and of their ended children."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                total += sum(map(int, fields[11:15]))
        except OSError:  # it has ended meanwhile
            continue
    return total / os.sysconf("SC_CLK_TCK")


def _await(done: Callable[[], object], sweep: subprocess.Popen[bytes]) -> None:
    while not done():
        if sweep.poll() is not None:
            raise SystemExit(f"the sweep ended with status {sweep.returncode}")
        time.sleep(0.01)


def _end(sweep: subprocess.Popen[bytes]) -> None:
    for _ in range(2):  # the first lets a trial come to its end
        sweep.send_signal(signal.SIGINT)
    sweep.wait(60)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
