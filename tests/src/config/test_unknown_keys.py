"""A key that no part of the program reads is refused in the typed groups, whichever way it came in."""

from pathlib import Path

import pytest

from src.config.optimizer import arguments
from tests.helpers.command import run_inside

REFUSED = [
    ("+training.early_stoping=3", "did you mean early_stopping?"),
    ("++training.early_stoping=3", "did you mean early_stopping?"),
    ("+training.class_wieght=none,balanced", "did you mean class_weight?"),
    ("+hydra.sweeper.params.training.epcohs='1,2'", "`training.epcohs` does not exist"),
    ("+dataset.resize=pad", "`dataset.resize` does not exist; dataset has name, path,"),
    ("+model.kernel=3,5", "`model.kernel` does not exist; model has name, filters,"),
    ("+model={kernel:3}", "`model.kernel` does not exist"),
    ("+augmentation.rotation=3", "did you mean rotation_range?"),
    ("+schedule.warmup=0.1", "`schedule.warmup` does not exist; schedule has name"),
    ("+evaluation.tset=true", "did you mean test?"),
    ("+tracking.experiement=x", "did you mean experiment?"),
    ("+optimizer.momentum=0.9", "`optimizer.momentum` does not exist; optimizer has learning_rate, beta_1,"),
    ("+optimizer.clip_norm=1", "did you mean clipnorm?"),
    ("optimizer._target_=keras.optimizers.Adm", "`optimizer._target_`: Keras has no optimizer Adm; it has Adadelta,"),
    ("~optimizer", "`optimizer` must have a `_target_`"),
    ("+hydra.sweeper.patiense=3", "did you mean patience?"),
    ("+hydra.sweeper.scheduler.min_resorce=3", "did you mean min_resource?"),
    ("+more=file", "`training.from_a_file` does not exist, in more/file.yaml; training has epochs"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("override", "message"),
    [pytest.param(*row, marks=pytest.mark.slow if i % 3 else (), id=row[0]) for i, row in enumerate(REFUSED)],
)
def test_an_unknown_key_is_refused_before_anything_starts(tmp_path: Path, override: str, message: str) -> None:
    (tmp_path / "own/more").mkdir(parents=True)
    (tmp_path / "own/more/file.yaml").write_text("# @package _global_\ntraining: {from_a_file: 1}\n")
    done = run_inside(["-m", "src.sweep", "--config-dir", "own", "-m", "seed=1,2", override], tmp_path)
    assert done.returncode == 1
    (problem,) = done.stderr.splitlines()
    assert message in problem
    assert not (tmp_path / "multirun").exists()


def test_what_is_refused_with_one_plus_is_refused_in_a_single_run(tmp_path: Path) -> None:
    done = run_inside(["-m", "src.sweep", "+training.early_stoping=3", "++dataset.resize=pad"], tmp_path)
    assert done.returncode == 1
    assert [line.split(" does not")[0] for line in done.stderr.splitlines()] == [
        "error: `dataset.resize`", "error: `training.early_stoping`",
    ]  # fmt: skip


def test_arguments_of_every_optimizer_are_those_of_its_class() -> None:
    import keras

    for name in ("Adam", "AdamW", "Nadam", "Adamax", "RMSprop", "SGD", "Adagrad", "Adadelta", "Lion"):
        made = getattr(keras.optimizers, name)()
        assert set(made.get_config()) <= set(arguments(f"keras.optimizers.{name}"))
    assert arguments("my.package.Optimizer") == arguments("keras.optimizers.Nothing") == []
