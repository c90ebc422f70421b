"""The pictures exist, show something, and hold what they should; the leaderboard fits into MLflow's page."""

import html
import io
import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from src.evaluation import Evaluation, Robustness
from src.report import (
    Row,
    altered_copies,
    canvas,
    classification_report,
    confusion_matrix,
    leaderboard,
    learning_curves,
    mistakes,
    objective_history,
    pareto_front,
    predictions_table,
    reliability_diagram,
    rungs,
    slices,
    summary,
    thumbnails,
    trials_table,
)

EPOCHS = [{"loss": 1 / n, "val_loss": 1.2 / n, "accuracy": 1 - 0.5 / n, "val_accuracy": 1 - 0.6 / n} for n in (1, 2, 3)]
NAMES = ["T-shirt/top", "a very long name of a class indeed"]


# Choices, a number on a logarithmic scale, a list, and a key that one trial has not.
SEARCHED = [
    {"optimizer": "adam", "rate": 0.1, "size": [28, 28], "deep": 1},
    {"optimizer": "sgd", "rate": 0.001, "size": 28, "deep": 2},
    {"optimizer": "sgd", "rate": 0.01, "size": None},
]


def wrong(count: int, *shape: int) -> Figure:
    images = np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)
    true = np.arange(count) % 2
    return mistakes(images, true, 1 - true, np.linspace(1, 0.5, count), NAMES, "title")


def calibration(over: float) -> Figure:
    confidence = (np.arange(15) + 0.5) / 15
    return reliability_diagram(np.arange(15), confidence, np.clip(confidence - over, 0, 1), over, "title")


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
        rungs([{1: 0.5, 2: 0.7, 3: 0.8}, {1: 0.4}, {}], [True, False, False], 0, [1], "val_accuracy"),
        slices(SEARCHED, [0.5, 0.7, 0.6], [True, True, False], "val_accuracy", True),
        confusion_matrix(np.eye(2, dtype=int) * 9 + 1, NAMES, "normalized", True),
        wrong(24, 28, 28, 1),
        wrong(5, 20, 50, 3),
        wrong(1, 8, 8, 1),
        wrong(0, 28, 28, 1),
        calibration(0.2),
        calibration(-0.2),
        reliability_diagram(np.zeros(15, int), np.zeros(15), np.zeros(15), 0.0, "nothing"),
        altered_copies(np.arange(6 * 8 * 64, dtype=np.uint8).reshape(6, 8, 8, 8, 1), ["a"] * 6, "title"),
        altered_copies(np.zeros((6, 1, 9, 7, 3), np.uint8), ["a"] * 6, "title"),
    ],
    ids=[
        "curves", "one-epoch", "ten", "nothing", "hundred", "pareto", "three", "history", "only-pruned",
        "rungs", "slices", "normalized",
        "mistakes", "wide", "one-mistake", "no-mistake", "over-confident", "under-confident", "no-image", "copies",
        "black",
    ],
)  # fmt: skip
def test_a_picture_is_drawn(figure: Figure) -> None:
    drawn = pixels(figure)
    assert min(drawn.shape[:2]) >= 100
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


def test_what_broke_a_constraint_is_never_the_best() -> None:
    figure = objective_history([0, 1, 2], [2, 9, 3], [False, False, False], "m", True, [False, True, False])
    lines = {str(line.get_label()): list(np.asarray(line.get_ydata())) for line in figure.axes[0].get_lines()}
    assert lines == {"complete": [2, 3], "infeasible": [9], "best so far": [2, 3]}
    values = np.array([[0.9, 1.0], [0.8, 2.0], [0.7, 3.0]])
    front = pareto_front(values, [0, 1, 2], [0], ["accuracy", "parameters"], infeasible=[2])
    lines = {str(line.get_label()): list(np.asarray(line.get_ydata())) for line in front.axes[0].get_lines()}
    assert lines == {"beaten by another": [0.8], "infeasible": [0.7], "Pareto front": [0.9]}


def test_rungs_count_who_came_and_who_went_on() -> None:
    curves = [{1: 0.5, 2: 0.6, 3: 0.7}, {1: 0.4, 2: 0.5, 3: 0.5, 4: 0.6}, {1: 0.3}, {1: 0.2}]
    figure = rungs(curves, [False, True, False, False], 1, [1, 3], "val_accuracy")
    assert [text.get_text() for text in figure.axes[0].texts] == ["4 here,\n2 went on", "2 here,\n1 went on"]
    assert figure.get_suptitle() == "9 epochs for 4 trials; all of them to the end: 16"


def test_slices_show_the_mean_of_each_choice() -> None:
    figure = slices(SEARCHED, [0.5, 0.7, 0.6], [True, True, True], "val_accuracy", True)
    assert figure is not None
    panel = figure.axes[0]
    assert [label.get_text() for label in panel.get_xticklabels()] == ["adam", "sgd"]
    means = [line.get_xydata() for line in panel.lines if line.get_marker() == "_"]
    np.testing.assert_allclose(np.concatenate(means), [[0, 0.5], [1, 0.65]])
    assert slices([{}, {}], [1, 2], [True, True], "val_loss", False) is None


def lines_of(text: str) -> tuple[str, list[list[str]]]:
    """Return a description's first line, and the lines of each cell of its table's one row, as a page shows them."""
    found = re.fullmatch(r"<div>(.*)</div><table><tr>((?:<td>.*</td>)?)</tr></table>", text)
    assert found
    plain = [re.sub("<(?!br)[^>]*>", "", part) for part in (found[1], *re.findall(r"<td>(.*?)</td>", found[2]))]
    first, *cells = (
        [html.unescape(line).replace("\u2060", "").strip() for line in part.split("<br>")] for part in plain
    )
    return " ".join(first), cells


def test_leaderboard_is_the_best_five_beside_what_they_say() -> None:
    searched = {"rate": "0.1", "optimizer": "adam", "units": "8", "depth": "2"}
    rows = [Row(3, ["0.91235 ± 0.012"], searched), Row(1, ["0.9"], {"optimizer": "sgd", "rate": "1e-05"})]
    rows += [Row(number, ["0.8"], {"optimizer": "x" * 99}) for number in range(10, 20)]
    said = ["mattered rate 90%", "advice type `rate=1,2`"]
    pages = {3: "#/runs/a?b=c&d", 10: "#/10"}
    text = leaderboard(["val_accuracy"], rows, {"COMPLETE": 12, "FAIL": 0}, pages, {"all": "#/x"}, said)
    first, (numbers, values, rates, optimizers, units, words) = lines_of(text)
    assert first == "val_accuracy 0.91235 ± 0.012, trial 3: rate=0.1 optimizer=adam units=8"
    assert numbers == ["1", "10", "11", "12"]
    assert values == ["0.9", "0.8", "0.8", "0.8"]
    assert rates == ["1e-05", "-", "-", "-"]
    assert optimizers == ["sgd", *["x" * 23 + "…"] * 3]
    assert units == ["-"] * 4
    assert words == ["12 COMPLETE · all", "mattered rate 90%", "advice type rate=1,2", ""]
    assert '<a href="#/runs/a?b=c&amp;d">3</a>' in text and '<a href="#/10">10</a>' in text


def test_a_leaderboard_has_no_more_lines_than_the_page_shows() -> None:
    said = ["mattered x 90%", f"advice {'long ' * 60}", "advice fits", f"advice {'long ' * 20}", "advice fits, too"]
    first, [words] = lines_of(leaderboard(["a", "b"], [Row(0, ["1", "2"], {})], {"COMPLETE": 1}, said=said))
    assert first == "a 1, b 2, trial 0: nothing searched"
    assert words == ["1 COMPLETE", "mattered x 90%", "advice fits", "advice fits, too"]
    assert lines_of(leaderboard(["a"], [], {})) == ("no trial is the best by a", [["no trial", "", "", ""]])


def test_a_leaderboard_has_fewer_values_where_a_sentence_needs_the_room() -> None:
    rows = [Row(number, ["0.8"], {"a": "x" * 20, "b": "y" * 20}) for number in range(5)]
    sentence = "advice " + "seven " * 22
    assert [len(lines_of(leaderboard(["m"], rows, {}, said=said))[1]) for said in ([], [sentence])] == [5, 4]


def test_names_in_a_leaderboard_are_no_markup() -> None:
    rows = [Row(0, ["1"], {"<img src=x>": "a|b*`_"}), Row(1, ["1"], {"<img src=x>": "<i>"})]
    text = leaderboard(["<b>"], rows, {"COMPLETE": 2}, said=["advice `<i>`"])
    assert "<img" not in text and "<i>" not in text
    first, cells = lines_of(text)
    assert first == "<b> 1, trial 0: <img src=x>=a|b*`_"
    assert cells[2:] == [["<i>"], ["2 COMPLETE", "advice <i>", "", ""]]


def test_all_trials_are_a_table() -> None:
    trials = [
        {"number": 3, "state": "COMPLETE", "values": [0.9, 5], "params": {"x": "a,b"}, "epochs": 2, "seconds": 1.5},
        {"number": 1, "state": "FAIL", "values": [], "params": {"y": "1"}, "epochs": "", "seconds": 0.1},
    ]
    trials = [{**trial, "spread": ()} for trial in trials]
    assert trials_table(["accuracy", "parameters"], trials).splitlines() == [
        "trial,state,accuracy,parameters,x,y,epochs,seconds",
        '3,COMPLETE,0.9,5,"a,b",,2,1.5',
        "1,FAIL,,,,1,,0.1",
    ]
    trials[0]["spread"] = [0.01, 0.5]
    assert trials_table(["accuracy", "parameters"], trials).splitlines()[:2] == [
        "trial,state,accuracy,parameters,accuracy.spread,parameters.spread,x,y,epochs,seconds",
        '3,COMPLETE,0.9,5,0.01,0.5,"a,b",,2,1.5',
    ]


def test_slices_tell_whole_trainings_from_others() -> None:
    figure = slices(SEARCHED, [0.5, 0.7, 0.1], [True, True, False], "val_accuracy", True, [10, 10, 1])
    assert figure is not None
    (legend,) = figure.legends
    words = [text.get_text() for text in legend.get_texts()]
    assert words == ["trained to the end", "their mean", "stopped early, after 1 epoch (at the edge: beyond it)"]


def test_predictions_are_a_table_with_the_surest_mistakes_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.2, 0.8], [0.6, 0.4]], np.float32)
    table = predictions_table(Evaluation(probabilities, np.array([0, 0, 0, 0])), ["cat, tabby", "dog"], list("abcd"))
    assert table.splitlines() == [
        "file,index,true,predicted,confidence",
        'c,2,"cat, tabby",dog,0.8000',
        'b,1,"cat, tabby",dog,0.7000',
        'd,3,"cat, tabby","cat, tabby",0.6000',
        'a,0,"cat, tabby","cat, tabby",0.9000',
    ]
    assert predictions_table(Evaluation(probabilities, np.zeros(4, int)), "ab").startswith("index,true,")


def test_a_long_name_loses_its_middle_and_stays_unlike_others() -> None:
    long = "a class whose name is longer than any picture has room for, number "
    names = canvas.shown([f"{long}1", f"{long}2", "short"])
    assert names == ["a class whos…r, number 1", "a class whos…r, number 2", "short"]
    middle = canvas.shown(["x" * 30 + "1" + "y" * 30, "x" * 30 + "2" + "y" * 30])
    assert len(set(middle)) == 2
    figure = confusion_matrix(np.eye(2, dtype=int), ["a", long * 5], "title")
    cells = figure.axes[0].get_position()
    assert cells.width * cells.height > 0.05


def test_names_are_drawn_in_letters_that_some_font_has(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    names = ["\u72d7", "\ud55c\uad6d", "caf\u00e9"]
    monkeypatch.setattr(canvas, "_installed", lambda: ())
    canvas._find_fonts.cache_clear()
    canvas._tell_once.cache_clear()
    try:
        assert canvas.shown(names) == ["class 0", "class 1", "caf\u00e9"]
        assert canvas.shown(names) == ["class 0", "class 1", "caf\u00e9"]
        assert len(caplog.messages) == 1
        assert canvas.printable("caf\u00e9 \u72d7") == "caf\u00e9 U+72D7 "
        monkeypatch.setattr(canvas, "_installed", lambda: ("A", "B"))
        fonts = {"A": set("\u72d7"), "B": set("\ud55c\uad6d")}
        monkeypatch.setattr(canvas, "_covered", lambda family: fonts.get(family, set("\u00e9")))
        canvas._find_fonts.cache_clear()
        assert canvas.shown(names) == names
        assert canvas._families[-2:] == ["A", "B"]
        assert canvas.width("\ud55c\uad6d a") == 6
    finally:
        canvas._families.clear()
        canvas._find_fonts.cache_clear()


def test_a_gallery_names_the_files() -> None:
    images, one = np.zeros((1, 8, 8, 1), np.uint8), np.array([0])
    figure = mistakes(images, one, one + 1, np.array([0.9]), "ab", "title", ["a/very/long/path/to/an/image/0001.png"])
    assert figure.axes[0].texts[-1].get_text() == "…g/path/to/an/image/0001.png"


def test_a_gallery_shows_each_image_in_its_place_and_its_full_range() -> None:
    figure = mistakes(
        np.array([[[[3]]], [[[9]]]], np.uint8), np.array([0, 1]), np.array([1, 0]), np.array([0.9, 0.8]), "ab", "title"
    )
    axes = figure.axes[0]
    shown = np.asarray(axes.images[0].get_array())
    assert shown[10, 10].tolist() == [0, 0, 0]  # the darkest value is black
    assert shown[10, 80].tolist() == [255, 255, 255]
    assert shown.shape[1] == 6 * 67
    assert [text.get_text() for text in axes.texts] == ["b 0.90", "a", "a 0.80", "b"]


def test_large_images_are_thinned_out_for_a_gallery() -> None:
    assert thumbnails(np.zeros((2, 500, 300, 3), np.uint8)).shape == (2, 84, 50, 3)
    assert thumbnails(np.zeros((5, 2, 28, 28, 1), np.uint8)).shape == (5, 2, 28, 28, 1)


def judged() -> Evaluation:
    true = np.repeat([0, 1], [3, 5])
    predicted = np.array([0, 0, 1, 1, 1, 1, 0, 0])
    return Evaluation(np.where(np.eye(2)[predicted] == 1, 0.9, 0.1).astype(np.float32), true)


def test_the_summary_names_the_numbers_and_the_confusions_in_words() -> None:
    robust = Robustness({"rotated": 0.5, "noisy": 0.7}, 8, np.zeros((3, 1, 2, 2, 1), np.uint8))
    assert summary(judged(), robust, ["Shirt", "Coat"]).splitlines() == [
        "accuracy 0.6250 on 8 validation images: log loss 0.9293, macro F1 0.6190, calibration error (ECE) 0.2750",
        "robust   0.6000 on altered copies: rotated 0.500, noisy 0.700",
        'confused 2 of 5 "Coat" were taken for "Shirt" (40.0%)',
        '         1 of 3 "Shirt" was taken for "Coat" (33.3%)',
    ]


def test_the_report_by_class_is_laid_out_as_a_table() -> None:
    text = classification_report(judged().scores, ["Shirt", "Coat"], judged().accuracy)
    rows = [line.split() for line in text.splitlines() if line]
    assert rows == [
        ["precision", "recall", "f1", "support"],
        ["Shirt", "0.500", "0.667", "0.571", "3"],
        ["Coat", "0.750", "0.600", "0.667", "5"],
        ["accuracy", "0.625", "8"],
        ["macro", "mean", "0.625", "0.633", "0.619", "8"],
    ]
    assert len({len(line) for line in text.splitlines() if line}) == 1
