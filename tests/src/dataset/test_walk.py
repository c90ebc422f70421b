"""Whatever a file system can hold in an image folder is read, or skipped and named with the reason."""

import os
import socket
from pathlib import Path

import pytest

from src.dataset import Dataset
from src.dataset.walk import shown, walk
from tests.helpers.dataset_files import open_dataset, write_images


def open_folder(tmp_path: Path) -> Dataset:
    return open_dataset(tmp_path / "cache", "image_folder", path=str(tmp_path / "data"), image_size=8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        write_images(tmp_path / "data" / name, 5)
    return tmp_path / "data"


def test_links_are_followed(tmp_path: Path, folder: Path) -> None:
    write_images(tmp_path / "elsewhere", 3)
    (folder / "a" / "link.png").symlink_to(tmp_path / "elsewhere" / "000.png")
    (folder / "c").symlink_to(tmp_path / "elsewhere")
    data = open_folder(tmp_path)
    assert data.class_names == ("a", "b", "c")
    assert len(data.train.labels) + len(data.validation.labels) == 14
    assert not [note for note in data.notes[1:] if "copies" not in note]


def test_what_is_no_image_is_skipped_with_the_reason(tmp_path: Path, folder: Path) -> None:
    (folder / "a" / "gone.png").symlink_to("/nowhere")
    (folder / "a" / "self.png").symlink_to("self.png")
    (folder / "a" / "up").symlink_to("..")
    (folder / "loop").symlink_to(".")
    os.mkfifo(folder / "a" / "pipe.png")
    os.mkfifo(folder / "pipe")
    (folder / "a" / "empty.png").write_bytes(b"")
    (folder / "a" / "x.jpg").mkdir()
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(os.path.relpath(folder / "a" / "s.png"))
        data = open_folder(tmp_path)
    names = ("empty.png", "gone.png", "pipe.png", "s.png", "self.png", "up")
    assert data.skipped == (*(f"a/{name}" for name in names), "loop", "pipe")
    told = " ".join(data.notes)
    for words in (
        "a link that leads nowhere (a/gone.png)", "a pipe (a/pipe.png, pipe)", "a socket (a/s.png)",
        "empty (a/empty.png)", "a link to a folder that it lies in (a/up, loop)",
    ):  # fmt: skip
        assert words in told
    assert len(data.train.labels) + len(data.validation.labels) == 10


def test_folders_that_cannot_be_listed_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a" / "secret").mkdir()
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = walk(folder / "a")
    assert len(found.files) == 5
    assert found.skipped == {str(folder / "a" / "secret"): "Permission denied"}


def test_names_that_are_no_text_are_read_and_shown(tmp_path: Path, folder: Path) -> None:
    os.rename(folder / "a" / "000.png", os.fsencode(folder / "a") + b"/\xff\xfe.png")
    (folder / "a" / "001.png").rename(folder / "a" / ("x" * 250 + ".png"))
    os.rename(folder / "b", os.fsencode(folder) + b"/b\xe4")
    (folder / "a" / "new\nline.png").write_bytes(b"x")
    data = open_folder(tmp_path)
    assert data.class_names == ("a", "b\\xe4")
    names = [*data.names["train"].tolist(), *data.names["validation"].tolist()]
    assert "a/\\xff\\xfe.png" in names
    assert data.skipped == ("a/new\\x0aline.png",)
    " ".join([*names, *data.notes]).encode()


def test_shown_leaves_what_can_be_printed() -> None:
    assert shown("Blüte 花.png") == "Blüte 花.png"
    assert shown("a\tb\x1b[1m") == "a\\x09b\\x1b[1m"
