"""The notebook in docs/ runs from its first cell to its last; and what MLflow has of a study is in its report."""

import ast
import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.command import ROOT, run_inside

NOTEBOOK = json.loads((ROOT / "docs/study.ipynb").read_text(encoding="utf-8"))
CELLS = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def execute(cells: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Execute cells in a folder as Jupyter does; return the value of each one's last line."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    names: dict[str, Any] = {}
    values = []
    for cell in cells:
        tree = ast.parse(cell)
        last = tree.body[-1]
        shown = last.value if isinstance(last, ast.Expr) else ast.Constant(None)
        tree.body = tree.body[: -1 if isinstance(last, ast.Expr) else None]
        exec(compile(tree, "study.ipynb", "exec"), names)
        values.append(eval(compile(ast.fix_missing_locations(ast.Expression(shown)), "study.ipynb", "eval"), names))
    return values


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("plotly")
    done, trials, best, params, training, curves, _, names, figure, shape, file = execute(CELLS, tmp_path, monkeypatch)
    assert done.returncode == 0
    assert trials.state.tolist() == ["COMPLETE"] * 3
    assert best.val_accuracy.is_monotonic_decreasing
    assert params["optimizer"] == best.optimizer[0]
    assert training.epochs == 2
    assert curves.shape == (2, 3)
    assert "history" in names
    assert figure.data
    assert shape == (2, 10)
    text = (tmp_path / file).read_text(encoding="utf-8")
    assert all(f": {title}" in text for title in ("confusion matrix", "the worst mistakes"))
    kept = next((tmp_path / "mlruns").rglob("confusion_matrix.png"))
    pictures = [
        base64.b64encode(path.read_bytes()).decode() for path in kept.parent.parent.parent.rglob("worst_mistakes.png")
    ]
    assert any(picture in text for picture in pictures)
    (report,) = (tmp_path / "mlruns").rglob("report.html")
    assert report.stat().st_size > 1e6

    again = run_inside(["-m", "src.report", "example", "--output", "again.html"], tmp_path)
    assert again.stdout == "report   again.html\n", again.stderr
    compared = run_inside(["-m", "src.compare", "example/0", "example/1"], tmp_path)
    assert "optimizer" in compared.stdout, compared.stderr
    run_id = kept.parent.parent.name
    compared = run_inside(["-m", "src.compare", "example", run_id], tmp_path)
    assert "val_accuracy" in compared.stdout, compared.stderr
