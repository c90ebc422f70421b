"""Files and folders that a user names, and what their folders say that they show."""

import os
from pathlib import Path

import pytest

from src.deployment.gathering import gather
from tests.helpers.kept import write_picture

CLASSES = ["dark", "light", "T-shirt/top"]


def test_files_and_folders_in_order_with_the_classes_of_their_folders(tmp_path: Path) -> None:
    for name in (
        "b/light/2.png",
        "b/light/deep/1.png",
        "b/dark/x.png",
        "b/T-shirt_top/s.png",
        "b/other/o.png",
        "a.png",
    ):
        write_picture(tmp_path / name, 0)
    (tmp_path / "b/light/notes.txt").write_text("text")
    found = gather([str(tmp_path / "b"), str(tmp_path / "a.png")], CLASSES)
    shown = [(os.path.relpath(picture.file, tmp_path), picture.true, picture.wanted) for picture in found.pictures]
    assert shown == [
        ("b/T-shirt_top/s.png", 2, True),
        ("b/dark/x.png", 0, True),
        ("b/light/2.png", 1, True),
        ("b/light/deep/1.png", 1, True),
        ("b/light/notes.txt", 1, False),
        ("b/other/o.png", None, True),
        ("a.png", None, True),
    ]
    assert not found.unreadable
    assert found.notes == [f"1 image in {tmp_path / 'b'} outside of the classes' folders: predicted, not evaluated"]


def test_folders_that_are_named_otherwise_are_told(tmp_path: Path) -> None:
    write_picture(tmp_path / "Dark/1.png", 0)
    (note,) = gather([str(tmp_path)], CLASSES).notes
    assert note == (
        f"no folder in {tmp_path} is named like a class (dark, light, T-shirt/top), got Dark: its images are "
        "predicted, not evaluated"
    )


def test_what_is_no_file_is_a_line_each(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "folder/inside.png")
    (tmp_path / "empty").mkdir()
    found = gather([str(tmp_path / name) for name in ("pipe", "pipe.png", "none.jpg", "folder", "empty")], CLASSES)
    assert not found.pictures
    assert {os.path.relpath(name, tmp_path): why for name, why in found.unreadable.items()} == {
        "pipe": "a pipe",
        "pipe.png": "a pipe",
        "none.jpg": "No such file or directory",
        "folder/inside.png": "a pipe",
    }
    assert found.notes == [f"{tmp_path / 'empty'} holds no files"]


@pytest.mark.parametrize(
    ("name", "said"), [("-", "save it as a file"), ("https://a.org/a b.jpg", "curl -LO 'https://a")]
)
def test_what_other_programs_read_is_told_what_to_do_with(name: str, said: str) -> None:
    found = gather([name], ["a"])
    assert not found.pictures
    assert said in found.unreadable[name]
