"""What a trial and a run are judged by, from the command line."""

import json
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from matplotlib.image import imread
from mlflow import MlflowClient
from omegaconf import DictConfig

from src.config import ConfigError, register, settings
from src.evaluation.robustness import KINDS
from src.tracking.names import own_names
from tests.helpers.command import ROOT, results, run_inside, trials

SMALL = ["training.epochs=1", "dataset.limit=200", "model=mlp", "training.batch_size=32"]
EVERY = {"classification_report.json", "classification_report.txt", "confusion_matrix.json", "confusion_matrix.png"}
BEST = {"altered_copies.png", "confusion_matrix_normalized.png", "reliability_diagram.png", "worst_mistakes.png"}


def command(folder: Path, *overrides: str) -> "CompletedProcess[str]":
    return run_inside(["-m", "src.sweep", *overrides, *SMALL], folder)


def recorded(folder: Path) -> list[tuple[dict[str, float], dict[str, Path]]]:
    """Return metrics and artifacts of each trial, by number."""
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    runs = client.search_runs(["1"], "tags.`convsweep.role` = 'trial'", order_by=["tags.`convsweep.trial`"])
    found = []
    for run in runs:
        paths = [file.path for file in client.list_artifacts(run.info.run_id)]
        found.append(
            (
                own_names(run.data.metrics),
                {path: folder / f"mlruns/{run.info.run_id}/artifacts" / path for path in paths},
            )
        )
    return found


@pytest.mark.slow
def test_a_sweep_for_accuracy_and_robust_accuracy(tmp_path: Path) -> None:
    done = command(
        tmp_path, "-m", "hydra/launcher=basic", "hydra.sweeper.study_name=s", "optimizer.learning_rate=0.02,1e-7",
        "objective=[val_accuracy,robust_accuracy]", "constraints=['robust_accuracy >= 0.05']",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = recorded(tmp_path)
    for trial, (logged, _) in zip(trials(tmp_path, "s"), (first, second), strict=True):
        assert trial.values == pytest.approx([logged["best_val_accuracy"], logged["robust_accuracy"]])
        kinds = [logged[f"robust_accuracy_{kind}"] for kind in KINDS]
        assert np.mean(kinds) == pytest.approx(logged["robust_accuracy"])
        violation = (0.05 - logged["robust_accuracy"]) / 0.05
        assert trial.constraints == {"robust_accuracy >= 0.05": pytest.approx(violation)}
    best = results(tmp_path, "s")["solutions"][0]
    assert best["trial"] == 0
    assert best["values"][1] == pytest.approx(first[0]["robust_accuracy"])
    # What costs more is made for the best so far; its robustness is known of every trial that it is an objective of.
    assert set(first[1]) > EVERY | BEST
    assert set(second[1]) & (EVERY | BEST) == EVERY | {"altered_copies.png"}
    for logged, files in (first, second):
        report = json.loads(files["classification_report.json"].read_text())
        assert report["class"] == list("0123456789")
        assert sum(report["support"]) == 40
        assert logged["macro_f1"] == pytest.approx(np.mean(report["f1"]))
        assert {"ece", "log_loss", "macro_precision", "macro_recall"} <= set(logged)
    shares = json.loads(first[1]["confusion_matrix.json"].read_text())["normalized"]
    np.testing.assert_allclose(np.sum(shares, axis=1), 1)


def test_a_run_outside_a_study_makes_everything_and_says_what_is_confused(tmp_path: Path) -> None:
    done = command(tmp_path, "evaluation.test=true")
    assert done.returncode == 0, done.stderr
    ((logged, files),) = recorded(tmp_path)
    assert set(files) > EVERY | BEST
    assert f"test     accuracy {logged['test_accuracy']:.4f} on 359 images" in done.stdout.splitlines()
    assert logged["test_log_loss"] > 0
    for path in (path for name, path in files.items() if name.endswith(".png")):
        assert imread(path)[..., :3].std() > 0.05
    lines = done.stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("accuracy "))
    assert lines[start].startswith(f"accuracy {logged['best_val_accuracy']:.4f} on 40 validation images: log loss ")
    assert lines[start + 1].startswith(f"robust   {logged['robust_accuracy']:.4f} on altered copies: rotated 0.")
    assert lines[start + 2].startswith("confused ")
    assert ' taken for "' in lines[start + 2]
    assert lines[start + 2] in files["classification_report.txt"].read_text()


def test_a_study_never_sees_the_test_images(tmp_path: Path) -> None:
    done = command(tmp_path, "-m", "hydra/launcher=basic", "evaluation.test=true", "optimizer=adam,sgd")
    assert done.returncode == 1
    assert "`evaluation.test` must be false in a sweep" in done.stderr


@pytest.mark.slow
def test_trials_that_are_not_the_best_are_looked_at_where_that_is_cheap_or_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import src.trial

    monkeypatch.setattr(src.trial, "CHEAP_IMAGES", 39)
    two = ["-m", "hydra/launcher=basic", "hydra.sweeper.study_name=s", "optimizer.learning_rate=0.02,1e-7"]
    for name, overrides, expected in (("best", [], set()), ("all", ["evaluation.trials=all"], EVERY | BEST)):
        (tmp_path / name).mkdir()
        assert command(tmp_path / name, *two, *overrides).returncode == 0
        first, second = recorded(tmp_path / name)
        assert set(first[1]) > EVERY | BEST
        assert set(second[1]) & (EVERY | BEST) == expected
        assert ("robust_accuracy" in second[0]) == ("macro_f1" in second[0]) == bool(expected)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("evaluation.trials=some", "`evaluation.trials` must be one of best, all, got some; type e.g. evaluation."),
        (
            "objective=robustness",
            "`objective` must be one of val_accuracy, .*, robust_accuracy, a function of your own, .*, or a list",
        ),
        (
            "constraints=['robust_accuracy > 1']",
            r"`constraints\[0\]` must be a metric, <= or >=, .*, robust_accuracy, or a function of your own, .*; ",
        ),
        ("evaluation.trails=all", "trails"),
    ],
)
def test_a_wrong_setting_is_named(override: str, message: str) -> None:
    with pytest.raises((ConfigError, ConfigCompositionException), match=message):
        settings(composed(override))


def composed(*overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("config", list(overrides), return_hydra_config=True)


def test_robust_accuracy_is_maximized() -> None:
    config = composed("objective=[val_accuracy,robust_accuracy]")
    assert list(config.hydra.sweeper.direction) == ["maximize", "maximize"]
