"""The config room: what a schema cannot say, and how it is said."""

import os
from typing import Any

import keras
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, ListConfig, OmegaConf

from src.config import ConfigError, as_yaml, make_optimizer, register, settings
from src.config.build import make_arguments
from src.config.objective import check, directions, leading_metric
from src.process.environment import for_workers
from tests.helpers.command import ROOT


@pytest.fixture(autouse=True)
def composing():
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        yield


def composed(*overrides: str) -> DictConfig:
    return compose("config", list(overrides))


WRONG = [
    ("training.epochs=0", "`training.epochs` must be 1 or more, got 0; type e.g. training.epochs=10"),
    ("training.batch_size=-1", "`training.batch_size` must be 1 or more, got -1"),
    ("training.early_stopping=0", "`training.early_stopping` must be 1 or more epochs, or null, got 0"),
    ("training.precision=bf16", "`training.precision` must be one of auto, float32, mixed_bfloat16, mixed_float16"),
    ("training.threads=0", "`training.threads` must be 1 or more, or null, got 0"),
    ("optimizer.learning_rate=0", "`optimizer.learning_rate` must be a number above 0, got 0"),
    ("optimizer.learning_rate=fast", "`optimizer.learning_rate` must be a number above 0, got fast"),
    ("seed=-1", "`seed` must be an integer from 0 to 2**32 - 1, got -1; type e.g. seed=0"),
    ("objective=f1", "`objective` must be one of val_accuracy, val_loss, accuracy, loss, parameters, latency_ms"),
    ("objective=[loss,loss]", "`objective` must name each metric once, got loss, loss"),
    ("objective=[]", "`objective` must be one of val_accuracy"),
    ("model.depth=0", "`model.depth` must be"),
    ("dataset.limit=-5", "`dataset.limit` must be"),
]  # fmt: skip


@pytest.mark.parametrize(("override", "message"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_value_is_named_with_its_key_and_what_to_type(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(composed(override))
    (problem,) = caught.value.problems
    assert problem.startswith(message)
    assert "; type e.g. " in problem


TOGETHER = [
    (["training.label_smoothing=0.1"], ["`training.label_smoothing` must be 0 with dataset.labels=sparse, got 0.1"]),
    (
        ["training.label_smoothing=1", "dataset.labels=onehot"],
        ["`training.label_smoothing` must be at least 0 and below 1, got 1.0"],
    ),
    (["schedule.name=cosine"], ["`schedule.name` must be constant, got cosine; type e.g. schedule=cosine"]),
    (
        ["schedule=cosine", "schedule.warmup=1", "schedule.final_fraction=nan"],
        [
            "`schedule.warmup` must be at least 0 and below 1, got 1.0; type e.g. schedule.warmup=0",
            "`schedule.final_fraction` must be a number from 0 to 1, got nan",
        ],
    ),
    (
        ["schedule=one_cycle", "schedule.warmup=0", "schedule.initial_divisor=0.5", "schedule.final_divisor=inf"],
        ["`schedule.warmup` must be above", "`schedule.initial_divisor` must", "`schedule.final_divisor` must"],
    ),
    (
        ["schedule=plateau", "schedule.factor=1", "schedule.patience=0", "schedule.min_rate=-1"],
        ["`schedule.factor` must be above", "`schedule.patience` must be 1", "`schedule.min_rate` must be"],
    ),
    (
        ["schedule=plateau", "++optimizer.learning_rate={_target_: keras.optimizers.schedules.ExponentialDecay}"],
        ["`schedule` must be constant where optimizer.learning_rate is a schedule of its own, got plateau"],
    ),
]


@pytest.mark.parametrize(("overrides", "messages"), TOGETHER, ids=[" ".join(row[0]) for row in TOGETHER])
def test_what_is_wrong_with_schedules_and_settings_that_contradict_each_other(
    overrides: list[str], messages: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(composed(*overrides))
    assert len(caught.value.problems) == len(messages)
    for problem, message in zip(caught.value.problems, messages, strict=True):
        assert problem.startswith(message)
        assert "; type e.g. " in problem


def test_a_schedule_is_checked_in_the_schema_of_its_option() -> None:
    for option in ("constant", "cosine", "one_cycle", "plateau"):
        assert settings(composed(f"schedule={option}")).schedule.name == option
    own = "++optimizer.learning_rate={_target_: keras.optimizers.schedules.ExponentialDecay}"
    assert settings(composed(own)).schedule.name == "constant"
    assert settings(composed("training.label_smoothing=0.1", "dataset.labels=onehot")).training.label_smoothing == 0.1
    with pytest.raises(ConfigCompositionException, match=r"schedule\.warmup"):
        composed("schedule=constant", "schedule.warmup=0.1")


def test_all_problems_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        settings(
            composed(*(row[0] for row in WRONG if not row[0].startswith(("objective=[", "optimizer.learning_rate=f"))))
        )
    assert len(caught.value.problems) == len(WRONG) - 3


@pytest.mark.parametrize(
    ("objective", "direction", "leading"),
    [
        ("val_accuracy", "maximize", "val_accuracy"),
        ("val_loss", "minimize", "val_loss"),
        ("parameters", "minimize", "val_accuracy"),
        (["parameters", "loss"], ["minimize", "minimize"], "loss"),
        (["val_accuracy", "fit_seconds"], ["maximize", "minimize"], "val_accuracy"),
    ],
)
def test_direction_and_best_epoch_follow_the_objective(objective: Any, direction: Any, leading: str) -> None:
    assert directions(objective) == direction
    assert leading_metric(objective) == leading
    assert check(objective) == []


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "conf/optimizer").glob("*.yaml")))
def test_every_optimizer_is_made_with_its_learning_rate(name: str) -> None:
    config = settings(composed(f"optimizer={name}", "optimizer.learning_rate=0.125"))
    optimizer = make_optimizer(config.optimizer)
    assert type(optimizer).__name__.lower() == name
    assert float(optimizer.get_config()["learning_rate"]) == 0.125
    again: Any = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert again.get_config() == optimizer.get_config()


def test_arguments_are_pythons_own() -> None:
    given = {"units": [64, {"deep": [1]}], "kinds": {"a": [1, 2]}, "how": {"_target_": "builtins.dict", "of": [1]}}
    made = make_arguments(given)
    assert made == {"units": [64, {"deep": [1]}], "kinds": {"a": [1, 2]}, "how": {"of": [1]}}
    assert [type(value) for value in (made["units"], made["units"][1], made["kinds"]["a"], made["how"]["of"])] == [
        list,
        dict,
        list,
        list,
    ]
    asked = make_arguments({"how": {"_target_": "builtins.dict", "_convert_": "none", "of": [1]}})
    assert isinstance(asked["how"]["of"], ListConfig)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "conf").glob("*/*.yaml")) + sorted((ROOT / "sweeps").glob("*/*.yaml")), ids=lambda p: p.stem
)
def test_every_option_file_says_what_it_is(path) -> None:
    lines = path.read_text().splitlines()
    comments = [line for line in lines[:3] if line.startswith("# ") and not line.startswith("# @package")]
    assert comments
    assert path.parent.parent.name != "sweeps" or any("python -m src.sweep" in line for line in lines)


def test_the_yaml_of_a_config_composes_to_the_same_config() -> None:
    config = settings(composed("model.filters=7"))
    again = OmegaConf.create(as_yaml(config))
    assert again.model.filters == 7
    assert again.training.epochs == config.training.epochs


@pytest.mark.parametrize("space", sorted(path.stem for path in (ROOT / "sweeps/space").glob("*.yaml")))
def test_a_space_searches_keys_that_exist_and_says_what_it_is_for(space: str) -> None:
    lines = (ROOT / f"sweeps/space/{space}.yaml").read_text().splitlines()
    assert lines[0].startswith("# @package hydra.sweeper")
    assert lines[1].startswith("# ")
    assert any(f"space=[{space}" in line for line in lines[:8])
    config = compose("config", [f"space=[{space}]"], return_hydra_config=True)
    options = {path.name for path in (ROOT / "conf").iterdir()}
    params = config.hydra.sweeper.params
    read = OverridesParser.create().parse_overrides([f"{key}={text}" for key, text in params.items()])
    assert any(override.is_sweep_override() for override in read)
    for key in params:
        group, _, name = key.rpartition(".")
        assert key in options or name in OmegaConf.select(config, group)
    assert set(config.hydra.sweeper.conditions) <= set(params)


def test_workers_elsewhere_get_the_settings_but_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.example.org")
    monkeypatch.delenv("PGPORT", raising=False)
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    for secret in ("http://user:se/cret@example.org", "https://token@example.org", "postgresql://h/d?password=secret"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", secret)
        found = for_workers("PGHOST", "PGPORT", "MLFLOW_TRACKING_URI")
        assert found == {"PGHOST": "db.example.org", "PYTHONPATH": f"{ROOT}{os.pathsep}/elsewhere"}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example.org:5000")
    assert for_workers("MLFLOW_TRACKING_URI")["MLFLOW_TRACKING_URI"] == "http://mlflow.example.org:5000"
