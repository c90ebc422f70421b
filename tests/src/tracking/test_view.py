"""The state in which MLflow's page opens a study's trials."""

import json

from src.tracking import Store, StudyRun
from src.tracking.view import LONGEST, TAG, key_of, view


def test_curves_come_first_and_training_and_validation_are_in_one_chart(store: Store) -> None:
    run = StudyRun(store, "s", "command")
    assert run.show(["model.depth", "optimizer"], ["val_macro_f1", "val_accuracy"], maximize=True)
    state = json.loads(store.client.get_experiment(store.experiment_id).tags[f"{TAG}{key_of('s')}"])
    first, second, parallel, bar = state["compareRunCharts"]
    assert first["selectedMetricKeys"] == ["val/macro_f1"]
    assert second["selectedMetricKeys"] == ["train/accuracy", "val/accuracy"]
    assert parallel["selectedParams"] == ["model.depth", "optimizer"]
    assert bar["metricKey"] == "objective"
    assert state["selectedColumns"][:2] == ["metrics.`objective`", "params.`model.depth`"]
    assert "convsweep.study` = 's'" in state["searchFilter"]
    assert key_of("s") in run.all_trials(True, viewed=True)


def test_a_view_of_very_many_keys_fits_a_tag() -> None:
    state = view({}, [f"a.very.long.name.of.a.key.number.{i}" for i in range(200)], ["val_accuracy"])
    assert len(state) <= LONGEST
    assert "key.number.0" in state
