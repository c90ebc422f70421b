"""The examples, as their first lines say: any Keras script by one line, and PyTorch, without the application."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from tests.helpers.command import ROOT, load_study, run

SEARCH = ["hydra.sweeper.n_trials=4", "hydra.sweeper.n_jobs=1", "hydra.sweeper.study_name=example", "epochs=3"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["keras", "pytorch"])
def test_an_example_searches(name: str, tmp_path: Path) -> None:
    if name == "pytorch" and importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    program = ROOT / "examples" / name / "train.py"
    typed = re.search(rf"python examples/{name}/train.py (.*)", program.read_text())
    assert typed is not None
    rungs = ["hydra/sweeper/scheduler=asha", "hydra.sweeper.scheduler.min_resource=1"]
    done = run([str(program), *shlex.split(typed[1]), *SEARCH, *rungs], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    study = load_study(tmp_path, "example")
    assert len(study.trials) == 4
    assert study.best_value > 0.3
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "PRUNED"}, "some paused to the end"
    whole = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    assert all(list(trial.intermediate_values) == [1, 2, 3] for trial in whole)
