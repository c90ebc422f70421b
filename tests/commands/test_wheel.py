"""The wheel in an environment of its own: the engine serves any Hydra app, without the application's packages."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
UV = str(Path(sys.executable).parent / "uv")
SHIPPED = ("pyproject.toml", "README.md", "LICENSE", "convsweep", "hydra_plugins")


def uv(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run uv on what its cache has, else on the network."""
    for more in (["--offline"], []):
        done = subprocess.run([UV, *map(str, arguments), *more], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
    return done


def bare() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, and install it with its own dependencies alone; return the environment's Python."""
    if not Path(UV).exists():
        pytest.skip("uv is not in this environment: make venv")
    folder = tmp_path_factory.mktemp("wheel")
    for name in SHIPPED:
        source, target = ROOT / name, folder / "project" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
    built = uv("build", "--wheel", "--no-build-isolation", "--python", sys.executable, folder / "project")
    assert built.returncode == 0, built.stderr
    [wheel] = (folder / "project/dist").glob("convsweep-*.whl")
    python = folder / "environment/bin/python"
    assert uv("venv", "--python", sys.executable, folder / "environment").returncode == 0
    installed = uv("pip", "install", "--python", python, "-c", ROOT / "requirements.lock", wheel)
    if installed.returncode:
        reached = "Failed to fetch" not in installed.stderr and "network" not in installed.stderr
        assert reached is False, installed.stderr
        pytest.skip(f"neither uv's cache nor the network has the dependencies: {installed.stderr.splitlines()[-1]}")
    return python


@pytest.fixture
def app(environment: Path, tmp_path: Path):
    """Return a function that runs examples/minimal, copied to a folder outside the checkout."""
    shutil.copytree(ROOT / "examples/minimal", tmp_path, dirs_exist_ok=True)

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(environment), "app.py", *arguments],
            cwd=tmp_path,
            env=bare(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


def test_hydra_finds_the_sweeper_once(app) -> None:
    done = app("--info", "plugins")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ConvsweepSweeper") == 1


def test_the_command_of_the_application_says_where_that_is(environment: Path) -> None:
    done = subprocess.run(
        [environment.with_name("convsweep"), "sweep"], env=bare(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("error: this is the engine alone") and "make venv" in line


@pytest.mark.parametrize("checkout", [{}, {"PYTHONPATH": str(ROOT)}], ids=["wheel", "checkout"])
def test_a_study_of_an_app_is_shown_and_reported(
    environment: Path, app, tmp_path: Path, checkout: dict[str, str]
) -> None:
    """Also where the application lies beside it, as in an editable installation, without the packages that it needs."""
    assert app("-m", "x=1,2", "hydra.sweeper.study_name=mine").returncode == 0
    for words, begin in (
        (["status", "mine"], "study    mine: minimize"),
        (["report", "mine"], "error: the report needs"),
    ):
        done = subprocess.run(
            [environment, "-m", "convsweep", *words],
            cwd=tmp_path,
            env=bare() | checkout,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stdout + done.stderr).startswith(begin)


@pytest.mark.parametrize("options", [[], ["hydra/sweeper/scheduler=asha"], ["hydra/launcher=basic"]])
def test_a_search_needs_nothing_but_the_wheel(app, options: list[str]) -> None:
    done = app("-m", "x=interval(-5,5)", "hydra.sweeper.n_trials=6", "hydra.sweeper.n_jobs=2", *options)
    assert done.returncode == 0, done.stderr
    assert "failed" not in done.stdout
    assert "best" in done.stdout


@pytest.mark.parametrize(
    ("option", "package"),
    [
        ("hydra/sweeper/sampler=cmaes", "cmaes"),
        ("hydra/sweeper/sampler=gp", "torch"),
        ("hydra/sweeper/sampler=cqr", "scikit-learn"),
        ("hydra.sweeper.storage=postgresql+psycopg://", "'psycopg[binary]'"),
        ("hydra.sweeper.storage=mysql+pymysql://user@host/name", "pymysql"),
        ("hydra.sweeper.storage=grpc://localhost:13000", "grpcio protobuf"),
    ],
)
def test_what_needs_another_package_says_how_to_install_it(app, option: str, package: str) -> None:
    done = app("-m", "x=interval(-5,5)", "hydra.sweeper.n_trials=3", option)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "; type uv pip install --python " in line
    assert line.endswith(f"python {package}")


def test_a_study_is_looked_at_and_what_needs_more_says_so(environment: Path, tmp_path: Path) -> None:
    code = (
        "import optuna\n"
        "from pathlib import Path\n"
        "from convsweep import open_study\n"
        "from convsweep.errors import UserError\n"
        "from convsweep.report import page\n"
        "from convsweep.storage import open_storage\n"
        "assert all((page.HERE / f'page.{kind}').exists() for kind in ('html', 'css', 'js'))\n"
        "storage = open_storage(None, Path('multirun/s'))\n"
        "optuna.create_study(storage=storage, study_name='s').add_trial(optuna.create_trial(value=1.0))\n"
        "study = open_study('s')\n"
        "print(study.best_params, study.findings().compared)\n"
        "for ask in (study.trials, study.figures, study.report):\n"
        "    try:\n"
        "        ask()\n"
        "    except UserError as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run(
        [environment, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == "{} 1"
    assert [line.partition("; type ")[0] for line in said[1:]] == [
        "a table of trials needs the package pandas", "a figure needs the package plotly",
        "the report needs the package plotly",
    ]  # fmt: skip
