"""The application's workers, forked from a process that has imported TensorFlow, train as processes of their own do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial

from tests.helpers.command import ROOT, run, trials


def told(trial: FrozenTrial) -> list:
    return [trial.number, trial.state.name, trial.params, trial.values, trial.intermediate_values]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_forked_worker_trains_bit_for_bit_as_a_fresh_process(tmp_path: Path) -> None:
    """Also one that is forked after a sibling has trained, in the place of one that was killed."""
    command = [
        "-m", "src.sweep", "-m", "model.dropout=0.1,0.3", "optimizer=adam,rmsprop", "training.epochs=2",
        "model.filters=8", "hydra.sweeper.study_name=s",
    ]  # fmt: skip
    dying = f"{{_target_:tests.helpers.toy.chaos.BetweenResultAndRecord,marker:'{tmp_path}/died'}}"
    fresh, forked = tmp_path / "fresh", tmp_path / "forked"
    for folder, more in (
        (fresh, ["hydra.sweeper.n_jobs=1", "hydra.sweeper.preload=[]"]),
        (forked, ["hydra.sweeper.n_jobs=2", f"+hydra.callbacks.chaos={dying}"]),
    ):
        folder.mkdir()
        done = run([*command, *more], folder)
        assert done.returncode == 0, done.stderr
        assert "cuda" not in done.stderr.lower(), "notes of native code stay quiet"
    assert (tmp_path / "died").exists()
    assert [told(trial) for trial in trials(forked, "s")] == [told(trial) for trial in trials(fresh, "s")]
    assert len(trials(forked, "s")) == 4


@pytest.mark.slow
def test_no_thread_and_no_device_of_tensorflows_before_the_fork() -> None:
    code = (
        "import json, os, threading\n"
        "from pathlib import Path\n"
        "from convsweep.workers.forking import OWN, preload\n"
        "problem = preload([*OWN, 'src.preload'])\n"
        "import sys\n"
        "from tensorflow.python.eager import context\n"
        "tasks = [path.read_text().strip() for path in Path('/proc/self/task').glob('*/comm')]\n"
        "spared = sorted({'matplotlib', 'sklearn', 'scipy', 'pandas', 'mlflow'} & set(sys.modules))\n"
        "print(json.dumps([problem, context._context is None, threading.active_count(), sorted(tasks), spared]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},  # its own survive a fork
    )
    problem, untouched, threads, tasks, spared = json.loads(done.stdout)
    assert problem is None
    assert untouched
    assert threads == 1
    assert spared == [], "packages that take a second, and that nobody here uses"
    tasks.remove(Path(sys.executable).resolve().name[:6])
    assert set(tasks) <= {"jemalloc_bg_thd"}, "which survives a fork, too"
