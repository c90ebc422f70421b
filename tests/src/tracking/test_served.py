"""A served model's answers, from the package that lies beside it."""

import base64
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from src.dataset import read_image
from src.tracking import model as models
from tests.helpers.kept import HOW, write_model, write_picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    network: Any = keras.saving.load_model(write_model(folder), compile=False)
    beside = {
        "preprocessing.json": (folder / "preprocessing.json").read_text(),
        "calibration.json": '{"temperature": 2}',
    }
    saved = models.save(network, folder / "model", beside)
    assert saved["loader"].startswith("convsweep_served_")
    assert {"pillow", "simplejpeg"} <= saved["packages"].keys()
    (folder / "loader").write_text(saved["loader"])
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Any]:
    """As MLflow loads it: the folder of the code on the path, the module by its name."""
    sys.path.insert(0, str(folder / "model/code"))
    yield importlib.import_module((folder / "loader").read_text())._load_pyfunc(str(folder / "model"))
    sys.path.remove(str(folder / "model/code"))


def test_its_code_needs_nothing_of_this_project(folder: Path) -> None:
    files = list((folder / "model/code").rglob("*.py"))
    assert {file.name for file in files} == {"__init__.py", "decode.py", "own_code.py", "temperature.py"}
    for file in files:
        assert "from src" not in file.read_text()
        assert "import src" not in file.read_text()


def test_images_and_files_in_all_the_forms_that_a_server_may_get(served: Any, folder: Path) -> None:
    files = [write_picture(folder / f"{value}.png", value, (9, 7)) for value in (3, 120, 240)]
    network: Any = keras.saving.load_model(folder / "data/model.keras")
    images = np.stack([read_image(file, HOW) for file in files])
    expected = np.asarray(network(images))
    coded = [base64.b64encode(file.read_bytes()).decode() for file in files]
    forms: list[Any] = [
        images,
        images.astype(np.int64),
        images[..., 0],
        images.tolist(),
        coded,
        np.array(coded),
        [{"b64": code} for code in coded],
        {"b64": np.array(coded)},
        pd.DataFrame({"image": coded}),
        [f"data:image/png;base64,{code}" for code in coded],
        [file.read_bytes() for file in files],
        [base64.encodebytes(file.read_bytes()).decode() for file in files],
        [base64.urlsafe_b64encode(file.read_bytes()).decode() for file in files],
    ]
    for form in forms:
        answers = served.predict(form)
        got = np.array([[*answer["probabilities"].values()] for answer in answers], np.float32)
        np.testing.assert_array_equal(got, expected)
        assert [answer["class"] for answer in answers] == [HOW.class_names[i] for i in expected.argmax(axis=1)]
        assert [*answers[0]["probabilities"]] == list(HOW.class_names)
        assert all(answer["confidence"] <= max(answer["probabilities"].values()) + 1e-6 for answer in answers)
    assert served.predict(coded[0])[0]["class"] == served.predict(images[0])[0]["class"] == "dark"
    large = np.full((1, 20, 30, 3), 240, np.uint8)
    assert served.predict(large)[0]["class"] == "light", "resized, and grey as those that it was trained on"
    assert served.predict(large[0].tolist()) == served.predict(large), "a single image by itself, of any size"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "expected at least one image, got none"),
        (["no base64!"], "expected base64 of an image file, got no base64 in image 0"),
        ([base64.b64encode(b"text").decode()], r"image 0 that cannot be read \(no image of a known format\)"),
        ([[[[300]]]], "expected whole numbers from 0 to 255, got 300 to 300 in image 0"),
        ([[[[0.5]]]], "expected whole numbers from 0 to 255"),
        ([[[[1, 2]]]], r"expected images \[N, H, W, C\] of 1 channel or 3, got int64 \[1, 1, 2\] as image 0"),
        ([[[1], [1, 2]]], "expected images of numbers"),
        (pd.DataFrame({"id": [1], "image": ["abc"]}), "expected a table of one column, the images, got 2: id, image"),
    ],
)
def test_what_is_no_image_is_a_line(served: Any, given: Any, message: str) -> None:
    with pytest.raises(MlflowException, match=message) as error:
        served.predict(given)
    assert error.value.get_http_status_code() == 400
