"""The main job, end to end through the command line: real images, real training, real MLflow."""

import json
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run
from optuna.trial import FrozenTrial

from convsweep.policy.ties import order
from src.tracking.names import own_names
from tests.helpers.command import run, run_inside, start, trials, wait_until

FASHION = Path("/usr/share/datasets/fashion-mnist")
SMALL = ["training.epochs=2", "dataset.limit=300", "model.filters=4", "model.dense_units=16", "training.batch_size=32"]


def sweep(folder: Path, *overrides: str) -> "CompletedProcess[str]":
    """Sweep with one worker, inside this process: TensorFlow is imported once for all tests."""
    return run_inside(["-m", "src.sweep", "-m", "hydra/launcher=basic", *overrides], folder)


@dataclass
class Study:
    """A finished sweep, as its output, its trials and its MLflow runs."""

    folder: Path
    name: str
    out: str
    err: str

    @property
    def trials(self) -> list[FrozenTrial]:
        return trials(self.folder, self.name)

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(f"sqlite:///{self.folder}/mlflow.db")

    def runs(self, role: str = "trial") -> list[Run]:
        experiment = self.client.get_experiment_by_name("convsweep")
        assert experiment is not None
        where = f"tags.`convsweep.role` = '{role}' and tags.`convsweep.study` = '{self.name}'"
        return list(self.client.search_runs([experiment.experiment_id], where, order_by=["tags.`convsweep.trial`"]))

    def artifacts(self, run_id: str) -> set[str]:
        return {file.path for file in self.client.list_artifacts(run_id)}

    def artifact(self, run_id: str, path: str) -> Path:
        return Path(self.client.download_artifacts(run_id, path))


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    """`make sweep`, smaller: two workers, two optimizers."""
    folder = tmp_path_factory.mktemp("digits")
    command = ["optimizer=adam,rmsprop", "hydra.sweeper.study_name=two", "hydra.sweeper.n_jobs=2", *SMALL]
    done = run(["-m", "src.sweep", "-m", *command], folder)
    assert done.returncode == 0, done.stderr
    yield Study(folder, "two", done.stdout, done.stderr)


def test_two_optimizers_are_two_trials(digits: Study) -> None:
    assert [t.params for t in digits.trials] == [{"optimizer": "adam"}, {"optimizer": "rmsprop"}]
    assert [t.state.name for t in digits.trials] == ["COMPLETE", "COMPLETE"]
    assert all(list(t.intermediate_values) == [1, 2] for t in digits.trials)
    assert all(t.value == max(t.intermediate_values.values()) for t in digits.trials)


def test_the_terminal_shows_the_plan_the_progress_and_what_to_do_next(digits: Study) -> None:
    assert digits.err == ""
    lines = digits.out.splitlines()
    assert lines[0].startswith("study   two: maximize val_accuracy, in multirun/two")
    assert lines[1] == "space   optimizer {adam, rmsprop}"
    assert lines[2] == "budget  2 trials, every combination once, no pruning; 2 workers"
    assert lines[3].startswith("[1/2] trial ")
    assert lines[4].startswith("[2/2] trial ")
    assert "best trials" in digits.out
    assert lines[-4].startswith(
        "advice   only 2 trials can be compared: too few to tell what mattered; type `'+repeat="
    )
    assert lines[-3].startswith("results  multirun/two/optimization_results.yaml")
    assert lines[-2] == "report   multirun/two/report.html"
    assert lines[-1].startswith("review   python -m src.ui, then http://127.0.0.1:")


def best_of(study: Study) -> FrozenTrial:
    return min(study.trials, key=lambda trial: order(trial, trial.value or 0.0, sign=-1))


def test_the_files_of_a_study(digits: Study) -> None:
    study = digits.folder / "multirun/two"
    best = yaml.safe_load((study / "optimization_results.yaml").read_text())
    top = best_of(digits)
    assert best == {"name": "convsweep", "best_params": top.params, "best_value": top.value, "best_trial": top.number}
    for trial in digits.trials:
        config = yaml.safe_load((study / f"trial-{trial.number:04d}/.hydra/config.yaml").read_text())
        assert config["optimizer"]["_target_"].lower().endswith(trial.params["optimizer"])


def test_mlflow_has_a_parent_and_a_child_for_each_trial(digits: Study) -> None:
    (parent,) = digits.runs("study")
    assert parent.info.status == "FINISHED"
    assert parent.info.run_name == "two"
    assert "val_accuracy" in parent.data.tags["mlflow.note.content"].splitlines()[0]
    assert "optimizer=adam,rmsprop" in digits.artifact(parent.info.run_id, "command.txt").read_text()
    children = digits.runs()
    assert [run.info.run_name for run in children] == ["trial-0000", "trial-0001"]
    for run_, trial in zip(children, digits.trials, strict=True):
        assert run_.info.status == "FINISHED"
        tags = run_.data.tags
        assert tags["mlflow.parentRunId"] == parent.info.run_id
        assert tags["convsweep.trial"] == str(trial.number)
        assert tags["convsweep.state"] == "COMPLETE"
        assert run_.data.params["optimizer"] == trial.params["optimizer"]
        assert run_.data.params["dataset"] == "digits"
        metrics = own_names(run_.data.metrics)
        assert f"/runs/{parent.info.run_id}?" in tags["mlflow.note.content"], "a link back"
        assert f"/runs/{run_.info.run_id}?" in parent.data.tags["mlflow.note.content"], "and one to it"
        assert metrics["objective"] == trial.value == metrics["best_val_accuracy"]
        assert metrics["best_epoch"] in (1, 2)
        for name in (
            "train/loss",
            "train/accuracy",
            "val/loss",
            "val/accuracy",
            "train/learning_rate",
            "time/epoch_seconds",
        ):
            history = digits.client.get_metric_history(run_.info.run_id, name)
            assert sorted(point.step for point in history) == [1, 2]
        assert metrics["fit_seconds"] > 0
        assert metrics["parameters"] > 0


def test_each_child_has_its_artifacts(digits: Study) -> None:
    from matplotlib.image import imread

    for run_ in digits.runs():
        run_id = run_.info.run_id
        wanted = {"config.yaml", "learning_curves.png", "confusion_matrix.png", "confusion_matrix.json"}
        assert wanted | {"model_summary.txt"} <= digits.artifacts(run_id)
        config = yaml.safe_load(digits.artifact(run_id, "config.yaml").read_text())
        assert config["training"]["epochs"] == 2
        matrix = json.loads(digits.artifact(run_id, "confusion_matrix.json").read_text())
        counts = matrix["counts"]
        assert len(counts) == len(matrix["class_names"]) == 10
        right = sum(counts[i][i] for i in range(10)) / sum(map(sum, counts))
        assert right == pytest.approx(run_.data.metrics["best_val_accuracy"], abs=1e-6)
        assert "Total params" in digits.artifact(run_id, "model_summary.txt").read_text()
        for picture in ("learning_curves.png", "confusion_matrix.png"):
            pixels = imread(digits.artifact(run_id, picture))
            assert pixels.shape[0] > 200
            assert pixels[..., :3].std() > 0.05


def test_the_best_model_alone_is_kept_and_predicts_as_it_did(digits: Study) -> None:
    import keras
    import mlflow
    import numpy as np

    from src.config.dataset import DatasetConfig
    from src.dataset import load

    best = digits.runs()[best_of(digits).number]
    experiment = digits.client.get_experiment_by_name("convsweep")
    assert experiment is not None
    (model,) = digits.client.search_logged_models([experiment.experiment_id])
    assert model.source_run_id == best.info.run_id
    config = yaml.safe_load(digits.artifact(best.info.run_id, "config.yaml").read_text())
    data = load(DatasetConfig(**config["dataset"]), config["seed"])
    mlflow.set_tracking_uri(f"sqlite:///{digits.folder}/mlflow.db")
    loaded = mlflow.keras.load_model(f"models:/{model.model_id}")
    assert isinstance(loaded, keras.Model)
    predicted = np.argmax(loaded(data.validation.images), axis=-1)
    accuracy = float(np.mean(predicted == data.validation.labels))
    assert accuracy == pytest.approx(best.data.metrics["objective"], abs=1e-6)


def test_the_same_command_again_finds_the_study_done(digits: Study) -> None:
    again = sweep(
        digits.folder, "optimizer=adam,rmsprop", "hydra.sweeper.study_name=two", "hydra.sweeper.n_jobs=2", *SMALL
    )
    assert again.returncode == 0
    assert "2 of them done" in again.stdout
    assert len(digits.runs()) == 2


@pytest.mark.slow
def test_the_same_command_gives_the_same_study_bit_for_bit(digits: Study, tmp_path: Path) -> None:
    """One worker in a process that has trained before, against two fresh ones: nothing else counts."""

    def numbers(found: list[FrozenTrial]) -> list[list]:
        return [[t.number, t.params, t.value, t.intermediate_values] for t in found]

    done = sweep(tmp_path, "optimizer=adam,rmsprop", "hydra.sweeper.study_name=again", *SMALL)
    assert done.returncode == 0, done.stderr
    assert numbers(trials(tmp_path, "again")) == numbers(digits.trials)


@pytest.mark.slow
def test_a_failing_and_a_diverging_trial_are_recorded(tmp_path: Path) -> None:
    space = [
        "optimizer=sgd",
        "optimizer.learning_rate=0.01,1e30",
        "hydra.sweeper.study_name=x",
        "hydra.sweeper.n_jobs=1",
    ]
    done = sweep(tmp_path, *space, *SMALL, "objective=loss")
    assert done.returncode == 0, done.stderr
    study = Study(tmp_path, "x", done.stdout, done.stderr)
    assert [t.state.name for t in study.trials] == ["COMPLETE", "FAIL"]
    failed = study.runs()[1]
    assert failed.info.status == "FAILED"
    assert failed.data.tags["convsweep.state"] == "FAIL"
    assert "Diverged" in study.artifact(failed.info.run_id, "traceback.txt").read_text()
    assert "trial 1: Diverged: the loss became" in done.stdout


@pytest.mark.slow
def test_pruned_trials_and_several_objectives(tmp_path: Path) -> None:
    space = ["model.dense_units=4,8", "training.epochs=2", "hydra.sweeper.n_jobs=1", "dataset.limit=200", "model=mlp"]
    pruner = [
        "hydra/sweeper/pruner=threshold",
        "hydra.sweeper.pruner.lower=0.999",
        "hydra.sweeper.pruner.n_warmup_steps=1",
    ]
    done = sweep(tmp_path, *space, *pruner, "hydra.sweeper.study_name=cut")
    assert done.returncode == 1, "nothing complete is no success"
    study = Study(tmp_path, "cut", done.stdout, done.stderr)
    assert [t.state.name for t in study.trials] == ["PRUNED"] * 2
    assert {(r.info.status, r.data.tags["convsweep.state"]) for r in study.runs()} == {("KILLED", "PRUNED")}
    done = sweep(tmp_path, *space, "objective=[val_accuracy,parameters]", "hydra.sweeper.study_name=pareto")
    assert done.returncode == 0, done.stderr
    found = yaml.safe_load((tmp_path / "multirun/pareto/optimization_results.yaml").read_text())["solutions"]
    assert 1 <= len(found) <= 2
    assert all(len(solution["values"]) == 2 for solution in found)


def test_a_single_run(tmp_path: Path) -> None:
    done = run_inside(["-m", "src.sweep", *SMALL], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "epoch 2/2: loss" in done.stdout
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    (experiment,) = [e for e in client.search_experiments() if e.name == "convsweep"]
    (only,) = client.search_runs([experiment.experiment_id])
    assert only.info.status == "FINISHED"
    assert only.data.tags["convsweep.role"] == "trial"
    assert only.data.metrics["objective"] > 0
    ask, review = done.stdout.splitlines()[-2:]
    assert ask == f"ask      python -m src.predict {only.info.run_id} IMAGES"
    assert review.startswith("review   python -m src.ui, then http://")


@pytest.mark.slow
def test_interrupting_training_keeps_the_study(tmp_path: Path) -> None:
    command = ["optimizer=adam,sgd", "hydra.sweeper.study_name=i", "hydra.sweeper.n_jobs=2", *SMALL[1:]]
    process = start(["-m", "src.sweep", "-m", *command, "training.epochs=400"], tmp_path)
    wait_until(lambda: any(t.intermediate_values for t in trials(tmp_path, "i")))
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err == ""
    assert re.fullmatch(r"resume   .*python\S* -m src.sweep -m optimizer=adam,sgd.*", out.splitlines()[-1])
    assert {t.state.name for t in trials(tmp_path, "i")} == {"WAITING"}


@pytest.mark.slow
@pytest.mark.skipif(not FASHION.exists(), reason="needs Debian's dataset-fashion-mnist")
def test_a_small_real_search_on_fashion_mnist(tmp_path: Path) -> None:
    small = ["dataset.limit=2000", "training.epochs=2", "model.filters=8", "hydra.sweeper.n_trials=2"]
    done = sweep(tmp_path, "study=fashion_mnist", "space=[optimizer]", *small, "hydra.sweeper.study_name=f")
    assert done.returncode == 0, done.stderr
    study = Study(tmp_path, "f", done.stdout, done.stderr)
    assert len(study.trials) == 2
    assert max(t.value for t in study.trials if t.value) > 0.5
    assert {r.data.params["dataset"] for r in study.runs()} == {"fashion_mnist"}


BAD = [
    (["training.epohcs=3,4"], "`training.epohcs` does not exist"),
    (["optimizer=adam,rmsporp"], "did you mean rmsprop?"),
    (["training.epochs=2.5,3"], "`training.epochs`"),
    (["objective=f1", "optimizer=adam,sgd"], "`objective` must be one of val_accuracy"),
    (["model.depth=2,-1"], "`model.depth` must be"),
    (["dataset.validation_fraction=1.5,0.1"], "`dataset.validation_fraction` must be"),
    (["optimizer.learning_rate=-1,0.1"], "`optimizer.learning_rate` must be a number above 0"),
    (["study=nothing"], "`study` has no option nothing; there are augmentation, curves"),
    (["space=[nothing]"], "`space` has no option nothing; there are architecture"),
]


@pytest.mark.parametrize(("overrides", "message"), BAD, ids=[" ".join(row[0]) for row in BAD])
def test_bad_input_is_one_clear_line_and_leaves_nothing_behind(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    done = sweep(tmp_path, *overrides)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_images_that_cannot_be_had_end_a_single_run_with_what_to_do(tmp_path: Path) -> None:
    done = run_inside(["-m", "src.sweep", "dataset=mnist", f"dataset.path={tmp_path}"], tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert "`dataset.path` must hold IDX" in done.stderr
