"""The pictures exist, show something, and hold what they should; the leaderboard is Markdown."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from src.report import confusion_matrix, leaderboard, learning_curves, objective_history, pareto_front

EPOCHS = [{"loss": 1 / n, "val_loss": 1.2 / n, "accuracy": 1 - 0.5 / n, "val_accuracy": 1 - 0.6 / n} for n in (1, 2, 3)]


def pixels(figure: Figure) -> np.ndarray:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    file.seek(0)
    return imread(file)


@pytest.mark.parametrize(
    "figure",
    [
        learning_curves(EPOCHS, 3, "title"),
        learning_curves(EPOCHS[:1], 1, "one epoch"),
        confusion_matrix(np.eye(10, dtype=int) * 9 + 1, [f"class {i}" for i in range(10)], "ten"),
        confusion_matrix(np.zeros((3, 3), int), list("abc"), "nothing"),
        confusion_matrix(np.eye(100, dtype=int), [str(i) for i in range(100)], "a hundred"),
        pareto_front(np.array([[0.9, 1e5], [0.8, 2e4], [0.7, 3e4]]), [0, 2, 5], [0, 2], ["accuracy", "parameters"]),
        pareto_front(np.array([[0.9, 1e5, 3.0]]), [4], [4], ["accuracy", "parameters", "latency_ms"]),
        objective_history([0, 1, 2], [0.5, 0.7, 0.6], [False, False, True], "val_accuracy", True),
        objective_history([0], [0.5], [True], "val_loss", False),
    ],
    ids=["curves", "one-epoch", "ten", "nothing", "hundred", "pareto", "three", "history", "only-pruned"],
)
def test_a_picture_is_drawn(figure: Figure) -> None:
    drawn = pixels(figure)
    assert min(drawn.shape[:2]) >= 300
    assert drawn[..., :3].std() > 0.01


def test_learning_curves_hold_each_metric() -> None:
    figure = learning_curves(EPOCHS, 2, "title")
    for axes, metric in zip(figure.axes, ("loss", "accuracy"), strict=True):
        for line, key in zip(axes.lines, (metric, f"val_{metric}"), strict=False):
            np.testing.assert_array_equal(line.get_ydata(), [epoch[key] for epoch in EPOCHS])


@pytest.mark.parametrize(("maximize", "running"), [(True, [2.0, 3.0, 3.0]), (False, [2.0, 2.0, 1.0])])
def test_best_so_far_follows_the_direction_and_leaves_pruned_trials_out(maximize: bool, running: list[float]) -> None:
    figure = objective_history([0, 1, 2, 3], [2, 3, 9, 1], [False, False, True, False], "m", maximize)
    best = next(line for line in figure.axes[0].lines if line.get_label() == "best so far")
    assert list(map(float, np.asarray(best.get_ydata()))) == running


def test_leaderboard_is_a_table_of_the_best_with_the_command() -> None:
    rows = [(3, [0.91234567], {"optimizer": "adam"}), (1, [0.9], {"optimizer": "sgd", "model.depth": "2"})]
    text = leaderboard("study", ["val_accuracy"], rows, {"COMPLETE": 2, "FAIL": 0}, "python -m src.sweep -m")
    assert "| trial | val_accuracy | optimizer | model.depth |" in text
    assert "| 3 | 0.91235 | adam |  |" in text
    assert "2 COMPLETE" in text
    assert "FAIL" not in text
    assert "python -m src.sweep -m" in text
