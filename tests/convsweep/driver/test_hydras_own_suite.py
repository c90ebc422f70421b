"""Hydra's own integration tests for plugins, with this sweeper; what is left out stands beside its reason.

Of `hydra.test_utils.launcher_common_tests`, `IntegrationTestSuite` runs apps in processes and looks at what they write:
all of it applies. `LauncherTestSuite` and `BatchedSweeperTestSuite` look at the `JobReturn`s that a sweeper returns,
which live in workers here, and at batches, which there are none of: their cases stand below, looked at on the disk.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hydra.errors import HydraException
from hydra.test_utils import test_utils
from hydra.test_utils.launcher_common_tests import IntegrationTestSuite
from omegaconf import DictConfig, OmegaConf

from tests.helpers.command import run, run_inside

SWEEP = ["-m", "hydra/sweeper=convsweep"]
LAUNCHERS = [
    "basic",
    pytest.param("joblib", marks=pytest.mark.slow),
    pytest.param("submitit_local", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("task_launcher_cfg", [{}], ids=["app"])
@pytest.mark.parametrize("extra_flags", [[*SWEEP, "hydra/launcher=basic"]], ids=["basic"])
class TestBasic(IntegrationTestSuite):
    """The suite with the worker in the driver's process, and the driver in the tests' own."""

    @pytest.fixture(autouse=True)
    def inside(self):
        def call(command: list[str], env: dict[str, str]) -> None:
            done = run_inside(command[1:], Path.cwd())
            assert done.returncode == 0, done.stderr

        with mock.patch.object(test_utils.subprocess, "check_call", call):
            yield

    def generate_custom_cmd(self) -> Callable[..., list[str]]:
        return returning_a_value


@pytest.mark.slow
@pytest.mark.parametrize("task_launcher_cfg", [{}], ids=["app"])
@pytest.mark.parametrize(
    "extra_flags",
    [[*SWEEP, "hydra/launcher=joblib"], [*SWEEP, "hydra/launcher=submitit_local"]],
    ids=["joblib", "submitit_local"],
)
class TestWorkers(IntegrationTestSuite):
    """The suite with workers in processes of their own."""

    @pytest.fixture(autouse=True)
    def outside(self):
        def call(command: list[str], env: dict[str, str]) -> None:
            done = run(command[1:], Path.cwd())
            assert done.returncode == 0, done.stderr

        with mock.patch.object(test_utils.subprocess, "check_call", call):
            yield

    def generate_custom_cmd(self) -> Callable[..., list[str]]:
        return returning_a_value


def returning_a_value(command: list[str], filename: str) -> list[str]:
    """Let the suite's app return what is to be minimized, and forget a study of the same command, which is finished."""
    path = Path(command[1])
    shutil.rmtree(path.parent / "cli_dir", ignore_errors=True)
    path.write_text(path.read_text().replace("\nif __name__", "    return 0.0\n\nif __name__"))
    return command


def task(cfg: DictConfig) -> float:
    """Return what a study minimizes."""
    return 100.0


# The cases of LauncherTestSuite: config, job overrides, and each trial's overrides and config.
CASES: list[tuple[str, list[str], list[tuple[list[str], dict[str, Any]]]]] = [
    ("compose.yaml", [], [([], {"foo": 10, "bar": 100})]),
    ("compose", ["+a=0,1"], [(["+a=0"], {"foo": 10, "bar": 100, "a": 0}), (["+a=1"], {"foo": 10, "bar": 100, "a": 1})]),
    (
        "compose",
        ["group1=file1,file2"],
        [(["group1=file1"], {"foo": 10, "bar": 100}), (["group1=file2"], {"foo": 20, "bar": 100})],
    ),
    (
        "unspecified_mandatory_default",
        ["group1=file1,file2"],
        [(["group1=file1"], {"foo": 10}), (["group1=file2"], {"foo": 20})],
    ),
    (
        "db_conf.yaml",
        ["db=mysql,postgresql", "db.user=someone"],
        [
            (["db.user=someone", "db=mysql"], {"db": {"driver": "mysql", "password": "secret", "user": "someone"}}),
            (
                ["db.user=someone", "db=postgresql"],
                {"db": {"user": "someone", "driver": "postgresql", "password": "drowssap", "timeout": 10}},
            ),
        ],
    ),
    (
        "compose.yaml",
        ["group1=file1,file2", "bar=100,200,300"],
        [
            ([f"group1={name}", f"bar={bar}"], {"foo": foo, "bar": bar})
            for name, foo in (("file1", 10), ("file2", 20))
            for bar in (100, 200, 300)
        ],
    ),
]


@pytest.mark.usefixtures("hydra_restore_singletons")
@pytest.mark.parametrize("launcher", LAUNCHERS)
@pytest.mark.parametrize(
    ("config", "overrides", "expected"), CASES, ids=[" ".join(case[:1] + tuple(case[1])) for case in CASES]
)
def test_what_a_launcher_must_do_is_done_for_each_trial(
    hydra_sweep_runner: Any,
    tmp_path: Path,
    launcher: str,
    config: str,
    overrides: list[str],
    expected: list[tuple[list[str], dict[str, Any]]],
) -> None:
    folder = tmp_path / "sweep"
    sweep = runner(hydra_sweep_runner, folder, config, [*overrides, f"hydra/launcher={launcher}"])
    with sweep:
        assert OmegaConf.load(folder / "multirun.yaml").hydra.overrides.task == overrides
        for number, (typed, composed) in enumerate(expected):
            trial = folder / str(number)
            assert (trial / "a_module.log").exists()
            assert OmegaConf.load(trial / ".hydra/overrides.yaml") == typed
            assert OmegaConf.load(trial / ".hydra/config.yaml") == composed
            job = OmegaConf.load(trial / ".hydra/hydra.yaml").hydra.job
            assert (job.name, job.num) == ("a_module", number)
            assert job.id is not None
        assert not (folder / str(len(expected))).exists()


def runner(hydra_sweep_runner: Any, folder: Path, config: str, overrides: list[str]) -> Any:
    return hydra_sweep_runner(
        calling_file=None,
        calling_module="hydra.test_utils.a_module",
        task_function=task,
        config_path="configs",
        config_name=config,
        overrides=["hydra/sweeper=convsweep", "hydra.job.chdir=false", *overrides],
        temp_dir=folder,
        configure_logging=True,
    )


@pytest.mark.usefixtures("hydra_restore_singletons")
def test_hydras_own_keys_are_not_swept(hydra_sweep_runner: Any, tmp_path: Path) -> None:
    reason = "Sweeping over Hydra's configuration is not supported : 'hydra.verbose=true,false'"
    with (
        pytest.raises(HydraException, match=reason),
        runner(
            hydra_sweep_runner, tmp_path, "compose.yaml", ["+a=0,1", "hydra.verbose=true,false", "hydra/launcher=basic"]
        ),
    ):
        pass


@pytest.mark.usefixtures("hydra_restore_singletons")
def test_a_key_that_the_config_does_not_have(hydra_sweep_runner: Any, tmp_path: Path) -> None:
    sweep = runner(hydra_sweep_runner, tmp_path, "compose.yaml", ["boo=bar", "hydra/launcher=basic"])
    with pytest.raises(HydraException, match="boo"), sweep:
        pass


@pytest.mark.usefixtures("hydra_restore_singletons")
def test_an_apps_own_resolver_that_is_registered_late(hydra_sweep_runner: Any, tmp_path: Path) -> None:
    from convsweep import current_trial

    def seen(cfg: DictConfig) -> float:
        trial = current_trial()
        assert trial is not None
        trial.set_attr("x", cfg.x)
        return 1.0

    sweep = runner(hydra_sweep_runner, tmp_path, "custom_resolver", ["hydra/launcher=basic"])
    sweep.task_function = seen
    OmegaConf.register_new_resolver("my_custom_resolver", lambda: "foo", replace=True)
    with sweep:
        assert '"x":"foo"' in (tmp_path / "journal.log").read_text()
    OmegaConf.clear_resolver("my_custom_resolver")
