"""docs/own-model.md, typed: a function of one's own is searched, from the folder where the command is typed."""

import re
import shlex
from pathlib import Path

import mlflow  # noqa: F401 - warns while it is imported, which would be an error in a test
import pytest
import yaml

from tests.helpers.command import ROOT, load_study, results, run, run_inside

DOCS = (ROOT / "docs/own-model.md").read_text()
NETS = re.findall(r"```python\n# my_nets\.py.*?\n(.*?)```", DOCS, re.DOTALL)[0]
COMMAND = next(line.strip() for line in DOCS.splitlines() if "-m model=custom" in line)


@pytest.mark.slow
def test_the_tutorial_that_moved_over_runs_as_it_is_typed(tmp_path: Path) -> None:
    (tmp_path / "my_nets.py").write_text(NETS)
    done = run([*shlex.split(COMMAND)[1:], "hydra.sweeper.study_name=moved", "hydra.sweeper.n_jobs=2"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    study = load_study(tmp_path, "moved")
    assert len(study.trials) == 5
    for trial in study.trials:
        assert trial.params["model.units"] in range(32, 513, 32)
        assert isinstance(trial.params["model.dropout"], bool)
    assert results(tmp_path, "moved")["best_value"] > 0.3


def test_it_is_no_longer_than_where_it_came_from() -> None:
    before = re.findall(r"```python\n(def build_model\(hp\).*?)```", DOCS, re.DOTALL)[0]
    assert len(NETS.splitlines()) + 1 <= len(before.splitlines())


@pytest.mark.slow
def test_a_single_run_infeasible_sizes_and_what_is_wrong(tmp_path: Path) -> None:
    raising = "from convsweep import Infeasible\ndef too_large(**given):\n    raise Infeasible('too large for this')\n"
    (tmp_path / "own_nets_here.py").write_text(NETS + raising)
    common = ["-m", "src.sweep", "model=custom", "training.epochs=1", "dataset.limit=100"]
    done = run_inside([*common, "model.build=own_nets_here.build_model", "model.units=4"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (config,) = tmp_path.glob("outputs/*/.hydra/config.yaml")
    assert yaml.safe_load(config.read_text())["model"]["units"] == 4
    done = run_inside([*common, "model.build=own_nets_here.too_large"], tmp_path)
    assert (done.returncode, done.stderr.strip()) == (1, "error: too large for this")
    done = run_inside([*common, "model.build=own_nets_here.build_modle"], tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("type e.g. model.build=own_nets_here.build_model")
