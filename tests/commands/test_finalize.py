"""From a finished study to a registered model: judged once, resumable, and clear about what cannot be done."""

import json
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from PIL import Image

from convsweep.storage.driver_lock import only_driver
from src.config.dataset import DatasetConfig
from src.dataset import load
from src.finalizing import winner
from src.finalizing.registry import keeps_its_place
from src.tracking import Registered
from tests.helpers.command import load_study, run_inside

SWEEP = [
    "-m", "src.sweep", "-m", "hydra/launcher=basic", "hydra.sweeper.study_name=digits", "dataset.limit=200",
    "training.epochs=1", "model=mlp", "model.filters=8,16", "model.depth=1", "optimizer.learning_rate=0.01",
    "objective=macro_f1", "evaluation.tta=true",
]  # fmt: skip
FINALIZE = ["-m", "src.finalize", "digits", "--top", "2", "--seeds", "2"]


def finalize(folder: Path, *more: str) -> tuple[str, int]:
    """Finalize the study, and count how often the test images are asked."""
    asked = 0

    def evaluate(network: keras.Model, split: winner.Split, flips: bool = False) -> winner.Evaluation:
        nonlocal asked
        asked += len(split.images) == 359
        return evaluated(network, split, flips)

    evaluated = winner.evaluate
    with mock.patch.object(winner, "evaluate", evaluate):
        done = run_inside([*FINALIZE, *more], folder)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout, asked


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a study of two trials, finalized."""
    folder = tmp_path_factory.mktemp("finalize")
    done = run_inside(SWEEP, folder)
    assert done.returncode == 0, done.stderr
    said, asked = finalize(folder)
    assert asked == 1
    for word in ("choice ", "test  ", "registry models:/digits/1, the champion", "ensemble ",
                 "search   its 2 best trials together: "):  # fmt: skip
        assert word in said, said
    return folder


def write_image(file: Path, image: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image[..., 0]).save(file)


def client(folder: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{folder}/mlflow.db")


@pytest.mark.slow
def test_the_repeats_are_a_study_below_the_first(study: Path) -> None:
    repeats = load_study(study, "digits-final").trials
    assert [trial.state.name for trial in repeats] == ["COMPLETE"] * 4
    runs = client(study).search_runs(["1"], "tags.`convsweep.role` = 'study'")
    first, again = sorted(runs, key=lambda run: len(run.info.run_name or ""))
    assert again.data.tags["mlflow.parentRunId"] == first.info.run_id
    (final,) = client(study).search_runs(["1"], "tags.`convsweep.role` = 'final'")
    assert final.data.tags["mlflow.parentRunId"] == again.info.run_id
    assert final.data.metrics["test_accuracy"] > 0
    assert "python -m src.finalize digits" in again.data.tags["convsweep.command"]


@pytest.mark.slow
def test_the_champion_loads_and_says_whose_it_is(study: Path) -> None:
    version = client(study).get_model_version_by_alias("digits", "champion")
    assert version.tags["convsweep.study"] == "digits"
    assert len(json.loads(version.tags["convsweep.values"])) == 2
    assert "# Model card: digits" in (version.description or "")
    mlflow.set_tracking_uri(f"sqlite:///{study}/mlflow.db")
    model: Any = mlflow.keras.load_model("models:/digits@champion")
    file = next((study / "multirun/digits-final").glob("final-*/model.keras"))
    images = np.zeros((2, 8, 8, 1), np.uint8)
    kept: Any = keras.models.load_model(file)
    np.testing.assert_array_equal(model(images), kept(images))


@pytest.mark.slow
def test_the_study_of_repeats_is_the_name_of_the_final_model(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked, exported and trained again by it; each says what its evaluation measured, with mirror images too."""
    monkeypatch.chdir(study)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    test = load(DatasetConfig("digits"), 0).test
    assert test is not None
    for i, image in enumerate(test.images[:60]):
        write_image(study / f"pictures/{test.labels[i]}/{i}.png", image)
    (kept,) = (study / "multirun/digits-final").glob("final-*/test.npz")
    with np.load(kept) as known:
        expected = known["probabilities"][:60]
    done = run_inside(["-m", "src.predict", "digits-final", "pictures", "--json"], study)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["model"]["name"].startswith("final-")
    for row in said["predictions"]:
        number = int(Path(row["file"]).stem)
        np.testing.assert_allclose([*row["probabilities"].values()], expected[number], atol=1e-5)
    done = run_inside(["-m", "src.export", "digits-final", "--to", "tflite", "--out", "out"], study)
    assert done.returncode == 0, done.stderr
    done = run_inside(["-m", "src.reproduce", "digits-final"], study)
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.splitlines()[-1] == "equal    to the bit: 1 epochs, the weights"


@pytest.mark.slow
def test_a_second_one_at_the_same_time_is_refused(study: Path) -> None:
    folder = study / "multirun/digits-final"
    with only_driver(folder / "finalize.lock", folder):
        done = run_inside(FINALIZE, study)
    assert done.returncode == 1
    assert done.stderr.startswith("error: the study in multirun/digits-final is being run by process ")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_the_card_says_what_is_known(study: Path) -> None:
    card = next((study / "multirun/digits-final").glob("final-*/model_card.md")).read_text()
    for part in ("## Data", "digest ", "95% interval", "test accuracy", "Confusion matrix of the test images",
                 "## What it confuses", "## Calibration", "## Robustness", "learning_rate: 0.01",
                 "python -m src.finalize digits", "tensorflow", "## What it cannot be trusted in", "| images | train |",
                 "python -m src.sweep -m ", " model.filters=8,16 ", "tried 2 configurations: 2 trained to the end",
                 "| test macro f1 |", "| seed of this training |", "at temperature "):  # fmt: skip
        assert part in card, part
    assert "hydra.sweeper.study_name=digits" in card
    (final,) = client(study).search_runs(["1"], "tags.`convsweep.role` = 'final'")
    macro_f1 = final.data.metrics["test_macro_f1"]
    assert f"| test macro f1 | {macro_f1:.4f} |" in card, "the same number everywhere"
    assert f"weights | {final.data.tags['convsweep.weights']} |" in card


@pytest.mark.slow
def test_the_report_says_which_model_was_made_and_why(study: Path) -> None:
    done = run_inside(["-m", "src.report", "digits", "--output", "shown.html"], study)
    assert done.returncode == 0, done.stderr
    text = (study / "shown.html").read_text()
    (final,) = client(study).search_runs(["1"], "tags.`convsweep.role` = 'final'")
    assert f"{final.info.run_name}, made of this study by finalize" in text
    assert "Chosen: trial " in text
    assert f"{final.data.metrics['test_macro_f1']:.4f}" in text


@pytest.mark.slow
def test_what_a_model_stood_on_is_what_it_was_trained_with(study: Path) -> None:
    (file,) = (study / "multirun/digits-final").glob("final-*-train/environment.json")
    then = file.read_text()
    file.write_text(then.replace('"keras": "', '"keras": "0.'))
    finalize(study)
    assert "| keras | 0.3" in file.with_name("model_card.md").read_text(), "not what a later command runs on"
    file.write_text(then)


@pytest.mark.slow
def test_the_same_command_makes_nothing_again(study: Path) -> None:
    said, asked = finalize(study)
    assert asked == 0
    assert "and not again" in said
    assert len(client(study).search_model_versions("name = 'digits'")) == 1
    assert len(load_study(study, "digits-final").trials) == 4


@pytest.mark.slow
def test_on_all_images_after_a_kill_in_the_middle(study: Path) -> None:
    """What was there goes on; a second judgement says that there was a first; the champion keeps its place."""
    with mock.patch.object(winner, "keep", side_effect=KeyboardInterrupt):
        done = run_inside([*FINALIZE, "--on", "train+validation"], study)
    assert done.returncode == 130
    assert done.stderr.endswith("interrupted; what was trained is kept, the same command goes on\n")
    said, asked = finalize(study, "--on", "train+validation")
    assert asked == 1
    assert "judged final-" in said and "already" in said
    assert "version 1 stays the champion" in said
    assert "for 1 epoch, the mean of its best ones" in said
    (made,) = (study / "multirun/digits-final").glob("final-*-all")
    done = run_inside(["-m", "src.reproduce", f"digits-final/{made.name}"], study)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("equal    to the bit: 1 epochs, the weights\n")


@pytest.mark.slow
def test_a_champion_keeps_its_place_unless_the_new_one_is_better_by_more_than_noise() -> None:
    tags = {"convsweep.objective": "val_accuracy", "convsweep.data": "d", "convsweep.values": "[0.9, 0.91, 0.92]"}
    champion = Registered("m", "1", tags)
    assert "by more than noise" in (keeps_its_place(champion, tags, [0.91, 0.92, 0.925], maximize=True) or "")
    assert "by more than noise" in (keeps_its_place(champion, tags, [0.8, 0.81, 0.82], maximize=True) or "")
    assert keeps_its_place(champion, tags, [0.94, 0.95, 0.96], maximize=True) is None
    assert keeps_its_place(champion, tags, [0.8, 0.81, 0.82], maximize=False) is None
    others = tags | {"convsweep.data": "other"}
    assert "other data" in (keeps_its_place(champion, others, [0.94, 0.95, 0.96], maximize=True) or "")


@pytest.mark.slow
def test_an_ensemble_is_one_model(study: Path) -> None:
    said, asked = finalize(study, "--ensemble", "tracking.register=together")
    assert asked == 1
    assert "models:/together/1" in said
    folder = study / "multirun/digits-final"
    model: Any = keras.models.load_model(folder / "ensemble/model.keras")
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), np.uint8)
    members = json.loads((folder / "ensemble/members.json").read_text())
    models: Any = {n: keras.models.load_model(folder / f"trial-{int(n):04d}/model.keras") for n in members}
    mean = sum(count * np.asarray(models[n](images)) for n, count in members.items()) / sum(members.values())
    np.testing.assert_allclose(model(images), mean, atol=1e-6)


@pytest.mark.slow
def test_what_is_gone_is_said_in_a_line(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study / "multirun", tmp_path / "multirun")
    (tmp_path / "multirun/digits/multirun.yaml").unlink()
    wrong = {
        ("digit",): "did you mean digits?",
        ("digits",): "multirun.yaml must say how",
        ("digits-final",): "type python -m src.finalize digits",
        ("digits", "--trial", "9"): "the best are ",
        ("digits", "training.epochs=3"): "would change what is trained",
        ("digits", "--ensemble", "--on", "train+validation"): "--on must be train",
    }
    for arguments, words in wrong.items():
        done = run_inside(["-m", "src.finalize", *arguments], tmp_path)
        assert done.returncode == 1
        assert words in done.stderr, done.stderr
        assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr


@pytest.mark.slow
def test_test_images_that_were_trained_on_are_told_with_their_score(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 8, 8), np.uint8), np.arange(40) % 2
    np.savez(tmp_path / "x.npz", x_train=images, y_train=labels, x_test=images[:10], y_test=labels[:10])
    small = ["model=mlp", "model.depth=1", "training.epochs=1", "hydra/launcher=basic", "hydra.sweeper.study_name=x"]
    data = ["dataset=arrays", f"dataset.path={tmp_path / 'x.npz'}"]
    assert run_inside(["-m", "src.sweep", "-m", *small, *data, "model.filters=8,16"], tmp_path).returncode == 0
    done = run_inside(["-m", "src.finalize", "x", "--top", "1", "--seeds", "1"], tmp_path)
    assert done.returncode == 0, done.stderr
    told = "copies, equal in every pixel: 10 of 10 test images in the training part as well (x_test[0] and x_train[0])"
    assert f"dataset  {told}" in done.stdout
    card = next((tmp_path / "multirun/x-final").glob("final-*/model_card.md")).read_text()
    assert f"- {told}" in card
