"""Tables of files and labels: CSV and Parquet, files beside them or inside, and every mistake in one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from src.dataset import Dataset, DatasetError
from tests.helpers.dataset_files import open_dataset, write_images


def open_table(tmp_path: Path, name: str = "labels.csv", **settings: Any) -> Dataset:
    return open_dataset(tmp_path / "cache", "table", path=str(tmp_path / name), image_size=8, **settings)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Ten red and ten blue images in one folder."""
    write_images(tmp_path / "images" / "r", 10, (200, 30, 30))
    write_images(tmp_path / "images" / "b", 10, (30, 30, 200))
    return [f"images/{colour}/{i:03}.png" for colour in "rb" for i in range(10)]


def write_csv(tmp_path: Path, rows: list[list[str]], sign: str = ",") -> None:
    (tmp_path / "labels.csv").write_text("\n".join(sign.join(row) for row in rows) + "\n")


def check(data: Dataset) -> None:
    assert data.class_names == ("blue", "red")
    for images, labels in (data.train, data.validation):
        assert ((images[..., 0].mean(axis=(1, 2)) > 100) == (labels == 1)).all()


def label(file: str) -> str:
    return {"r": "red", "b": "blue"}[file.split("/")[1]]


@pytest.mark.parametrize("head", ["image,label", "file_name,class", "path,species", "Image ID,Category", "where,what"])
def test_columns_by_usual_names_or_by_what_they_hold(tmp_path: Path, files: list[str], head: str) -> None:
    write_csv(tmp_path, [head.split(","), *([file, label(file)] for file in files)])
    data = open_table(tmp_path)
    check(data)
    assert len(data.train.labels) + len(data.validation.labels) == 20
    assert data.notes[1:] == (f"{head.split(',')[1]} is the label, {head.split(',')[0]} the file",)
    assert set(data.names["train"].tolist()) < set(files)


def test_signs_and_other_columns(tmp_path: Path, files: list[str]) -> None:
    write_csv(tmp_path, [["age", "image", "label"], *(["7", file, label(file)] for file in files)], ";")
    check(open_table(tmp_path))
    write_csv(tmp_path, [["n", "image", "kind", "age"], *(["7", file, label(file), "3"] for file in files)], "\t")
    check(open_table(tmp_path, label_column="kind"))


def test_names_without_folders_and_endings(tmp_path: Path, files: list[str]) -> None:
    for i, file in enumerate(files):
        (tmp_path / file).rename(tmp_path / "images" / f"{i:04}.png")
    write_csv(tmp_path, [["id", "label"], *([f"{i:04}", label(file)] for i, file in enumerate(files))])
    check(open_table(tmp_path))


def test_a_column_of_parts(tmp_path: Path, files: list[str]) -> None:
    parts = ["train"] * 6 + ["valid"] * 2 + ["TEST"] * 2
    write_csv(tmp_path, [["image", "label", "split"], *([f, label(f), parts[i % 10]] for i, f in enumerate(files))])
    data = open_table(tmp_path)
    check(data)
    assert data.test is not None
    assert [len(part.labels) for part in (data.train, data.validation, data.test)] == [12, 4, 4]


def hugging_face(tmp_path: Path, files: list[str]) -> None:
    """Write shards as the image datasets of the Hub have them: bytes inside, numbers named in the metadata."""
    features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["red", "blue"]}}
    schema = pa.schema(
        [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("label", pa.int64())],
        {"huggingface": json.dumps({"info": {"features": features}})},
    )
    folder = tmp_path / "hub" / "data"
    folder.mkdir(parents=True)
    shards = {
        "train-00000-of-00002": files[::3],
        "train-00001-of-00002": files[1::3],
        "test-00000-of-00001": files[2::3],
    }
    for name, chosen in shards.items():
        rows = [
            {
                "image": {"bytes": (tmp_path / file).read_bytes(), "path": Path(file).name},
                "label": ["red", "blue"].index(label(file)),
            }
            for file in chosen
        ]
        parquet.write_table(pa.Table.from_pylist(rows, schema), folder / f"{name}.parquet")


def test_parquet_shards_with_the_bytes_inside(tmp_path: Path, files: list[str]) -> None:
    hugging_face(tmp_path, files)
    data = open_table(tmp_path, "hub")
    assert data.class_names == ("red", "blue")
    assert data.test is not None
    assert [len(part.labels) for part in (data.train, data.validation, data.test)] == [11, 3, 6]
    for images, labels in (data.train, data.validation, data.test):
        assert ((images[..., 0].mean(axis=(1, 2)) > 100) == (labels == 0)).all()
    assert not list((tmp_path / "cache").rglob("bytes"))


def test_one_parquet_with_files_beside_it(tmp_path: Path, files: list[str]) -> None:
    parquet.write_table(pa.table({"image": files, "label": [label(f) for f in files]}), tmp_path / "t.parquet")
    check(open_table(tmp_path, "t.parquet"))


def test_a_test_table_without_labels_is_left_alone(tmp_path: Path, files: list[str]) -> None:
    folder = tmp_path / "kaggle"
    folder.mkdir()
    (tmp_path / "images").rename(folder / "images")
    (folder / "train.csv").write_text("\n".join(["image,label", *(f"{file},{label(file)}" for file in files)]))
    (folder / "test.csv").write_text("image\nimages/r/000.png\n")
    (folder / "sample_submission.csv").write_text("image,label\nimages/r/000.png,red\n")
    data = open_table(tmp_path, "kaggle")
    check(data)
    assert data.test is None
    assert data.notes[1:3] == ("sample_submission.csv left alone", "test.csv is left alone: it has no column label")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"rows": ["a.png", "b.png", "c.png", "d.png"]},
            r"4 of the 24 files .* are missing, the first a.png, b.png, c.png;",
        ),
        ({"label": ""}, r"column label \(train part\) must have a label for each image, got 1 without"),
        ({"head": "a,b"}, None),
        ({"column": "kind"}, "`dataset.label_column` must be one of image, label, got kind"),
        ({"label": "green"}, "at least two images.* there is one of green"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, files: list[str], change: dict[str, Any], message: str | None) -> None:
    rows = [[file, label(file)] for file in files] + [[name, "red"] for name in change.get("rows", [])]
    if "label" in change:
        rows[0][1] = change["label"]
    write_csv(tmp_path, [change.get("head", "image,label").split(","), *rows])
    if message is None:
        check(open_table(tmp_path))
        return
    with pytest.raises(DatasetError, match=message) as caught:
        open_table(tmp_path, label_column=change.get("column"))
    assert "\n" not in str(caught.value)


def test_a_label_of_the_test_part_alone(tmp_path: Path, files: list[str]) -> None:
    parts = ["train"] * 8 + ["test"] * 2
    rows = [[f, label(f), parts[i % 10]] for i, f in enumerate(files)]
    rows[-1][1] = "lily"
    write_csv(tmp_path, [["image", "label", "split"], *rows])
    with pytest.raises(DatasetError, match=r"got lily \(1 image\); add training images of them"):
        open_table(tmp_path)


def test_columns_that_cannot_be_told(tmp_path: Path, files: list[str]) -> None:
    write_csv(tmp_path, [["image", "u", "v"], *([file, "1", "2"] for file in files)])
    with pytest.raises(
        DatasetError, match=r"`dataset\.label_column` must be one of the columns of labels.csv, image, u, v"
    ):
        open_table(tmp_path)


def test_a_file_that_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(np.arange(99).tobytes())
    with pytest.raises(DatasetError, match=r"t\.parquet is not a readable table"):
        open_table(tmp_path, "t.parquet")
    (tmp_path / "labels.csv").write_text("")
    with pytest.raises(DatasetError, match=r"labels.csv is not a readable table: Empty CSV file"):
        open_table(tmp_path)
