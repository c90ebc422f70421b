"""Configs written for the official Optuna sweeper, with no more than the sweeper's name changed."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from convsweep.errors import UserError
from convsweep.sampling.instantiate import make_sampler
from tests.helpers.command import run_inside

APP = """
import hydra

@hydra.main(version_base="1.3", config_path=".", config_name="config")
def sphere(cfg):
    return cfg.x**2 + cfg.y**2 + cfg.get("w", 0)

def configure(cfg, trial):
    trial.suggest_float("z", trial.params["x"] - cfg.spread, trial.params["x"] + cfg.spread)
    trial.suggest_float("+w", 0.0, 1.0)

if __name__ == "__main__":
    sphere()
"""

# As the documentation of the official sweeper shows it: version 1.2's arguments of TPE, some deprecated in Optuna 5.
SPHERE = """
defaults:
  - override hydra/sweeper: optuna
hydra:
  sweeper:
    sampler:
      _target_: optuna.samplers.TPESampler
      seed: 123
      consider_prior: true
      prior_weight: 1.0
      consider_magic_clip: true
      consider_endpoints: false
      n_startup_trials: 10
      n_ei_candidates: 24
      multivariate: false
      warn_independent_sampling: true
    direction: minimize
    storage: null
    study_name: sphere
    n_trials: 20
    n_jobs: 1
    max_failure_rate: 0.0
    params:
      x: range(-5.5,5.5,step=0.5)
      y: choice(-5,0,5)
x: 1
y: 1
z: 100
spread: 0.5
"""


def sweep(folder: Path, config: str, *overrides: str) -> dict[str, Any]:
    """Run the app with the sweeper's name changed; return what `optimization_results.yaml` says."""
    (folder / "sphere.py").write_text(APP)
    (folder / "config.yaml").write_text(config.replace("hydra/sweeper: optuna", "hydra/sweeper: convsweep"))
    done = run_inside([str(folder / "sphere.py"), "-m", *overrides], folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    (path,) = folder.rglob("optimization_results.yaml")
    return yaml.safe_load(path.read_text())


@pytest.mark.slow
def test_the_documented_example(tmp_path: Path) -> None:
    results = sweep(tmp_path, SPHERE, "hydra.sweeper.n_trials=4")
    assert set(results["best_params"]) == {"x", "y"}
    assert results["best_value"] == results["best_params"]["x"] ** 2 + results["best_params"]["y"] ** 2
    assert sorted(int(path.name) for path in tmp_path.glob("multirun/*/*/[0-9]*")) == list(range(4))


def test_the_official_class_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "sphere.py").write_text(APP)
    config = SPHERE.replace("hydra/sweeper: optuna", "hydra/sweeper: convsweep")
    target = "_target_: hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"
    (tmp_path / "config.yaml").write_text(config.replace("    sampler:", f"    {target}\n    sampler:"))
    done = run_inside([str(tmp_path / "sphere.py"), "-m", "hydra/launcher=basic"], tmp_path)
    assert done.returncode == 1
    (problem,) = done.stderr.splitlines()
    assert "`hydra.sweeper._target_` is the official sweeper's class" in problem
    assert "take the line out" in problem
    assert not (tmp_path / "multirun").exists()


@pytest.mark.parametrize("typed", [[], ["hydra/sweeper=optuna"]], ids=["config", "typed"])
def test_the_official_option_is_told_what_to_type_instead(tmp_path: Path, typed: list[str]) -> None:
    (tmp_path / "sphere.py").write_text(APP)
    (tmp_path / "config.yaml").write_text(SPHERE.replace("sweeper: optuna", "sweeper: convsweep") if typed else SPHERE)
    done = run_inside([str(tmp_path / "sphere.py"), "-m", *typed, "hydra.sweeper.n_jobs=0"], tmp_path)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.startswith("error: `hydra/sweeper` must be convsweep, got optuna, the official sweeper, which is not ")
    assert "type hydra/sweeper=convsweep" in first
    assert second.startswith("error: `hydra.sweeper.n_jobs` must be 1 or more")
    assert not (tmp_path / "multirun").exists()


def test_keys_that_are_written_otherwise_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "sphere.py").write_text(APP)
    config = yaml.safe_load(SPHERE.replace("sweeper: optuna", "sweeper: convsweep"))
    config["hydra"]["sweeper"]["storage"] = {"_target_": "optuna.storages.RDBStorage", "url": "sqlite:///sphere.db"}
    config["hydra"]["sweeper"]["search_space"] = {"z": {"type": "int", "low": 1, "high": 9}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    done = run_inside([str(tmp_path / "sphere.py"), "-m"], tmp_path)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.startswith("error: `hydra.sweeper.search_space` is no key")
    assert first.endswith("write under params: z: 'range(1, 10)'")
    assert second.startswith("error: `hydra.sweeper.storage` must be a path or an address")
    assert second.endswith("type hydra.sweeper.storage=sqlite:///sphere.db")


@pytest.mark.slow
def test_the_documented_custom_search_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))  # where `python sphere.py` looks for modules
    custom = "hydra.sweeper.custom_search_space=sphere.configure"
    results = sweep(tmp_path, SPHERE, custom, "hydra.sweeper.n_trials=2")
    assert set(results["best_params"]) == {"x", "y", "z", "+w"}


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "random", "cmaes", "nsgaii", "grid", "qmc", "nsgaiii"])
def test_the_options_for_samplers(tmp_path: Path, sampler: str) -> None:
    config = yaml.safe_load(SPHERE)
    config["defaults"].append({"override hydra/sweeper/sampler": sampler})
    config["hydra"]["sweeper"]["sampler"] = {"seed": 123}
    assert sweep(tmp_path, yaml.safe_dump(config), "hydra.sweeper.n_trials=4")["best_value"] >= 0


ARGUMENTS = [
    {"_target_": "CmaEsSampler", "x0": None, "sigma0": None, "restart_strategy": None, "inc_popsize": 2},
    {"_target_": "NSGAIISampler", "mutation_prob": None, "crossover_prob": 0.9, "constraints_func": None},
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=lambda row: row["_target_"])
def test_arguments_that_the_official_options_set(arguments: dict[str, Any]) -> None:
    made = make_sampler(OmegaConf.create({**arguments, "_target_": f"optuna.samplers.{arguments['_target_']}"}), 0, 0)
    assert type(made).__name__ == arguments["_target_"]


GONE = [
    ({"_target_": "optuna.samplers.MOTPESampler"}, "did you mean TPESampler?"),
    (
        {"_target_": "optuna.samplers.CmaEsSampler", "restart_strategy": "ipop"},
        "restart_strategy` must be null, got ipop",
    ),
    ({"_target_": "nowhere.Sampler"}, "which cannot be imported: No module named 'nowhere'"),
    (
        {"_target_": "optuna.samplers.TPESampler", "n_ehvi_candidates": 24},
        "`hydra.sweeper.sampler.n_ehvi_candidates` is no argument of optuna.samplers.TPESampler",
    ),
    ({"_target_": "optuna.samplers.GridSampler", "_partial_": True}, "type e.g. hydra/sweeper/sampler=tpe, or =grid"),
]


@pytest.mark.parametrize(("sampler", "message"), GONE, ids=[str(row[0]) for row in GONE])
def test_what_optuna_no_longer_has_is_named(sampler: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        make_sampler(OmegaConf.create(sampler), 0, 0)
    assert message in str(caught.value)
