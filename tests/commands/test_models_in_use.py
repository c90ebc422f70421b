"""From a finished study to a model in use: found, asked, exported, served, trained again; one study for all of it."""

import base64
import io
import json
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient
from PIL import Image

from src.config.dataset import DatasetConfig
from src.dataset import load
from src.deployment import find_model, find_run
from tests.helpers.command import run_inside, start, trials, wait_until
from tests.helpers.mlflow import free_port

pytestmark = pytest.mark.slow

STUDY = [
    "-m", "hydra/launcher=basic", "hydra.sweeper.study_name=fit", "dataset.limit=300", "model=mlp",
    "model.dense_units=8,32", "model.dropout=0.2", "augmentation=shift", "training.epochs=3",
    "training.batch_size=32", "training.precision=float32",
    "hydra.sweeper.scheduler.min_resource=1", "tracking.system_metrics=true", "optimizer.learning_rate=0.01",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two trials, which pause after an epoch; the best goes on."""
    folder = tmp_path_factory.mktemp("study")
    done = run_inside(["-m", "src.sweep", *STUDY], folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(autouse=True)
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def pictures(folder: Path, count: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Write test images of the digits as files, a folder a class; return them with their labels."""
    test = load(DatasetConfig("digits"), 0).test
    assert test is not None
    images, labels = test.images[:count], test.labels[:count]
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        (folder / "pictures" / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(folder / f"pictures/{label}/{number:03}.png")
    return images, labels


def test_the_best_trials_model_is_asked_about_files(folder: Path) -> None:
    best = max((trial for trial in trials(folder, "fit") if trial.state.name == "COMPLETE"), key=lambda t: t.value or 0)
    images, labels = pictures(folder)
    model = find_model("fit")
    assert (model.study, model.trial, model.class_names) == ("fit", best.number, tuple("0123456789"))
    assert model.temperature != 1
    network: Any = model.load()
    expected = np.asarray(network(images))
    done = run_inside(["-m", "src.predict", f"fit/{best.number}", "pictures", "--json"], folder)
    assert (done.returncode, done.stderr) == (0, "")
    known = json.loads(done.stdout)
    got = {row["file"]: [*row["probabilities"].values()] for row in known["predictions"]}
    for number, label in enumerate(labels):
        np.testing.assert_allclose(got[f"pictures/{label}/{number:03}.png"], expected[number], atol=1e-6)
    assert known["evaluation"]["accuracy"] == np.mean(expected.argmax(axis=1) == labels)
    shown = run_inside(["-m", "src.predict", "fit", "pictures"], folder, columns=80)
    assert f"model    trial {best.number} of study fit" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_what_a_trial_stood_on_is_recorded(folder: Path) -> None:
    run, lookup = find_run("fit")
    known = json.loads(lookup.fetch(run.artifacts, "environment.json").read_text())
    assert (known["threads"], known["device"]) == (1, "CPU")
    assert {"keras", "tensorflow", "numpy"} <= known["packages"].keys()
    assert known["data"]["train"]["images"] == 240
    assert run.tags["convsweep.weights"]
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    inputs: Any = client.get_run(run.run_id).inputs
    (given,) = inputs.dataset_inputs
    assert (given.dataset.name, len(given.dataset.digest)) == ("digits", 16)
    assert json.loads(given.dataset.profile)["train_images"] == 240
    used = lookup.history(run.run_id, "system/cpu_utilization_percentage")
    assert sorted(used) == [1, 2, 3]
    assert all(value > 0 for value in used.values())


def test_a_trial_that_had_paused_is_reproduced_to_the_bit(folder: Path) -> None:
    best = find_run("fit")[0].trial
    done = run_inside(["-m", "src.reproduce", f"fit/{best}"], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "equal    to the bit: 3 epochs, the weights"
    paused = next(trial.number for trial in trials(folder, "fit") if trial.number != best)
    again = run_inside(["-m", "src.reproduce", f"fit/{paused}"], folder)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "equal    to the bit: 1 epochs" in again.stdout


def test_a_single_run_of_folds_is_reproduced_to_the_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small = ["dataset.limit=100", "dataset.folds=2", "model=mlp", "model.dense_units=8", "training.epochs=2"]
    assert run_inside(["-m", "src.sweep", *small], tmp_path).returncode == 0
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    (run,) = client.search_runs(["1"])
    done = run_inside(["-m", "src.reproduce", run.info.run_id], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "equal    to the bit: 4 epochs, the weights"
    assert run_inside(["-m", "src.predict", run.info.run_id, "none.png"], tmp_path).returncode == 1


def test_what_differs_is_told_with_the_verdict(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, lookup = find_run("fit")
    file = lookup.fetch(run.artifacts, "environment.json")
    whole = file.read_text()
    then = json.loads(whole)
    then["seed"] += 1
    then["packages"]["keras"] = "3.0.0"
    then["data"]["train"]["digest"] = "another"
    file.write_text(json.dumps(then))
    done = run_inside(["-m", "src.reproduce", run.run_id], folder)
    file.write_text(whole)
    assert "differs  keras: 3.0.0 then" in done.stdout
    assert "data: the train images: 240 of digest another then, 240 of digest" in done.stdout
    assert ("within noise, not to the bit" in done.stdout) == (done.returncode == 0)
    assert "best val_accuracy 0." in done.stdout


def test_exports_say_the_same_as_keras(folder: Path) -> None:
    images, _ = pictures(folder)
    done = run_inside(["-m", "src.export", "fit", "--to", "keras", "savedmodel", "tflite", "--out", "out"], folder, 80)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert {"model.keras", "saved_model", "model.tflite", "preprocessing.json", "calibration.json"} == set(
        os.listdir(folder / "out")
    )
    assert "checked  on 60 images" in done.stdout
    model = find_model("out")
    network: Any = model.load()
    import tensorflow as tf

    loaded: Any = tf.saved_model.load(str(folder / "out/saved_model"))
    np.testing.assert_allclose(loaded.serve(tf.constant(images)), np.asarray(network(images)), atol=1e-5)
    again = run_inside(["-m", "src.export", "out", "--to", "tflite", "--images", "pictures", "--out", "two"], folder)
    assert again.returncode == 0, again.stderr
    alone = run_inside(["-m", "src.export", "out", "--to", "tflite"], folder)
    assert alone.returncode == 1
    assert "nobody knows which images" in alone.stderr
    assert "name some with --images" in alone.stderr


def test_an_export_to_onnx_says_the_same_and_has_the_class_names(folder: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    images, _ = pictures(folder)
    done = run_inside(["-m", "src.export", "fit", "--to", "onnx", "--out", "onnx"], folder)
    assert done.returncode == 0, done.stderr
    session = onnxruntime.InferenceSession(str(folder / "onnx/model.onnx"), providers=["CPUExecutionProvider"])
    network: Any = find_model("fit").load()
    (got,) = session.run(None, {session.get_inputs()[0].name: images})
    np.testing.assert_allclose(got, np.asarray(network(images)), atol=1e-5)
    known = session.get_modelmeta().custom_metadata_map
    assert json.loads(known["class_names"]) == list("0123456789")


@pytest.fixture
def port(folder: Path, tmp_path: Path) -> Iterator[int]:
    """Serve the study's model as a user does, in a folder without this project, which is not on the path either."""
    port = free_port()
    options = ["--env-manager=local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    where = str(find_model("fit").file.parents[1])
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # MLflow calls uvicorn by its name
    server = start(["-m", "mlflow", "models", "serve", "-m", where, *options], tmp_path, PYTHONPATH="", PATH=path)
    wait_until(lambda: server.poll() is not None or _answers(port), 120)
    assert server.poll() is None, server.communicate()
    yield port
    os.killpg(server.pid, signal.SIGKILL)
    server.communicate()


def test_a_served_model_answers_over_http_as_keras_does(folder: Path, port: int) -> None:
    images, _ = pictures(folder, 5)
    model = find_model("fit")
    network: Any = model.load()
    expected = np.asarray(network(images))
    coded = []
    for image in images:
        content = io.BytesIO()
        Image.fromarray(image[..., 0]).save(content, "PNG")
        coded.append(base64.b64encode(content.getvalue()).decode())
    table = {"dataframe_split": {"columns": ["image"], "data": [[code] for code in coded]}}
    rows = {"instances": [{"b64": code} for code in coded]}
    for request in ({"inputs": images.tolist()}, {"instances": images.tolist()}, {"inputs": coded}, rows, table):
        answers = _post(port, request)["predictions"]
        got = [[answer["probabilities"][name] for name in model.class_names] for answer in answers]
        np.testing.assert_allclose(got, expected, atol=1e-6)
        assert [answer["class"] for answer in answers] == [model.class_names[i] for i in expected.argmax(axis=1)]
    with pytest.raises(urllib.error.HTTPError) as refused:
        _post(port, {"inputs": [base64.b64encode(b"text").decode()]})
    with refused.value as answer:
        assert answer.code == 400
        assert b"image 0 that cannot be read (no image of a known format)" in answer.read()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5):
            return True
    except OSError:
        return False


def _post(port: int, data: dict[str, Any]) -> Any:
    body, kind = json.dumps(data).encode(), {"Content-Type": "application/json"}
    with urllib.request.urlopen(
        urllib.request.Request(f"http://127.0.0.1:{port}/invocations", body, kind), timeout=60
    ) as answer:
        return json.loads(answer.read())
