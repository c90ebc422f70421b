"""Every metric against scikit-learn or by hand; altered copies that are the same for all; both in a sweep."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import keras
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from matplotlib.image import imread
from mlflow import MlflowClient
from omegaconf import DictConfig
from scipy import ndimage
from sklearn import metrics

from src.config import ConfigError, register, settings
from src.dataset import Split
from src.evaluation import Evaluation, calibrate, evaluate, measure_robustness, robustness
from src.evaluation.robustness import KINDS, alter
from tests.command import ROOT, results, run_inside, trials


@pytest.mark.parametrize("one_hot", [False, True])
def test_confusion_counts_true_by_row_and_predicted_by_column(one_hot: bool) -> None:
    # The model says the brightness of the first pixel.
    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Lambda(lambda x: x[:, :3])])
    images = np.zeros((6, 2, 2, 1), "uint8")
    for i, predicted in enumerate([0, 1, 1, 2, 2, 2]):
        images[i].reshape(-1)[predicted] = 1
    labels = np.array([0, 0, 1, 2, 2, 1], "int32")
    judged = evaluate(model, Split(images, np.eye(3, dtype="float32")[labels] if one_hot else labels))
    np.testing.assert_array_equal(judged.confusion, [[1, 1, 0], [0, 1, 1], [0, 0, 2]])
    assert judged.accuracy == pytest.approx(4 / 6)


def invent(
    classes: int, images: int, never_true: int = -1, never_predicted: int = -1, skill: float = 2.0
) -> Evaluation:
    """Return an evaluation of a model that is right now and then, without some class."""
    rng = np.random.default_rng(classes)
    true = rng.choice([i for i in range(classes) if i != never_true], images)
    logits = rng.normal(size=(images, classes)) + skill * np.eye(classes)[true]
    if never_predicted >= 0:
        logits[:, never_predicted] = -10
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Evaluation(probabilities.astype(np.float32), true)


CASES = {
    "ten": invent(10, 500),
    "two": invent(2, 50),
    "hundred, most of them missing": invent(100, 60),
    "never true": invent(4, 80, never_true=2),
    "never predicted": invent(4, 80, never_predicted=1),
    "neither": invent(4, 80, never_true=3, never_predicted=3),
    "all right": invent(5, 40, skill=15),
    "one image": invent(3, 1),
}


SCORES = {"precision": metrics.precision_score, "recall": metrics.recall_score, "f1": metrics.f1_score}


@pytest.mark.parametrize("judged", CASES.values(), ids=CASES)
def test_each_metric_is_that_of_scikit_learn(judged: Evaluation) -> None:
    true, predicted, labels = judged.true, judged.predicted, np.arange(judged.probabilities.shape[1])
    np.testing.assert_array_equal(judged.confusion, metrics.confusion_matrix(true, predicted, labels=labels))
    zero: Any = 0.0
    each: Any = None
    for name, score in SCORES.items():
        by_class = score(true, predicted, labels=labels, average=each, zero_division=zero)
        np.testing.assert_allclose(getattr(judged.scores, name), by_class, err_msg=name)
        # Over the classes that occur, which is scikit-learn's choice, too, where it is told of none.
        macro = score(true, predicted, average="macro", zero_division=zero)
        assert judged.numbers[f"macro_{name}"] == pytest.approx(macro), name
    np.testing.assert_array_equal(judged.scores.support, np.bincount(true, minlength=len(labels)))
    assert judged.accuracy == pytest.approx(metrics.accuracy_score(true, predicted))
    exact = judged.probabilities.astype(float)
    expected_loss = metrics.log_loss(true, exact / exact.sum(axis=1, keepdims=True), labels=labels)
    assert judged.log_loss == pytest.approx(expected_loss, rel=1e-5, abs=1e-6)


def test_a_probability_of_zero_costs_much_but_not_infinitely_much() -> None:
    judged = Evaluation(np.array([[1.0, 0.0]], np.float32), np.array([1]))
    assert judged.log_loss == pytest.approx(metrics.log_loss([1], judged.probabilities, labels=[0, 1]))


def test_ece_of_a_hand_worked_example() -> None:
    confidence = np.array([0.95, 0.96, 0.55, 0.4], np.float32)
    right = np.array([True, False, True, False])
    # Bins of 1/15: two images at 0.955 in the mean, half of them right; one at 0.55, right; one at 0.4, wrong.
    expected = 2 / 4 * abs(0.5 - 0.955) + 1 / 4 * abs(1 - 0.55) + 1 / 4 * abs(0 - 0.4)
    found = calibrate(confidence, right)
    assert found.ece == pytest.approx(expected)
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 2]
    np.testing.assert_allclose(found.confidence[[5, 8, 14]], [0.4, 0.55, 0.955], rtol=1e-6)
    np.testing.assert_array_equal(found.accuracy[[5, 8, 14]], [0, 1, 0.5])


def test_a_bin_has_its_upper_edge() -> None:
    edges = (np.arange(6) / 5).astype(np.float32)
    found = calibrate(edges, np.ones(6, bool), bins=5)
    assert found.counts.tolist() == [2, 1, 1, 1, 1]  # 0 goes to the first


def test_a_model_as_sure_as_right_has_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.1, 1, 200_000)
    assert calibrate(confidence, rng.random(200_000) < confidence).ece < 0.005
    assert calibrate(np.full(1000, 0.9), np.arange(1000) < 600).ece == pytest.approx(0.3)


def test_the_most_confused_pairs_come_first_and_never_a_class_with_itself() -> None:
    counts = [[90, 10, 0], [3, 5, 0], [3, 0, 97]]
    true = np.repeat(np.arange(9) // 3, np.ravel(counts))
    predicted = np.repeat(np.arange(9) % 3, np.ravel(counts))
    judged = Evaluation(np.eye(3, dtype=np.float32)[predicted], true)
    np.testing.assert_array_equal(judged.confusion, counts)
    pairs = [(pair.true, pair.predicted, pair.count, pair.support) for pair in judged.most_confused(5)]
    assert pairs == [(0, 1, 10, 100), (1, 0, 3, 8), (2, 0, 3, 100)]  # of equal counts the larger share first
    assert len(judged.most_confused(1)) == 1


def test_the_worst_mistakes_are_the_most_confident_ones() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7], [0.01, 0.99]], np.float32)
    judged = Evaluation(probabilities, np.array([1, 1, 0, 1, 1]))
    assert judged.worst_mistakes(10).tolist() == [0, 2, 1]
    assert judged.worst_mistakes(2).tolist() == [0, 2]
    assert Evaluation(probabilities, judged.predicted).worst_mistakes(3).tolist() == []


def pictures(count: int = 40, size: tuple[int, int] = (28, 28), channels: int = 1, high: int = 255) -> np.ndarray:
    """Return smooth images: in noise no alteration could be told from another."""
    noise = np.random.default_rng(0).random((count, *size, channels))
    smooth = ndimage.gaussian_filter(noise, (0, min(size) / 14, min(size) / 14, 0))
    return ((smooth - smooth.min()) * (high / np.ptp(smooth))).astype(np.uint8)


@pytest.mark.parametrize("images", [pictures(), pictures(size=(20, 32), channels=3), pictures(size=(8, 8), high=16)])
@pytest.mark.parametrize("kind", KINDS)
def test_copies_are_the_same_for_the_same_seed_and_differ_from_the_images(kind: str, images: np.ndarray) -> None:
    copies = alter(images, kind, [3])
    np.testing.assert_array_equal(copies, alter(images, kind, [3]))
    assert (copies.shape, copies.dtype) == (images.shape, images.dtype)
    assert all((copy != image).any() for copy, image in zip(copies, images, strict=True))
    assert copies.max() <= images.max()
    assert (alter(images, kind, [4]) != copies).any() == (kind != "blurred")


def closest(kind: str, references: Callable[[np.ndarray], list[np.ndarray]]) -> None:
    """Check that each copy is one of its image's references, and that each kind of reference is met."""
    images = pictures().astype(float)
    copies = alter(images.astype(np.uint8), kind, [0]).astype(float)
    chosen = set()
    for image, copy in zip(images[..., 0], copies[..., 0], strict=True):
        # Away from the border, beyond which libraries differ.
        errors = [np.abs(found - copy)[6:-6, 6:-6].max() for found in references(image)]
        assert min(errors) <= 1, errors
        chosen.add(int(np.argmin(errors)))
    assert chosen == set(range(len(references(images[0, ..., 0]))))


def test_rotated_by_fifteen_degrees_either_way() -> None:
    closest(
        "rotated", lambda image: [ndimage.rotate(image, angle, reshape=False, order=1) for angle in (-15, 15)]
    )  # fmt: skip


def test_shifted_by_three_of_28_pixels_in_both_directions() -> None:
    closest("shifted", lambda image: [np.roll(image, (y, x), (0, 1)) for y in (-3, 3) for x in (-3, 3)])


def test_zoomed_in_or_out_about_the_centre() -> None:
    def about_centre(image: np.ndarray, step: float) -> np.ndarray:
        return ndimage.affine_transform(image, [step, step], 13.5 * (1 - step), order=1)

    closest("zoomed", lambda image: [about_centre(image, step) for step in (0.8, 1.25)])


def test_noise_is_a_part_of_the_range() -> None:
    images = np.full((50, 28, 28, 1), 100, np.uint8)
    images[:, 0, 0], images[:, 0, 1] = 0, 200
    added = alter(images, "noisy", [0]).astype(float)[:, 1:] - 100
    assert added.std() == pytest.approx(0.08 * 200, rel=0.02)
    assert abs(added.mean()) < 0.3


@pytest.mark.parametrize(("side", "sigma"), [(32, 0.7), (96, 2.1), (8, 0.5)])
def test_blurred_by_a_part_of_the_side(side: int, sigma: float) -> None:
    images = pictures(5, (side, side))
    expected = ndimage.gaussian_filter(images.astype(float), (0, sigma, sigma, 0), mode="nearest", truncate=3.5)
    np.testing.assert_allclose(alter(images, "blurred", [0]), expected, atol=1)


def constant(answer: int, shape: tuple[int, ...]) -> keras.Model:
    """Return a model that has one answer for everything."""
    outputs = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])
    outputs.layers[-1].set_weights([np.zeros((int(np.prod(shape)), 3)), np.eye(3)[answer]])
    return outputs


def test_robust_accuracy_is_the_mean_over_the_kinds() -> None:
    images = pictures()
    split = Split(images, np.array([0] * 10 + [2] * 30, np.int32))
    for answer, expected in ((0, 0.25), (1, 0.0), (2, 0.75)):
        found = measure_robustness(constant(answer, images.shape[1:]), split, 0)
        assert found.accuracies == dict.fromkeys(KINDS, expected)
        assert found.robust_accuracy == pytest.approx(expected)
        assert set(found.numbers) == {"robust_accuracy"} | {f"robust_accuracy_{kind}" for kind in KINDS}
    one_hot = Split(images, np.eye(3, dtype=np.float32)[split.labels])
    assert measure_robustness(constant(2, images.shape[1:]), one_hot, 0).robust_accuracy == pytest.approx(0.75)


def test_every_model_gets_the_same_copies_of_at_most_so_many_images(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []

    def watch(model: keras.Model, images: np.ndarray) -> np.ndarray:
        seen.append(images)
        return np.zeros((len(images), 3), np.float32)

    monkeypatch.setattr(robustness, "IMAGES", 10)
    monkeypatch.setattr(robustness, "predict_batch", watch)
    monkeypatch.setattr(robustness, "evaluation_batch_size", lambda split: 4)
    split = Split(pictures(), np.zeros(40, np.int32))
    model = constant(0, (28, 28, 1))
    assert measure_robustness(model, split, 0).images == 10
    first, seen = seen, []
    measure_robustness(model, split, 0)
    second, seen = seen, []
    measure_robustness(model, split, 1)
    assert [len(images) for images in first] == [4] * 5 + [4] * 5 + [2] * 5
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    assert all((a != b).any() for a, b in zip(first, seen, strict=True))


SMALL = ["training.epochs=1", "dataset.limit=200", "model=mlp", "training.batch_size=32"]
EVERY = {"classification_report.json", "classification_report.txt", "confusion_matrix.json", "confusion_matrix.png"}
BEST = {"altered_copies.png", "confusion_matrix_normalized.png", "reliability_diagram.png", "worst_mistakes.png"}


def command(folder: Path, *overrides: str) -> "CompletedProcess[str]":
    return run_inside(["-m", "src.sweep", *overrides, *SMALL], folder)


def recorded(folder: Path) -> list[tuple[dict[str, float], dict[str, Path]]]:
    """Return metrics and artifacts of each trial, by number."""
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    runs = client.search_runs(["1"], "tags.`convsweep.role` = 'trial'", order_by=["tags.`convsweep.trial`"])
    found = []
    for run in runs:
        paths = [file.path for file in client.list_artifacts(run.info.run_id)]
        found.append(
            (run.data.metrics, {path: folder / f"mlruns/{run.info.run_id}/artifacts" / path for path in paths})
        )
    return found


@pytest.mark.slow
def test_a_sweep_for_accuracy_and_robust_accuracy(tmp_path: Path) -> None:
    done = command(
        tmp_path, "-m", "hydra/launcher=basic", "hydra.sweeper.study_name=s", "optimizer.learning_rate=0.02,1e-7",
        "objective=[val_accuracy,robust_accuracy]", "constraints=['robust_accuracy >= 0.05']",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = recorded(tmp_path)
    for trial, (logged, _) in zip(trials(tmp_path, "s"), (first, second), strict=True):
        assert trial.values == pytest.approx([logged["best_val_accuracy"], logged["robust_accuracy"]])
        kinds = [logged[f"robust_accuracy_{kind}"] for kind in KINDS]
        assert np.mean(kinds) == pytest.approx(logged["robust_accuracy"])
        violation = (0.05 - logged["robust_accuracy"]) / 0.05
        assert trial.constraints == {"robust_accuracy >= 0.05": pytest.approx(violation)}
    best = results(tmp_path, "s")["solutions"][0]
    assert best["trial"] == 0
    assert best["values"][1] == pytest.approx(first[0]["robust_accuracy"])
    # What costs more is made for the best so far; its robustness is known of every trial that it is an objective of.
    assert set(first[1]) > EVERY | BEST
    assert set(second[1]) & (EVERY | BEST) == EVERY | {"altered_copies.png"}
    for logged, files in (first, second):
        report = json.loads(files["classification_report.json"].read_text())
        assert report["class"] == list("0123456789")
        assert sum(report["support"]) == 40
        assert logged["macro_f1"] == pytest.approx(np.mean(report["f1"]))
        assert {"ece", "log_loss", "macro_precision", "macro_recall"} <= set(logged)
    shares = json.loads(first[1]["confusion_matrix.json"].read_text())["normalized"]
    np.testing.assert_allclose(np.sum(shares, axis=1), 1)


def test_a_run_outside_a_study_makes_everything_and_says_what_is_confused(tmp_path: Path) -> None:
    done = command(tmp_path, "evaluation.test=true")
    assert done.returncode == 0, done.stderr
    ((logged, files),) = recorded(tmp_path)
    assert set(files) > EVERY | BEST
    assert done.stdout.splitlines()[-1] == f"test     accuracy {logged['test_accuracy']:.4f} on 359 images"
    assert logged["test_log_loss"] > 0
    for path in (path for name, path in files.items() if name.endswith(".png")):
        assert imread(path)[..., :3].std() > 0.05
    lines = done.stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("accuracy "))
    assert lines[start].startswith(f"accuracy {logged['best_val_accuracy']:.4f} on 40 validation images: log loss ")
    assert lines[start + 1].startswith(f"robust   {logged['robust_accuracy']:.4f} on altered copies: rotated 0.")
    assert lines[start + 2].startswith("confused ")
    assert ' taken for "' in lines[start + 2]
    assert lines[start + 2] in files["classification_report.txt"].read_text()


def test_a_study_never_sees_the_test_images(tmp_path: Path) -> None:
    done = command(tmp_path, "-m", "hydra/launcher=basic", "evaluation.test=true", "optimizer=adam,sgd")
    assert done.returncode == 1
    assert "`evaluation.test` must be false in a sweep" in done.stderr


@pytest.mark.slow
def test_trials_that_are_not_the_best_are_looked_at_where_that_is_cheap_or_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import src.trial

    monkeypatch.setattr(src.trial, "CHEAP_IMAGES", 39)
    two = ["-m", "hydra/launcher=basic", "hydra.sweeper.study_name=s", "optimizer.learning_rate=0.02,1e-7"]
    for name, overrides, expected in (("best", [], set()), ("all", ["evaluation.trials=all"], EVERY | BEST)):
        (tmp_path / name).mkdir()
        assert command(tmp_path / name, *two, *overrides).returncode == 0
        first, second = recorded(tmp_path / name)
        assert set(first[1]) > EVERY | BEST
        assert set(second[1]) & (EVERY | BEST) == expected
        assert ("robust_accuracy" in second[0]) == ("macro_f1" in second[0]) == bool(expected)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("evaluation.trials=some", "`evaluation.trials` must be one of best, all, got some; type e.g. evaluation."),
        ("objective=robustness", "`objective` must be one of val_accuracy, .*, robust_accuracy, or a list"),
        (
            "constraints=['robust_accuracy > 1']",
            r"`constraints\[0\]` must be a metric, <= or >=, .*, robust_accuracy; ",
        ),
        ("evaluation.trails=all", "trails"),
    ],
)
def test_a_wrong_setting_is_named(override: str, message: str) -> None:
    with pytest.raises((ConfigError, ConfigCompositionException), match=message):
        settings(composed(override))


def composed(*overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("config", list(overrides), return_hydra_config=True)


def test_robust_accuracy_is_maximized() -> None:
    config = composed("objective=[val_accuracy,robust_accuracy]")
    assert list(config.hydra.sweeper.direction) == ["maximize", "maximize"]
