"""What a model card says of a model, in numbers that hold."""

import numpy as np
import pytest

from src.evaluation import Evaluation, calibrate, fit_temperature, tempered
from src.report import Card, model_card


def card(names: list[str], judged: Evaluation, temperature: float = 1.0, by: str = "test images") -> str:
    numbers, table = [["", "value"], ["accuracy", "1"]], [["trial"], ["0"]]
    counts = {"train": list(range(len(names))), "test": judged.scores.support.tolist()}
    return model_card(
        Card("name", "what", ["data"], names, table, "choice", numbers, judged, by, "a: 1", ["command"],
             [("python", "3")], temperature, counts=counts, limits=["limit"])
    )  # fmt: skip


@pytest.mark.parametrize("classes", [4, 30])
def test_each_class_has_its_images_and_how_sure_its_recall_is(classes: int) -> None:
    rng = np.random.default_rng(0)
    true = np.repeat(np.arange(classes), 10)
    probabilities = rng.dirichlet(np.ones(classes), len(true)).astype(np.float32)
    probabilities[true == 2] = np.eye(classes, dtype=np.float32)[1]
    text = card([f"class {i}" for i in range(classes)], Evaluation(probabilities, true))
    assert "| class 2 | 10 | 0.000 | 0.000 to 0.278 |" in text, "Wilson's interval of 0 of 10"
    assert ("| class 3 | 3 | 10 |" in text) == (classes == 4)
    assert (f"- images of a class: 0 to {classes - 1} train, 10 to 10 test" in text) == (classes == 30)
    assert "## What it cannot be trusted in\n\n- limit" in text


def test_the_confidence_is_the_one_that_users_are_told() -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 500)
    logits = 4 * rng.normal(size=(500, 3)) + 4 * np.eye(3)[true]
    probabilities = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    judged = Evaluation(probabilities, true)
    temperature = fit_temperature(probabilities, true)
    told = tempered(probabilities, temperature).max(axis=1)
    ece = calibrate(told, judged.predicted == true).ece
    assert ece < judged.calibration.ece - 0.05
    text = card(["a", "b", "c"], judged, temperature)
    assert "fitted on the validation images. " in text
    text = card(["a", "b", "c"], judged, temperature, by="validation images")
    assert "fitted on the same images, so that it looks better than on new ones. " in text
    assert f"{judged.calibration.ece:.4f} for the model's own probabilities; {ece:.4f} for the confidence" in text
