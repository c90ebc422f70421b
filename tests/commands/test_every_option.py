"""Every option file trains from the command line: what only a composed config shows, a list of OmegaConf's for one."""

from pathlib import Path

import pytest

from tests.helpers.command import ROOT, run_inside, trials

FEW = ["dataset.limit=120", "training.epochs=2", "training.batch_size=16", "hydra/launcher=basic"]
XLA, MIXED = ["training.jit_compile=true"], ["augmentation.mixup=0.2", "dataset.labels=onehot"]
FEW += ["hydra.sweeper.study_name=options"]


def options(group: str, *without: str) -> list[str]:
    return sorted(path.stem for path in (ROOT / "conf" / group).glob("*.yaml") if path.stem not in without)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "without", "more"),
    [
        ("optimizer", (), ["model=mlp"]),
        ("schedule", (), ["model=mlp", "optimizer=sgd"]),
        ("augmentation", (), ["model=mlp"]),
        ("augmentation", ("none", "flip", "shift"), ["model=mlp", "augmentation.rand_augment=0.3", *XLA]),
        ("augmentation", ("flip", "shift", "strong"), ["model=mlp", *MIXED, *XLA]),
        # Two want a function, and weights; they have tests of their own.
        ("model", ("custom", "pretrained"), ["model.filters=4"]),
    ],
)
def test_every_option_trains(group: str, without: tuple[str, ...], more: list[str], tmp_path: Path) -> None:
    names = options(group, *without)
    done = run_inside(["-m", "src.sweep", "-m", f"{group}={','.join(names)}", *more, *FEW], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    ended = {trial.params[group]: trial.state.name for trial in trials(tmp_path, "options")}
    assert ended == dict.fromkeys(names, "COMPLETE")
