"""Metrics in MLflow: grouped by what its page folds by; runs from before go on with the names that they have."""

from pathlib import Path

import pytest

from src.tracking import Courier, Store
from src.tracking.names import grouped, own_names
from tests.helpers.mlflow import the_run, trial_run


@pytest.mark.parametrize(
    ("name", "step", "recorded"),
    [
        ("loss", 1, "train/loss"),
        ("learning_rate", 3, "train/learning_rate"),
        ("val_accuracy", 2, "val/accuracy"),
        ("val_recall[rose]", 2, "val/recall/rose"),
        ("epoch_seconds", 2, "time/epoch_seconds"),
        ("fit_seconds", 0, "time/fit_seconds"),
        ("best_val_accuracy", 0, "best_val_accuracy"),
        ("val_macro_f1", 0, "val_macro_f1"),
        ("recall[rose]", 0, "recall/rose"),
        ("test_accuracy", 0, "test_accuracy"),
    ],
)
def test_a_metric_is_in_a_group(name: str, step: int, recorded: str) -> None:
    assert grouped(name, step) == recorded


def test_a_run_from_before_goes_on_with_its_names(store: Store, post: Courier, tmp_path: Path) -> None:
    trial = trial_run(post, tmp_path / "outbox")
    trial.end("WAITING")
    assert not post.flush()
    run = the_run(store.client)
    for step in (1, 2):
        store.client.log_metric(run.info.run_id, "loss", 1 / step, step=step)
    again = trial_run(post, tmp_path / "outbox")
    for step in (2, 3):
        again.log_metrics({"loss": 1 / step, "val_accuracy": 0.5}, step)
    again.log_metrics({"objective": 0.5})
    again.end("COMPLETE")
    assert not post.flush()
    found = the_run(store.client).data.metrics
    assert found == {"loss": pytest.approx(1 / 3), "val_accuracy": 0.5, "objective": 0.5}
    history = store.client.get_metric_history(run.info.run_id, "loss")
    assert sorted(metric.step for metric in history) == [1, 2, 3]


def test_what_is_read_back_has_its_own_name() -> None:
    given = {"summary/best_val_loss": 0.5, "val/loss": 1.0, "train/loss": 2.0, "fold_1/loss": 3.0, "objective": 4.0}
    expected = {"best_val_loss": 0.5, "val_loss": 1.0, "loss": 2.0, "fold_1/loss": 3.0, "objective": 4.0}
    assert own_names(given) == expected
