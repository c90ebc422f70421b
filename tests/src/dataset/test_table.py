"""Tables of files and labels: CSV and Parquet, files beside them or inside, and every mistake in one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from src.config.dataset import TableConfig
from src.dataset import Dataset, DatasetError, load
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


@pytest.mark.slow
@pytest.mark.parametrize("column", ["stage", "data_split", "type", "set", "test"])
def test_a_column_of_nothing_but_words_for_parts_says_them(tmp_path: Path, files: list[str], column: str) -> None:
    words = "001" if column == "test" else ["train", "Train", "test"]
    rows = [[file, label(file), words[i % 3]] for i, file in enumerate(files)]
    write_csv(tmp_path, [["image", "label", column], *rows])
    data = open_table(tmp_path)
    assert data.test is not None and len(data.test.labels) == 6
    assert f"{column} the part" in data.notes[-1]


@pytest.mark.slow
@pytest.mark.parametrize(("column", "settings"), [("kfold", {}), ("split", {"split_column": "split"})])
def test_a_column_of_folds_says_in_which_each_image_validates(
    tmp_path: Path, files: list[str], column: str, settings: dict[str, Any]
) -> None:
    """As competitions give them, so that pictures of one patient are in one fold."""
    said = {file: str(i % 4) if i % 5 else "test" for i, file in enumerate(files)}
    write_csv(tmp_path, [["image", "label", column], *([file, label(file), said[file]] for file in files)])
    config = TableConfig("table", str(tmp_path / "labels.csv"), image_size=8, folds=4, **settings)
    for number in range(1, 5):
        data = load(config, 0, tmp_path / "cache", number)
        check(data)
        assert {said[file] for file in data.names["validation"].tolist()} == {str(number - 1)}
        assert {said[file] for file in data.names["train"].tolist()} == {*"0123"} - {str(number - 1)}
        assert data.test is not None and len(data.test.labels) == 4
        assert f"{column} the fold" in data.notes[-1]
    with pytest.raises(DatasetError, match=rf"must be 4, the folds in column {column}, got 3; type dataset.folds=4"):
        open_table(tmp_path, folds=3, **settings)
    with pytest.raises(DatasetError, match=r"dataset.folds=4 to validate by each of these in turn"):
        open_table(tmp_path, scaling="none")
    write_csv(tmp_path, [["image", "label", "f"], *([file, label(file), str(int("/r/" in file))] for file in files)])
    with pytest.raises(DatasetError, match=r"class blue must have images in several folds"):
        open_table(tmp_path, folds=2, split_column="f")


@pytest.mark.slow
def test_no_test_images_are_taken_out_of_folds_that_a_column_says(tmp_path: Path, files: list[str]) -> None:
    """Other pictures of the same patient would be trained on."""
    rows = [[file, label(file), str(i % 4)] for i, file in enumerate(files)]
    write_csv(tmp_path, [["image", "label", "fold"], *rows])
    with pytest.raises(DatasetError, match=r"got 0.2: .* write test in the rows of that column that are to test"):
        open_table(tmp_path, folds=4, test_fraction=0.2)
    assert open_table(tmp_path, folds=4, test_fraction=0.2, split_column="none").test is not None


@pytest.mark.slow
@pytest.mark.parametrize("folds", [None, 3])
@pytest.mark.parametrize("column", ["fold_change", "manifold", "x", ""])
def test_other_columns_of_few_numbers_are_no_folds(
    tmp_path: Path, files: list[str], column: str, folds: int | None
) -> None:
    rows = [[file, label(file), str(i % 4), ""] for i, file in enumerate(files)]
    write_csv(tmp_path, [["image", "label", column, "x" if column else ""], *rows])
    check(open_table(tmp_path, folds=folds))


@pytest.mark.slow
@pytest.mark.parametrize("column", ["cv_fold", "kfoldId", "FOLD_NO", "fold5"])
def test_names_of_columns_of_folds(tmp_path: Path, files: list[str], column: str) -> None:
    rows = [[file, label(file), str(i % 4)] for i, file in enumerate(files)]
    write_csv(tmp_path, [["image", "label", column], *rows])
    assert f"{column} the fold" in open_table(tmp_path, folds=4).notes[-1]


@pytest.mark.slow
def test_a_folder_called_as_those_of_lists_has_images_of_its_own(tmp_path: Path, files: list[str]) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    (tmp_path / "images").rename(folder / "images")
    write_images(tmp_path / "thumbnails" / "r", 10, (9, 9, 9))
    rows = ["image,label", *(f"{file.removeprefix('images/')},{label(file)}" for file in files)]
    (folder / "labels.csv").write_text("\n".join(rows))
    check(open_table(tmp_path, "labels/labels.csv"))


@pytest.mark.slow
def test_labels_that_are_words_for_parts_are_labels(tmp_path: Path, files: list[str]) -> None:
    write_csv(tmp_path, [["image", "label"], *([file, "train" if "/r/" in file else "test"] for file in files)])
    assert open_table(tmp_path).class_names == ("test", "train")


@pytest.mark.slow
@pytest.mark.parametrize("line", ["{file} {label}", "{file}  {number}", "{stem} {number}", "{folder}/{stem}"])
def test_lists_of_parts_as_published_datasets_have_them(tmp_path: Path, files: list[str], line: str) -> None:
    """As those of Food-101 (`apple_pie/1005649`), and of Caffe and many others (`images/1.jpg 3`)."""
    lines = []
    for i, file in enumerate(files):
        folder = tmp_path / "images" / label(file)
        folder.mkdir(exist_ok=True)
        new = (tmp_path / file).rename(folder / f"{i:02}x.png")
        said = {"file": str(new.relative_to(tmp_path)), "stem": new.stem, "folder": folder.name, "label": label(file)}
        lines.append(line.format(**said, number=int(label(file) == "red")))
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "train.txt").write_text("\n".join(["# a remark", *lines[::2], ""]))
    (tmp_path / "meta" / "test.txt").write_text("\n".join(lines[1::2]))
    (tmp_path / "meta" / "README.txt").write_text("Read me first.")
    data = open_table(tmp_path, "meta")
    assert data.class_names == (("0", "1") if "number" in line else ("blue", "red"))
    assert data.test is not None and len(data.test.labels) == 10
    for part in (data.train, data.validation, data.test):
        assert ((part.images[..., 0].mean(axis=(1, 2)) > 100) == (part.labels == 1)).all()


@pytest.mark.slow
def test_folders_of_the_files_say_their_parts(tmp_path: Path, files: list[str]) -> None:
    """As one metadata.jsonl beside train/ and test/ has it, which Hugging Face's datasets reads so."""
    named = []
    for i, file in enumerate(files):
        part = "test" if i % 5 == 4 else "train"
        (tmp_path / part).mkdir(exist_ok=True)
        (tmp_path / file).rename(tmp_path / part / f"{i}.png")
        named.append([f"{part}/{i}.png", label(file)])
    write_csv(tmp_path, [["image", "label"], *named])
    data = open_table(tmp_path)
    check(data)
    assert data.test is not None and len(data.test.labels) == 4
    assert "the folders of the files are the parts: train, test" in data.notes
    assert open_table(tmp_path, split_column="none").test is None
    (tmp_path / "0.png").write_bytes((tmp_path / "train/0.png").read_bytes())
    write_csv(tmp_path, [["image", "label"], *named, ["0.png", "red"]])
    with pytest.raises(DatasetError, match=r"of the parts train, test, and 1 files in others: .*split_column=none"):
        open_table(tmp_path, scaling="none")


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["", ".png"])
def test_of_files_of_one_name_that_of_the_rows_part_is_meant(tmp_path: Path, files: list[str], ending: str) -> None:
    """As competitions have it: train/0.png and test/0.png, and a table of the first."""
    for part, others in (("train", files), ("test", files[::-1])):
        for i, file in enumerate(others):
            (tmp_path / f"{part}_images").mkdir(exist_ok=True)
            (tmp_path / f"{part}_images" / f"{i}.png").write_bytes((tmp_path / file).read_bytes())
    rows = [[f"{i}{ending}", label(file)] for i, file in enumerate(files)]
    write_csv(tmp_path, [["id", "label"], *rows])
    (tmp_path / "sample_submission.csv").write_text("id,label\n0,red\n")
    check(open_table(tmp_path))
    check(open_table(tmp_path, name=""))
    (tmp_path / "labels.csv").rename(tmp_path / "again.csv")
    (tmp_path / "train_images" / "3.png").rename(tmp_path / "3.bak")
    with pytest.raises(DatasetError, match=f"1 of the 20 files that again.csv names are missing, the first 3{ending};"):
        open_table(tmp_path, name="again.csv")
    (tmp_path / "3.bak").rename(tmp_path / "train_images" / "3.png")
    validating = [[*row, "val" if i % 5 == 4 else "train"] for i, row in enumerate(rows)]
    write_csv(tmp_path, [["id", "label", "split"], *validating])
    (tmp_path / "labels.csv").rename(tmp_path / "split.csv")
    check(open_table(tmp_path, name="split.csv"))
    (tmp_path / "small").mkdir()
    for part in ("train", "test"):
        (tmp_path / f"{part}_images").rename(tmp_path / "small" / f"{'ab'[part == 'test']}")
    with pytest.raises(
        DatasetError, match=rf"20 names of several files, the first 0{ending}, which is small/a/0.png as"
    ):
        open_table(tmp_path, name="again.csv")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["categories", "lists", "gz"])
def test_tables_as_pandas_writes_them(tmp_path: Path, files: list[str], kind: str) -> None:
    table = pd.DataFrame({"image": files, "label": [label(file) for file in files]})
    if kind == "categories":
        table["stage"] = pd.Categorical((["train"] * 4 + ["test"]) * 4)
        table.to_parquet(tmp_path / "a.parquet")
    elif kind == "lists":
        table.assign(label=[[text] for text in table.label]).to_parquet(tmp_path / "a.parquet")
    else:
        table.to_csv(tmp_path / "a.csv.gz", index=False)
    data = open_table(tmp_path, "a.csv.gz" if kind == "gz" else "a.parquet")
    check(data)
    assert (data.test is not None) == (kind == "categories")
    table.assign(label=[["red", "blue"]] * 20).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(DatasetError, match="must have one label in each row, got lists of several"):
        open_table(tmp_path, "b.parquet")


@pytest.mark.parametrize("name", ["labels.json", "table.pkl", "imagelabels.mat"])
def test_what_is_no_table_is_told_so(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(DatasetError, match=r"is not a readable table: it is .*; save it as CSV, or as JSON Lines"):
        open_table(tmp_path, name)


def test_two_columns_of_one_name_are_refused(tmp_path: Path, files: list[str]) -> None:
    write_csv(tmp_path, [["image", "label", "label"], *([file, label(file), "x"] for file in files)])
    with pytest.raises(DatasetError, match="one column of each name, got label twice"):
        open_table(tmp_path)


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


def test_spaces_around_labels_are_left_out(tmp_path: Path, files: list[str]) -> None:
    rows = [[f" {file}" if i == 3 else file, label(file) + " " * (i % 2)] for i, file in enumerate(files)]
    write_csv(tmp_path, [["image", "label"], *rows])
    data = open_table(tmp_path)
    check(data)
    assert data.notes[:2] == ("20 files of 2 classes: blue (10), red (10)", "spaces around 10 labels are left out")


@pytest.mark.parametrize("others", [[], ["7"]])
def test_a_table_without_a_header(tmp_path: Path, files: list[str], others: list[str]) -> None:
    write_csv(tmp_path, [[label(file), *others, file] for file in files])
    if others:
        with pytest.raises(DatasetError, match=r"one of the columns of labels.csv, 1, 2, 3, .* image,label$"):
            open_table(tmp_path)
    data = open_table(tmp_path, label_column="1" if others else None)
    check(data)
    assert data.notes[0].startswith("20 files"), "no row is lost"
    columns = "1, 2, 3" if others else "1, 2"
    assert data.notes[1] == f"labels.csv has no header: its columns are {columns}"


def test_what_says_nothing_is_said_to_be_left_alone(tmp_path: Path, files: list[str]) -> None:
    write_csv(tmp_path, [["", "image", "sex", "dataset", "label"], *(["3", f, "f", "x", label(f)] for f in files)])
    data = open_table(tmp_path)
    check(data)
    assert data.notes[1] == "label is the label, image the file; sex, dataset left alone"


@pytest.mark.parametrize(
    ("column", "yes", "no", "part"),
    [("is_valid", "True", "False", "validation"), ("Is Test", "1", "0", "test"), ("is-val", "yes", "no", "validation")],
)
def test_a_column_that_says_yes_or_no(
    tmp_path: Path, files: list[str], column: str, yes: str, no: str, part: str
) -> None:
    rows = [[file, label(file), no if i % 5 else yes] for i, file in enumerate(files)]
    write_csv(tmp_path, [["image", "label", column], *rows])
    data = open_table(tmp_path)
    check(data)
    chosen = getattr(data, part)
    assert set(chosen_names(data, part)) == set(files[::5])
    assert len(chosen.labels) == 4
    assert data.notes[1] == f"label is the label, image the file, {column} the part"


def chosen_names(data: Dataset, part: str) -> list[str]:
    return data.names[part].tolist()


@pytest.mark.parametrize(
    ("column", "values"),
    [("split", "01234"), ("fold", "0123"), ("is_valid", "ab"), ("is_train", "01"), ("subset", ["train", "other"])],
)
def test_a_column_of_parts_that_says_none_is_never_passed_over(
    tmp_path: Path, files: list[str], column: str, values: Any
) -> None:
    rows = [[file, label(file), values[i % len(values)]] for i, file in enumerate(files)]
    write_csv(tmp_path, [["image", "label", column], *rows])
    odd = ", ".join(value for value in values if value != "train")
    message = rf"`dataset.split_column`: column {column} must say train, .* got {odd}; .*dataset.split_column=none"
    with pytest.raises(DatasetError, match=message):
        open_table(tmp_path)
    data = open_table(tmp_path, split_column="none")
    check(data)
    assert data.notes[1] == f"label is the label, image the file; {column} left alone"


def test_folds_beside_parts_and_two_columns_of_parts(tmp_path: Path, files: list[str]) -> None:
    rows = [[file, label(file), "01"[i % 5 == 0], ["train", "val"][i % 5 == 0]] for i, file in enumerate(files)]
    write_csv(tmp_path, [["image", "label", "fold", "split"], *rows])
    assert open_table(tmp_path).notes[1] == "label is the label, image the file, split the part; fold left alone"
    write_csv(tmp_path, [["image", "label", "is_valid", "split"], *rows])
    with pytest.raises(DatasetError, match=r"is_valid, split all do; type dataset.split_column=is_valid"):
        open_table(tmp_path, scaling="none")


def test_a_column_a_class(tmp_path: Path, files: list[str]) -> None:
    red = [label(file) == "red" for file in files]
    rows = [[Path(file).name, str(float(r)), str(float(not r)), "0.0", "7"] for file, r in zip(files, red, strict=True)]
    for i, file in enumerate(files):
        (tmp_path / file).rename(tmp_path / f"{i:04}.png")
        rows[i][0] = f"{i:04}"
    write_csv(tmp_path, [["image", "red", "blue", "UNK", "age"], *rows])
    data = open_table(tmp_path)
    check(data)
    assert data.notes[1] == "red, blue are the classes, image the file; UNK, age left alone"
    rows[3][1:3] = ["1.0", "1.0"]
    write_csv(tmp_path, [["image", "red", "blue", "UNK", "age"], *rows])
    with pytest.raises(DatasetError, match="red, blue, UNK hold 0 and 1, but not a single 1 in each row"):
        open_table(tmp_path, scaling="none")


def test_json_lines_beside_the_files_of_each_part(tmp_path: Path) -> None:
    for part, count in (("train", 10), ("test", 3)):
        lines = []
        for name, colour in (("red", (200, 30, 30)), ("blue", (30, 30, 200))):
            write_images(tmp_path / "hub" / part / name, count, colour)
            lines += [{"file_name": f"{name}/{i:03}.png", "label": name, "boxes": [[1, 2]]} for i in range(count)]
        (tmp_path / "hub" / part / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    data = open_table(tmp_path, "hub")
    check(data)
    assert data.test is not None
    assert ((data.test.images[..., 0].mean(axis=(1, 2)) > 100) == (data.test.labels == 1)).all()
    assert data.notes[0] == "20 training files of 2 classes: blue (10), red (10); 6 test files"
    assert open_table(tmp_path, "hub/test/metadata.jsonl").notes[0] == "6 files of 2 classes: blue (3), red (3)"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-16-be"])
@pytest.mark.parametrize("head", ["image\tlabel\r\n", ""])
def test_what_excel_writes(tmp_path: Path, files: list[str], encoding: str, head: str) -> None:
    text = head + "".join(f"{file}\t{label(file)}\r\n" for file in files)
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    (tmp_path / "labels.csv").write_bytes((mark + text).encode(encoding))
    data = open_table(tmp_path)
    check(data)
    assert data.notes[0].startswith("20 files")


def test_a_spreadsheet_is_to_be_saved_as_csv(tmp_path: Path) -> None:
    (tmp_path / "labels.xlsx").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(DatasetError, match=r"labels.xlsx is not a readable table: it is a spreadsheet; save it as CSV"):
        open_table(tmp_path, "labels.xlsx")


def test_labels_that_differ_in_capitals_from_the_training_parts(tmp_path: Path, files: list[str]) -> None:
    rows = [[f, label(f) if i % 5 else label(f).title(), "train" if i % 5 else "val"] for i, f in enumerate(files)]
    write_csv(tmp_path, [["image", "label", "split"], *rows])
    with pytest.raises(DatasetError, match=r"got Blue, Red .* write them alike: blue, Blue are of two classes"):
        open_table(tmp_path)
