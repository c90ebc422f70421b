"""The architecture, read off the imports: who may know what, and what must stay quick.

A new room, or an arrow that is not in these tables, means a changed table here, on purpose; see docs/design.md.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.command import ROOT

# The engine's rooms, and what each may import besides itself.
GROUND = {"errors", "config", "intervals"}
BELOW_STUDY = GROUND | {"space", "policy", "storage"}
ENGINE = {
    "errors": set(),
    "config": set(),
    "intervals": set(),
    "space": GROUND,
    "policy": GROUND,
    "storage": GROUND,
    "study": BELOW_STUDY,
    "sampling": BELOW_STUDY | {"study"},
    "insight": BELOW_STUDY | {"study"},
    "display": BELOW_STUDY | {"study", "insight"},
    "report": BELOW_STUDY | {"study", "insight", "display"},
    "workers": BELOW_STUDY | {"study", "sampling", "display"},
    "replay": BELOW_STUDY | {"study", "sampling", "display", "workers"},
    "driver": BELOW_STUDY | {"study", "insight", "sampling", "display", "workers"},
    "keras": {"workers"},
    "__main__": {"errors", "report"},
}
# What knows Keras, so that the others need not: a script's one callback.
KNOWS_KERAS = {"convsweep/keras.py"}
# The rooms of src/ in the order in which data flows; a room imports only those before it.
ROOMS = [
    "process", "config", "dataset", "augmentation", "model", "training", "evaluation", "tracking", "report",
    "recording", "deployment", "finalizing",
]  # fmt: skip
# At the root of src/ stand the commands that a user types, the table of contents of a trial, and its folds.
COMMANDS = {
    "sweep.py", "finalize.py", "status.py", "simulate.py", "proxy.py", "ui.py", "predict.py", "export.py",
    "reproduce.py", "compare.py",
}  # fmt: skip
# One that has the name of a room, and stands in it.
COMMANDS_IN_ROOMS = {"src/report/__main__.py"}
ROOT_FILES = COMMANDS | {
    "again.py",
    "trial.py",
    "preload.py",
    "fold.py",
    "search.py",
    "final_model.py",
    "__init__.py",
    "__main__.py",
    "console.py",
    "completion.py",
}
# Where the application meets the engine, beside its commands and the trial.
MEETS_ENGINE = {"recording", "deployment", "finalizing"}
# Whose checkpoints are those of the engine's callback.
MEETS_CALLBACK = {"src/training/checkpoint.py"}
# Who words mistakes, how sure a number is and whose a file is as the engine does, and knows the keys of hydra.sweeper.
MEETS_GROUND = {"config", "model", "evaluation"}

SOURCES = sorted((ROOT / "src").rglob("*.py"))
MODULES = sorted((ROOT / "convsweep").rglob("*.py"))
DOOR = sorted((ROOT / "hydra_plugins").rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports, at its top or inside functions, type hints' apart."""
    found: set[str] = set()
    for node in ast.walk(_without_type_checking(ast.parse(path.read_text()))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports say from where"
            found |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _without_type_checking(tree: ast.Module) -> ast.Module:
    tree.body = [n for n in tree.body if not (isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test))]
    return tree


def knows(path: Path, *packages: str) -> bool:
    return any(name.split(".")[0] in packages for name in imports(path))


def rooms_of(path: Path, package: str) -> set[str]:
    """Return the rooms of a package that a file imports from."""
    there = {file.stem for file in (ROOT / package).iterdir() if file.suffix == ".py" or file.is_dir()}
    names = [name.split(".") for name in imports(path) if name.startswith(f"{package}.")]
    return {parts[1] for parts in names if parts[1] in there}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_room_of_the_engine_imports_only_what_stands_below_it(path: Path) -> None:
    assert not knows(path, "src", "hydra_plugins", "tensorflow", "mlflow", "matplotlib")
    assert named(path) in KNOWS_KERAS or not knows(path, "keras")
    inside = path.relative_to(ROOT / "convsweep")
    if inside == Path("__init__.py"):
        return  # what a user imports
    room = inside.parts[0].removesuffix(".py")
    wrong = rooms_of(path, "convsweep") - ENGINE[room] - {room}
    assert not wrong, f"{room} may not import {wrong}"


def test_the_rooms_of_the_engine_are_all_there() -> None:
    there = {path.stem for path in (ROOT / "convsweep").iterdir() if path.name not in ("__init__.py", "__pycache__")}
    assert there == set(ENGINE)


@pytest.mark.parametrize("path", [p for p in MODULES if p.name == "__init__.py"], ids=named)
def test_each_room_says_what_it_answers(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", DOOR, ids=named)
def test_the_door_knows_nothing_but_the_engine(path: Path) -> None:
    assert not knows(path, "src", "optuna", "keras", "tensorflow", "mlflow", "matplotlib")
    assert {file.stem for file in (ROOT / "hydra_plugins/hydra_convsweep").glob("*.py")} == {"__init__", "sweeper"}


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_source_file_keeps_within_its_fences(path: Path) -> None:
    inside = path.relative_to(ROOT / "src")
    room = inside.parts[0] if len(inside.parts) > 1 and named(path) not in COMMANDS_IN_ROOMS else None
    assert not knows(path, "optuna"), "Optuna is the engine's"
    assert room == "tracking" or not knows(path, "mlflow"), "MLflow is src/tracking's"
    assert room in (None, "config") or not knows(path, "hydra", "omegaconf") or named(path) in HYDRA_TOO
    ground = room in MEETS_GROUND and "convsweep" not in imports(path) and rooms_of(path, "convsweep") <= GROUND
    ground = ground or (named(path) in MEETS_CALLBACK and rooms_of(path, "convsweep") == {"keras"})
    assert room is None or room in MEETS_ENGINE or not knows(path, "convsweep") or ground, "only they meet the engine"
    if room is not None:
        wrong = rooms_of(path, "src") & set(ROOMS[ROOMS.index(room) + 1 :])
        assert not wrong, f"{room} comes before {wrong}"


# The study's callback gets each trial's config as Hydra composes it.
HYDRA_TOO = {"src/recording/study_data.py", "src/recording/study_tracking.py"}


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_the_application_takes_from_the_engine_what_its_rooms_export(path: Path) -> None:
    modules = [name for name in imports(path) if name.startswith("convsweep.")]
    deep = [name for name in modules if (ROOT / name.replace(".", "/")).with_suffix(".py").exists()]
    assert not [name for name in deep if name.count(".") > 1], f"{deep}: import from the room"


def test_the_rooms_of_the_application_are_all_there() -> None:
    rooms = {path.name for path in (ROOT / "src").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms == set(ROOMS)
    assert {path.name for path in (ROOT / "src").glob("*.py")} == ROOT_FILES


def test_the_picture_of_the_design_shows_every_room() -> None:
    shown = re.findall(r'font-weight="bold" fill="#222">([^<]*)<', (ROOT / "docs/design.svg").read_text())
    names = {name for text in shown for name in text.split(" · ")}
    rooms = {*ROOMS, *(name for name in ENGINE if name not in ("keras", "__main__"))}
    assert rooms <= names, f"{rooms - names}: docs/design.svg does not show them"


def test_the_entry_is_short() -> None:
    assert len((ROOT / "src/sweep.py").read_text().splitlines()) <= 60


def test_the_tests_mirror_the_code() -> None:
    """Each folder of tests for a package is that of a room, so that the test of a file is found by its path."""
    for package, rooms in (("convsweep", set(ENGINE)), ("src", set(ROOMS))):
        folders = {path.name for path in (ROOT / "tests" / package).iterdir() if path.is_dir()} - {"__pycache__"}
        assert folders <= rooms
    flat = {path.name for path in (ROOT / "tests").glob("test_*.py")}
    assert flat == {"test_fences.py"}


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


def test_the_driver_of_a_sweep_imports_no_model() -> None:
    code = "import sys, src.recording, src.sweep\nprint([name for name in sys.modules if name.startswith('src.model')])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
