"""docs/own-model.md, typed: a function of one's own is searched, from the folder where the command is typed."""

import re
import shlex
from pathlib import Path

import mlflow  # noqa: F401 - warns while it is imported, which would be an error in a test
import pytest
import yaml

from tests.helpers.command import ROOT, load_study, results, run, run_inside
from tests.helpers.kept import write_picture

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


LAYERS = """
import keras
from keras import layers
from convsweep import Infeasible


class Scale(layers.Layer):
    def build(self, shape):
        self.factor = self.add_weight(shape=(), initializer="ones", name="factor")

    def call(self, features):
        return features * self.factor


class Whole(keras.Model):  # lacks get_config
    def __init__(self, classes):
        super().__init__()
        self.flat, self.out = layers.Flatten(), layers.Dense(classes, "softmax")

    def call(self, images):
        return self.out(self.flat(images))


def build_model(input_shape, classes, whole=False):
    if whole:
        return Whole(classes)
    return keras.Sequential(
        [keras.Input(input_shape), layers.Flatten(), Scale(), layers.Dense(classes, "softmax")]
    )
"""
SERVED = """
import importlib.machinery, importlib.util, sys
sys.path[:] = [place for place in sys.path if not (importlib.machinery.PathFinder.find_spec("src", [place]))]
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "convsweep" else find(name, *more)
import mlflow, numpy as np
print(mlflow.pyfunc.load_model(sys.argv[1]).predict(np.zeros((1, 8, 8, 1), "uint8"))[0]["class"])
"""


@pytest.mark.slow
def test_layers_of_ones_own_are_kept_with_their_code(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (here / "own_layers_here.py").write_text(LAYERS)
    common = ["model=custom", "model.build=own_layers_here.build_model", "dataset.limit=100", "training.epochs=1"]
    more = ["optimizer=adam,sgd", "hydra.sweeper.n_jobs=1"]
    done = run(["-m", "src.sweep", "-m", *common, *more, "hydra.sweeper.study_name=own"], here)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not kept" not in done.stdout + done.stderr
    write_picture(there / "one.png", 3, (8, 8))
    store = f"sqlite:///{here}/mlflow.db"
    done = run_inside(["-m", "src.predict", "own", "one.png", "--uri", store], there)
    assert done.returncode == 0, done.stderr
    done = run_inside(["-m", "src.export", "own", "--to", "keras", "savedmodel", "tflite"], here)
    assert done.returncode == 0, done.stderr
    assert "code     exports/own-" in done.stdout
    (here / "own_layers_here.py").unlink()
    (exported,) = here.glob("exports/*")
    done = run_inside(["-m", "src.predict", str(exported), "one.png"], there)
    assert done.returncode == 0, done.stderr
    (model,) = here.glob("mlruns/models/*/artifacts")
    done = run(["-c", SERVED, str(model)], there)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().isdigit()


@pytest.mark.slow
def test_what_cannot_be_kept_is_said_at_the_end_and_by_who_asks_for_it(tmp_path: Path) -> None:
    (tmp_path / "own_layers_here.py").write_text(LAYERS)
    common = ["model=custom", "model.build=own_layers_here.build_model", "model.whole=true", "dataset.limit=100"]
    more = ["training.epochs=1", "optimizer=adam,sgd", "hydra.sweeper.n_jobs=1", "hydra.sweeper.study_name=lost"]
    done = run(["-m", "src.sweep", "-m", *common, *more], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (told,) = [line for line in done.stdout.splitlines() if line.startswith("model    ")]
    assert re.match("model    that of trial [01], the best, is not kept: Object Whole .*get_config", told)
    done = run_inside(["-m", "src.predict", "lost", "one.png"], tmp_path)
    assert done.returncode == 1
    assert re.match(
        "error: study lost has no kept model: that of trial [01] could not be kept: Object Whole", done.stderr
    )
