"""Conditions, custom spaces, configurations to try first and earlier studies, from the command line."""

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial

from convsweep.errors import UserError
from convsweep.space.conditions import restrict
from convsweep.space.grammar import parse
from convsweep.study.queue import fill
from convsweep.study.warm_start import find_earlier
from src.config import register
from tests.helpers.command import ROOT, run_inside, toy, trials
from tests.helpers.spaces import chain, study_of


def test_conditions_in_a_sweep(tmp_path: Path) -> None:
    command = ["group=low,high", "y=1,2,3", "++hydra.sweeper.conditions={y:'group=high'}"]
    done = toy(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    assert "group {low, high}  y {1, 2, 3} if group=high" in done.stdout
    found = trials(tmp_path)
    assert [t.params for t in found] == [{"group": "low"}, *({"group": "high", "y": y} for y in (1, 2, 3))]
    assert [t.user_attrs["seen"]["y"] for t in found] == [None, 1, 2, 3]


@pytest.mark.slow
def test_conditions_are_part_of_what_a_study_is(tmp_path: Path) -> None:
    command = ["group=low,high", "y=1,2,3", "++hydra.sweeper.conditions={y:'group=high'}"]
    assert [toy(tmp_path, *command).returncode for _ in range(2)] == [0, 0]
    assert len(trials(tmp_path)) == 4
    refused = toy(tmp_path, *command[:2], "++hydra.sweeper.conditions={y:'gruop=high'}", "hydra.sweeper.n_trials=0")
    assert "did you mean group?" in refused.stderr
    assert "`hydra.sweeper.n_trials` must be 1 or more" in refused.stderr
    other = toy(tmp_path, *command[:2], "++hydra.sweeper.conditions={y:'group=low'}")
    assert other.returncode == 1
    assert "if group=high" in other.stderr


def test_the_architecture_space_suits_several_architectures() -> None:
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("config", ["space=[architecture]"], return_hydra_config=True)
    sweeper: Any = OmegaConf.to_container(OmegaConf.masked_copy(config.hydra.sweeper, ["params", "conditions"]))

    def sizes(*models: str) -> list[int | None]:
        searched = (parse([f"model={model}"], sweeper["params"]) for model in models)
        options = ["cnn", "mlp", "vgg", "resnet"]
        known = (
            restrict(found, sweeper["conditions"], lambda _: config, None, lambda _: options) for found in searched
        )
        return [found.size for found in known]

    assert sizes("cnn,resnet", "cnn,mlp", "vgg,resnet") == [4 * (36 + 1), 4 * (36 + 9), 4 * 2]


def custom_study(folder: Path, name: str, *budgets: int) -> list[FrozenTrial]:
    for n_trials in budgets:
        done = toy(
            folder, "x=interval(-2,2)", "hydra.sweeper.custom_search_space=tests.helpers.toy.search.near_x",
            "hydra.sweeper.sampler.n_startup_trials=3",
            f"hydra.sweeper.study_name={name}", f"hydra.sweeper.n_trials={n_trials}",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "custom_search_space tests.helpers.toy.search.near_x" in done.stdout
    return trials(folder, name)


def test_a_custom_space_suggests_more(tmp_path: Path) -> None:
    found = custom_study(tmp_path, "whole", 3)
    assert all(abs(t.params["x"] - t.params["y"]) <= 0.5 for t in found)
    assert {t.params["x"] > 0 for t in found} == {("+extra" in t.params) for t in found} == {True, False}
    for trial in found:
        seen = trial.user_attrs["seen"]
        assert (seen["y"], seen.get("extra")) == (trial.params["y"], trial.params.get("+extra"))


@pytest.mark.slow
def test_a_custom_space_resumes_as_if_unbroken(tmp_path: Path) -> None:
    whole = custom_study(tmp_path, "whole", 6)
    assert [t.params for t in custom_study(tmp_path, "broken", 4, 6)] == [t.params for t in whole]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("tests.helpers.toy.search.near_y", "got tests.helpers.toy.search.near_y: "),
        ("no_such_module.configure", "No module named 'no_such_module'"),
        (".search.near_x", "got .search.near_x"),
        ("__main__.no_such_function", "got __main__.no_such_function: "),
        ("tests.helpers.toy.search.not_a_function", "it is 3, which cannot be called"),
    ],
)
def test_a_wrong_path_is_refused_beforehand(tmp_path: Path, path: str, message: str) -> None:
    done = toy(tmp_path, "x=1,2", f"hydra.sweeper.custom_search_space={path}", "hydra.sweeper.n_trials=0")
    assert done.returncode == 1
    assert "`hydra.sweeper.custom_search_space` must be the dotted path of a function" in done.stderr
    assert message in done.stderr
    assert "`hydra.sweeper.n_trials` must be" in done.stderr
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_what_goes_wrong_in_a_custom_space_fails_the_trial(tmp_path: Path) -> None:
    custom = "hydra.sweeper.custom_search_space=tests.helpers.toy.search."
    done = toy(tmp_path, "x=-1,1", f"{custom}takes_no_positive", "hydra.sweeper.n_trials=2")
    assert done.returncode == 0, done.stderr
    failed = next(t for t in trials(tmp_path) if t.params["x"] == 1)
    assert failed.user_attrs["error"] == "ValueError: no positive x, please"
    assert "search.py" in failed.user_attrs["traceback"]
    assert "every combination" not in done.stdout


@pytest.mark.slow
def test_a_custom_space_that_suggests_a_fixed_key_fails_the_trial(tmp_path: Path) -> None:
    custom = "hydra.sweeper.custom_search_space=tests.helpers.toy.search."
    fixed = [
        "x=1,2",
        "steps=2",
        f"{custom}suggests_fixed",
        "hydra.sweeper.study_name=fixed",
        "hydra.sweeper.n_trials=1",
    ]
    assert "must not suggest what the command line fixes, got steps" in toy(tmp_path, *fixed).stdout


def test_enqueue_in_a_sweep(tmp_path: Path) -> None:
    enqueue = "hydra.sweeper.enqueue=[{x:0.5,group:high},{group:low}]"
    command = ["x=interval(-5,5)", "group=low,high", enqueue]
    done = toy(tmp_path, *command, "hydra.sweeper.n_trials=3")
    assert done.returncode == 0, done.stderr
    found = trials(tmp_path)
    assert [found[0].params, found[1].params["group"], len(found)] == [{"x": 0.5, "group": "high"}, "low", 3]
    refused = toy(tmp_path, "x=interval(-5,5)", "hydra.sweeper.enqueue=[{x:0.5},{x:7}]")
    assert "`hydra.sweeper.enqueue[1].x` must be in -5..5, got 7" in refused.stderr


def test_warm_start_from_in_sweeps(tmp_path: Path) -> None:
    first = ["x=interval(-5,5)", "hydra.sweeper.study_name=first", "hydra.sweeper.n_trials=2"]
    assert toy(tmp_path, *first).returncode == 0
    best = min(trials(tmp_path, "first"), key=lambda trial: trial.value or 0.0)
    warm = ["x=interval(-5,5)", "hydra.sweeper.warm_start_from=first", "hydra.sweeper.n_trials=2"]
    done = toy(tmp_path, *warm)
    assert done.returncode == 0, done.stderr
    found = trials(tmp_path)
    assert [t.number for t in found] == [0, 1]
    assert found[0].params == best.params
    assert all(t.params != best.params for t in found[1:])
    refused = toy(tmp_path, *warm, "hydra.sweeper.study_name=third", "hydra.sweeper.warm_start_from=[first,frist]")
    assert refused.returncode == 1
    expected = "`hydra.sweeper.warm_start_from` must name earlier studies, got frist; there are first, toy; did you"
    assert expected in refused.stderr
    assert not (tmp_path / "multirun/third").exists()


@pytest.mark.slow
def test_earlier_studies_in_the_same_database(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/studies.db"
    earlier = study_of(chain(), storage=storage, study_name="earlier")
    assert [s.study_name for s in find_earlier("earlier", storage, tmp_path / "new", "new")] == ["earlier"]
    with pytest.raises(UserError, match="got other; there are earlier"):
        find_earlier(["other"], storage, tmp_path / "new", "new")
    assert find_earlier(None, storage, tmp_path / "new", "new") == []
    fill(earlier, chain(), 1)
    assert find_earlier("gone", storage, tmp_path / "new", "earlier") == []


@pytest.mark.slow
def test_an_interval_for_a_whole_number_says_how_to_draw_those(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from dataclasses import dataclass\n"
        "import hydra\n"
        "from hydra.core.config_store import ConfigStore\n"
        "@dataclass\n"
        "class Typed:\n"
        "    width: int = 1\n"
        "ConfigStore.instance().store('of_a_typed_width', Typed)\n"
        "@hydra.main(version_base='1.3', config_path=None, config_name='of_a_typed_width')\n"
        "def main(cfg):\n"
        "    return cfg.width\n"
        "main()\n"
    )
    command = ["app.py", "-m", "hydra/sweeper=convsweep", "hydra/launcher=basic", "hydra.sweeper.n_trials=2"]
    refused = run_inside([*command, "width=tag(log,interval(1.5,9))"], tmp_path)
    expected = "`width` must be a whole number, got any from 1.5 to 9; type 'width=int(tag(log,interval(2,9)))'"
    assert refused.stderr == f"error: {expected}\n"
    done = run_inside([*command, "width=int(tag(log,interval(2,9)))"], tmp_path)
    assert done.returncode == 0, done.stderr
