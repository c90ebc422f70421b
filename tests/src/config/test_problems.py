"""All that is wrong with a command is told at once, and nothing that only follows from it."""

from pathlib import Path

import pytest

from tests.helpers.command import run_inside


@pytest.mark.parametrize(
    ("overrides", "keys"),
    [
        (["optimizer=adma", "model.filtres=16"], ["optimizer", "model.filtres"]),
        (["training.epochs=0", "seed=abc"], ["seed", "training.epochs"]),
        (["x=1", "y=2", "dataset=mnits"], ["dataset", "x", "y"]),
        (["dataset=image_foldr", "dataset.path=photographs", "optimizer.lr=1"], ["dataset", "optimizer.lr"]),
        (["training.epochs=0", "training.epochs=3,"], [None]),  # which cannot be read at all
        (
            ["-m", "optimizer=adma", "model.filtres=16,32", "optimizer.beta=1,2", "training.epochs=0"],
            ["optimizer", "training.epochs", "model.filtres"],
        ),
        (
            ["-m", "seed=abc", "hydra.sweeper.n_jbs=2", "optimizer=adam,sdg"],
            ["seed", "hydra.sweeper.n_jbs", "optimizer"],
        ),
        pytest.param(  # a single run, which needs no sweeper
            ["hydra.sweeper.n_jbs=2", "training.epochs=0"],
            ["hydra.sweeper.n_jbs", "training.epochs"],
            marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_each_mistake_has_its_line(overrides: list[str], keys: list[str | None], tmp_path: Path) -> None:
    done = run_inside(["-m", "src.sweep", *overrides], tmp_path)
    assert done.returncode == 1
    assert not list(tmp_path.iterdir())
    lines = done.stderr.splitlines()
    assert len(lines) == len(keys), done.stderr
    for line, key in zip(lines, keys, strict=True):
        assert line.startswith(f"error: `{key}`" if key else "error: "), done.stderr
