"""Tables that hold the images themselves, as Kaggle's Digit Recognizer, FER2013 and many of scikit-learn's kind."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from src.dataset import Dataset, DatasetError
from src.dataset.pixel_columns import shape_of
from tests.helpers.dataset_files import open_dataset

IMAGES, LABELS = load_digits(return_X_y=True)
IMAGES = (IMAGES * 15).astype(int)  # [1797, 64], from 0 to 240
COUNT = 120


def opened(tmp_path: Path, name: str, **settings: Any) -> Dataset:
    return open_dataset(tmp_path / "cache", "table", path=str(tmp_path / name), image_size=None, **settings)


def table(images: Any = IMAGES[:COUNT]) -> Any:
    found = pd.DataFrame(images, columns=[f"pixel{i}" for i in range(images.shape[1])])
    found.insert(0, "label", LABELS[: len(images)])
    return found


def check(data: Dataset, shape: tuple[int, ...], images: Any = IMAGES[:COUNT]) -> None:
    """Each image is to be there with its label, whatever its part."""
    there = {(row.tobytes(), int(label)) for row, label in zip(images.astype(np.uint8), LABELS, strict=False)}
    parts = [part for part in (data.train, data.validation, data.test) if part is not None]
    read = [np.asarray(part.images) for part in parts]
    assert {image.shape for images in read for image in images} == {shape}
    names = np.array(data.class_names).astype(int)
    found = [
        (image.astype(np.uint8).tobytes(), int(names[label]))
        for part in parts
        for image, label in zip(part.images, part.labels, strict=True)
    ]
    assert set(found) == there


def test_shapes() -> None:
    assert [shape_of(count) for count in (784, 2304, 2352, 64)] == [(28, 28), (48, 48), (28, 28, 3), (8, 8)]
    assert [shape_of(count) for count in (-1, 0, 1, 49, 63, 785)] == [None] * 6


def test_a_column_a_pixel_as_in_competitions(tmp_path: Path) -> None:
    found = table()
    found.to_csv(tmp_path / "train.csv", index=False)
    found.drop(columns="label").to_csv(tmp_path / "test.csv", index=False)
    pd.DataFrame({"ImageId": [1, 2], "Label": 0}).to_csv(tmp_path / "sample_submission.csv", index=False)
    data = opened(tmp_path, "")
    check(data, (8, 8, 1))
    assert "label is the label, pixel0 to pixel63 the pixels" in data.notes
    assert "test.csv is left alone: it has no column label" in data.notes


@pytest.mark.slow
@pytest.mark.parametrize("last", [False, True])
def test_without_a_header_the_label_comes_first_or_last(tmp_path: Path, last: bool) -> None:
    found = table()
    found = found[[*found.columns[1:], "label"]] if last else found
    found.to_csv(tmp_path / "mnist_train.csv", index=False, header=False)
    check(opened(tmp_path, "mnist_train.csv"), (8, 8, 1))


@pytest.mark.slow
def test_colours_are_the_last_to_count(tmp_path: Path) -> None:
    colours = np.stack([IMAGES[:COUNT], IMAGES[:COUNT] // 2, IMAGES[:COUNT] // 3], axis=-1).reshape(COUNT, -1)
    table(colours).to_parquet(tmp_path / "rgb.parquet")
    check(opened(tmp_path, "rgb.parquet"), (8, 8, 3), colours)


@pytest.mark.slow
def test_texts_of_pixels_and_the_parts_of_fer2013(tmp_path: Path) -> None:
    parts = ["Training", "Training", "PublicTest", "PrivateTest"] * (COUNT // 4)
    texts = [" ".join(map(str, row)) for row in IMAGES[:COUNT]]
    found = pd.DataFrame({"emotion": LABELS[:COUNT], "pixels": texts, "Usage": parts})
    found.to_csv(tmp_path / "fer2013.csv", index=False)
    data = opened(tmp_path, "fer2013.csv")
    check(data, (8, 8, 1))
    assert data.test is not None
    assert [len(part.labels) for part in (data.train, data.validation, data.test)] == [60, 30, 30]
    found.loc[5, "pixels"] = "1 2 3"
    found.to_csv(tmp_path / "short.csv", index=False)
    with pytest.raises(DatasetError, match="as many pixels in each row, got 64 in the first and 3 in row 6"):
        opened(tmp_path, "short.csv")


@pytest.mark.slow
@pytest.mark.parametrize(("value", "got"), [(0.5, "0.5"), (256, "256"), (-1, "-1"), (None, "nan")])
def test_other_values_are_refused(tmp_path: Path, value: float | None, got: str) -> None:
    found = table().astype({"pixel7": float})
    found.loc[3, "pixel7"] = value
    found.to_csv(tmp_path / "odd.csv", index=False)
    with pytest.raises(DatasetError, match=f"whole numbers from 0 to 255 in pixel0 to pixel63, got {got}; multiply"):
        opened(tmp_path, "odd.csv")


@pytest.mark.slow
def test_a_table_of_files_with_many_numbers_beside_them_is_one_of_files(tmp_path: Path) -> None:
    found = table()
    found.insert(0, "image", [f"{i}.png" for i in range(COUNT)])
    found.to_csv(tmp_path / "files.csv", index=False)
    with pytest.raises(DatasetError, match="120 of the 120 files that"):
        opened(tmp_path, "files.csv")
