"""Parts and classes of an image folder are told apart by their names, or refused with what was seen."""

from pathlib import Path

import pytest

from src.dataset import DatasetError
from src.dataset.layout import part_lists_in, part_of, parts_of, read_layout


def make(root: Path, *files: str) -> Path:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("Training", "train"), ("TRAIN", "train"), ("training_set", "train"), ("seg_train", "train"),
        ("trainset", "train"), ("train2017", "train"), ("val", "validation"), ("Valid", "validation"),
        ("dev", "validation"), ("eval", "validation"), ("validation-images", "validation"), ("Testing", "test"),
        ("test_set", "test"), ("01_test", "test"),
        ("rose", None), ("train_station", None), ("test_tube", None), ("valley", None), ("1", None), ("set", None),
    ],
)  # fmt: skip
def test_usual_names_of_parts(name: str, part: str | None) -> None:
    assert part_of(name) == part


def test_parts_by_any_usual_name(tmp_path: Path) -> None:
    make(tmp_path, *(f"{part}/{name}/1.png" for part in ("Training", "Valid", "TESTING") for name in "ab"))
    layout = read_layout(tmp_path)
    assert layout.parts == {
        "train": tmp_path / "Training", "validation": tmp_path / "Valid", "test": tmp_path / "TESTING"
    }  # fmt: skip
    assert layout.class_folders == ["a", "b"]
    assert layout.notes == ["Training/ is the training part, Valid/ is the validation part, TESTING/ is the test part"]


def test_eval_tests_where_another_validates(tmp_path: Path) -> None:
    make(tmp_path, *(f"{part}/{name}/1.png" for part in ("train", "dev", "eval") for name in "ab"))
    assert {part: folder.name for part, folder in read_layout(tmp_path).parts.items()} == {
        "train": "train", "validation": "dev", "test": "eval"
    }  # fmt: skip


@pytest.mark.parametrize("inside", ["", "test/", "unknown/", "images/"])
def test_a_test_part_without_classes_is_left_alone(tmp_path: Path, inside: str) -> None:
    make(tmp_path, "train/a/1.png", "train/b/1.png", f"test/{inside}1.png", f"test/{inside}2.png")
    layout = read_layout(tmp_path)
    assert list(layout.parts) == ["train"]
    assert layout.notes[0] == "test/ is left alone: its 2 files lie in no class folder"


@pytest.mark.parametrize("junk", ["__MACOSX", ".ipynb_checkpoints", "@eaDir", "$RECYCLE.BIN", ".git", "lost+found"])
def test_what_systems_leave_is_no_class(tmp_path: Path, junk: str) -> None:
    make(tmp_path, "a/1.png", "b/1.png", f"{junk}/a/1.png", "Thumbs.db", f"a/{junk}/2.png")
    assert read_layout(tmp_path).class_folders == ["a", "b"]
    make(tmp_path / "split", "train/a/1.png", "train/b/1.png", f"{junk}/a/1.png")
    assert list(read_layout(tmp_path / "split").parts) == ["train"]


@pytest.mark.parametrize("wrapped", ["data", "archive/dataset", "data/train"])
def test_one_wrapping_folder_is_gone_into(tmp_path: Path, wrapped: str) -> None:
    make(tmp_path, f"{wrapped}/a/1.png", f"{wrapped}/b/1.png", "README.md", "docs/.keep", "results/r.csv")
    layout = read_layout(tmp_path)
    assert layout.parts["train"] == tmp_path / wrapped
    assert layout.class_folders == ["a", "b"]
    assert str(tmp_path / "data") in layout.notes[0] or wrapped != "data"


@pytest.mark.parametrize("left", ["seg_pred/seg_pred", "masks", "predict"])
def test_images_beside_two_parts_are_no_classes(tmp_path: Path, left: str) -> None:
    make(tmp_path, *(f"seg_{part}/{name}/1.png" for part in ("train", "test") for name in "ab"), f"{left}/1.png")
    layout = read_layout(tmp_path)
    assert list(layout.parts) == ["train", "test"]
    assert layout.notes[-1].endswith(f"; {left.partition('/')[0]} left alone")


def test_names_that_differ_in_the_part_alone(tmp_path: Path) -> None:
    make(tmp_path, *(f"flowers_{part}/{name}/1.png" for part in ("train", "val", "test") for name in "ab"), "doc/a.pdf")
    assert {part: folder.name for part, folder in read_layout(tmp_path).parts.items()} == {
        "train": "flowers_train", "validation": "flowers_val", "test": "flowers_test"
    }  # fmt: skip
    assert parts_of(["test_tube", "train_station"]) == parts_of(["blood_test", "urine_test"]) == {}


@pytest.mark.parametrize("others", [[], ["bus"]])
def test_classes_whose_names_end_with_parts_are_classes(tmp_path: Path, others: list[str]) -> None:
    names = ["crash_test", "crash_train", *others]
    assert read_layout(make(tmp_path, *(f"{name}/1.png" for name in names))).class_folders == sorted(names)


def test_lists_of_parts_are_known_by_their_names(tmp_path: Path) -> None:
    lists = ["test.txt", "testing_list.txt", "train.csv", "train_test_split.txt", "val_files.txt"]
    make(tmp_path, *lists, "classes.txt", "images.txt", "list.txt", "train.jpg", "training_log.csv", "test/1.txt")
    assert part_lists_in(tmp_path) == lists


def test_parts_with_a_folder_of_their_own_name(tmp_path: Path) -> None:
    make(tmp_path, *(f"seg_{part}/seg_{part}/{name}/1.png" for part in ("train", "test") for name in "ab"))
    assert read_layout(tmp_path).parts == {
        "train": tmp_path / "seg_train/seg_train", "test": tmp_path / "seg_test/seg_test"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["x/a/1.png", "x/b/1.png", "y/a/1.png", "y/b/1.png"], "got x, y, which all hold the folders a, b"),
        (
            ["a/images/1.png", "a/masks/1.png", "b/images/1.png", "b/masks/1.png"],
            "all hold images, masks; move masks out",
        ),
        (
            ["a/train/1.png", "a/test/1.png", "b/train/1.png", "b/test/1.png"],
            "all hold test, train; move a/test to test/a",
        ),
        (["train/a/1.png", "train/b/1.png", "rose/1.png"], "got both: train beside rose"),
        (["test/1.png", "a/1.png", "b/1.png"], "got both: test beside a, b"),
        (["test/a/1.png", "test/b/1.png", "val/a/1.png", "val/b/1.png"], "must hold a folder train/ beside test, val"),
        (["train/1.png", "test/1.png"], "train must hold a folder for each class, got none; 1 image lies in it itself"),
        (["train/1.png", "test/1.png", "a.csv", "a_submission.csv"], r"dataset=table dataset.path=\S*/a.csv"),
        (["train/1.png", "train/metadata.csv", "test/1.png"], r"dataset=table dataset.path=\S*[^v]$"),
        (["train/a/1.png", "train/b/1.png", "val/a/1.png", "valid/a/1.png"], "one folder of the validation part"),
        (["flowers.zip"], "got none; unpack flowers.zip"),
        (["1.png", "2.png"], "got none; 2 images lie in it itself: 1.png, 2.png; move them .* type dataset=table"),
        (
            ["images/1.png", "labels.csv"],
            r"got only images; 1 image lies in images/ .* labels.csv, type dataset=table dataset.path=.*/labels.csv",
        ),
        (["a/1.png", "2.png"], "at least two classes, got only a"),
        (
            ["train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/1.png", "a/1.png"],
            "got both: test, train beside a",
        ),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(tmp_path: Path, files: list[str], message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        read_layout(make(tmp_path, *files))
    assert "\n" not in str(caught.value)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    assert read_layout(make(tmp_path, "bus/1.png", "car/1.png", "train/1.png")).class_folders == ["bus", "car", "train"]


def test_loose_images_beside_classes_are_named(tmp_path: Path) -> None:
    layout = read_layout(make(tmp_path, "a/1.png", "b/1.png", "left.jpg", "labels.csv"))
    assert layout.notes == ["1 image beside the class folders is left alone: left.jpg"]
