import keras
import numpy as np
import pytest

from src.dataset import Split
from src.evaluation import evaluate


@pytest.mark.parametrize("one_hot", [False, True])
def test_confusion_counts_true_by_row_and_predicted_by_column(one_hot: bool) -> None:
    # The model says the brightness of the first pixel.
    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Lambda(lambda x: x[:, :3])])
    images = np.zeros((6, 2, 2, 1), "uint8")
    for i, predicted in enumerate([0, 1, 1, 2, 2, 2]):
        images[i].reshape(-1)[predicted] = 1
    labels = np.array([0, 0, 1, 2, 2, 1], "int32")
    judged = evaluate(model, Split(images, np.eye(3, dtype="float32")[labels] if one_hot else labels), classes=3)
    np.testing.assert_array_equal(judged.confusion, [[1, 1, 0], [0, 1, 1], [0, 0, 2]])
    assert judged.accuracy == pytest.approx(4 / 6)


def test_a_class_that_never_occurs_keeps_its_row() -> None:
    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
    judged = evaluate(model, Split(np.ones((3, 2, 2, 1), "uint8"), np.zeros(3, "int32")), classes=4)
    assert judged.confusion.shape == (4, 4)
    assert judged.confusion.sum() == 3
