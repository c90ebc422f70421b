"""A metric and a loss of one's own, searched as they are typed."""

from pathlib import Path

import pytest

from tests.helpers.command import run_inside, trials

FILE = """
import keras
import numpy as np

def poly(y_true, y_pred, epsilon=1.0):
    right = keras.ops.sum(y_true * y_pred, axis=-1)
    return keras.losses.categorical_crossentropy(y_true, y_pred) + epsilon * (1 - right)

def cost(y_true, y_pred, class_names):
    return np.abs(y_true - y_pred).mean() / len(class_names)

def sure(y_true, y_prob):
    return y_prob.max(axis=1).mean()
"""
COMMAND = ["-m", "src.sweep", "-m", "objective=of_mine.cost", 'constraints=["measured.sure >= 0"]', "model=mlp"]
COMMAND += ["training.loss={_target_: of_mine.poly, epsilon: 1.0}", "training.loss.epsilon=0,2", "training.epochs=2"]
COMMAND += ["dataset.limit=300", "hydra/launcher=basic", "hydra.sweeper.study_name=own"]


@pytest.mark.slow
def test_a_search_by_them_can_be_reproduced(tmp_path: Path) -> None:
    (tmp_path / "of_mine.py").write_text(FILE)
    (tmp_path / "measured.py").write_text(FILE)  # that nothing else imports
    done = run_inside(COMMAND, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "minimize of_mine.cost" in done.stdout
    one, other = trials(tmp_path, "own")
    assert (one.state.name, other.state.name) == ("COMPLETE", "COMPLETE")
    assert one.values != other.values  # one graph is not taken for the other
    assert one.constraints and max(one.constraints.values()) < 0  # they end at 1
    again = run_inside(["-m", "src.reproduce", "own/1"], tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.splitlines()[-1].startswith("equal    to the bit: 2 epochs")
    assert "the file of measured.sure" not in again.stdout, "it is the same one"


@pytest.mark.slow
def test_what_a_loading_function_is_given_is_searched_and_tells_trials_apart(tmp_path: Path) -> None:
    body = (
        "import numpy as np\ndef load(n, size=8):\n    x = np.random.default_rng(0).integers(0, 256, (n, size, size))"
    )
    (tmp_path / "data_of_mine.py").write_text(body + "\n    return x, (x.mean(axis=(1, 2)) > 127).astype(int)\n")
    command = ["-m", "src.sweep", "-m", "dataset=custom", "dataset.load={_target_: data_of_mine.load, n: 80}"]
    command += ["+dataset.load.size=6,9", "model=mlp", "training.epochs=1", "hydra/launcher=basic"]
    done = run_inside([*command, "hydra.sweeper.study_name=given"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    compared = run_inside(["-m", "src.compare", "given/0", "given/1"], tmp_path)
    assert "judged by other images (dataset.load.size 6 and 9)" in compared.stdout
    again = run_inside(["-m", "src.reproduce", "given/1"], tmp_path)
    assert again.stdout.splitlines()[-1].startswith("equal    to the bit: 1 epoch")
