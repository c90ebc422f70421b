"""The architecture, read off the imports: who may know what, and what must stay quick."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import ROOT

# The rooms of src/ in the order in which data flows; a room imports only those before it.
ROOMS = [
    "process",
    "config",
    "dataset",
    "augmentation",
    "model",
    "training",
    "evaluation",
    "tracking",
    "report",
    "recording",
]
# The entry, and the two modules that bring the rooms together: a trial's steps, and a study's.
ENTRY = ["sweep.py", "trial.py", "study.py"]


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports, at its top or inside functions, type hints' apart."""
    found: set[str] = set()
    for node in ast.walk(_without_type_checking(ast.parse(path.read_text()))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _without_type_checking(tree: ast.Module) -> ast.Module:
    tree.body = [n for n in tree.body if not (isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test))]
    return tree


def knows(path: Path, *packages: str) -> bool:
    return any(name.split(".")[0] in packages for name in imports(path))


SOURCES = sorted((ROOT / "src").rglob("*.py"))
PLUGIN = sorted((ROOT / "hydra_plugins").rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_file_keeps_within_its_fences(path: Path) -> None:
    inside = path.relative_to(ROOT / "src")
    room = inside.parts[0] if len(inside.parts) > 1 else None
    assert not knows(path, "optuna"), "Optuna is the sweeper's"
    assert room == "tracking" or not knows(path, "mlflow"), "MLflow is src/tracking's"
    assert room in (None, "config") or not knows(path, "hydra", "omegaconf"), "Hydra ends at the config"
    assert room is None or not knows(path, "hydra_plugins"), "only the entry meets the sweeper"
    if room is not None:
        later = ROOMS[ROOMS.index(room) + 1 :]
        wrong = [name for name in imports(path) if name.startswith("src.") and name.split(".")[1] in later]
        assert not wrong, f"{room} comes before {wrong}"


@pytest.mark.parametrize("path", PLUGIN, ids=lambda path: path.name)
def test_the_plugin_knows_nothing_of_the_application(path: Path) -> None:
    assert not knows(path, "src", "keras", "tensorflow", "mlflow", "matplotlib")


def test_rooms_are_all_there() -> None:
    rooms = {path.name for path in (ROOT / "src").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms == set(ROOMS)


@pytest.mark.parametrize("path", [ROOT / "src/sweep.py"], ids=["src/sweep.py"])
def test_the_entry_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 60


HEAVY = ["tensorflow", "keras", "mlflow", "matplotlib", "sklearn"]


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--cfg", "job"], ["training.epochs=0"], ["-m", "optimizer=adam,sdg"], ["-m", "training.epochs=0,1"]],
    ids=" ".join,
)
def test_nothing_heavy_is_imported_on_the_way_to_help_or_an_error(arguments: list[str], tmp_path: Path) -> None:
    code = (
        "import atexit, runpy, sys\n"
        f"atexit.register(lambda: print('HEAVY', sorted(set(sys.modules) & set({HEAVY}))))\n"
        f"sys.argv = ['sweep', *{arguments}]\n"
        "runpy.run_module('src.sweep', run_name='__main__', alter_sys=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert "HEAVY []" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_driver_of_a_parallel_sweep_imports_no_tensorflow() -> None:
    code = (
        "import sys\n"
        "import convsweep.driver, src.recording, src.sweep\n"
        "import src.tracking, src.report, optuna\n"
        "print(sorted(set(sys.modules) & {'tensorflow', 'keras'}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
