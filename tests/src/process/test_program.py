"""What is printed names commands as they are typed."""

import ast
import sys
from collections.abc import Iterator

import pytest

from src.process import as_typed, program
from tests.helpers.command import ROOT

# These go through `as_typed`, or say that there are two ways.
SAID = {"src/config/help.py", "src/process/program.py", "src/console.py"}


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (["/usr/bin/python3", "/venv/bin/convsweep", "status", "convsweep"], "convsweep status"),
        (["python", "-m", "convsweep", "status"], "python -m convsweep status"),
        (["python", "-m", "src.status", "convsweep"], "python -m src.status"),
        (["python", "-m", "src", "status"], "python -m src.status"),
        (["python"], "python -m src.status"),
    ],
)
def test_a_command_is_named_as_it_is_typed(typed: list[str], shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "orig_argv", typed)
    assert program("status") == shown
    assert as_typed("type `python -m src.status` or python -m src.status fit") == f"type `{shown}` or {shown} fit"
    assert as_typed(None) == ""


def texts(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield the texts of a file that may be printed: all but its docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node


def test_no_text_names_a_command_in_one_way_alone() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{text.lineno}"
        for room in ("src", "convsweep", "hydra_plugins")
        for path in sorted((ROOT / room).rglob("*.py"))
        if str(path.relative_to(ROOT)) not in SAID
        for text in texts(ast.parse(path.read_text(encoding="utf-8")))
        if "-m src." in str(text.value)
    ]
    assert found == []
    shown = [path for path in sorted((ROOT / "src").rglob("*.py")) if "description=__doc__" in path.read_text()]
    assert shown == []
