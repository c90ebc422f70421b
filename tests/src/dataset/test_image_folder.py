"""Image folders: every format and mode, resizing, parts, and every broken file."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from src.dataset import Dataset, DatasetError, decode, parallel_decode
from tests.helpers.dataset_files import open_dataset, write_images

RED, BLUE = (200, 30, 30), (30, 30, 200)


def open_folder(tmp_path: Path, image_size: Any = 12, **settings: Any) -> Dataset:
    return open_dataset(
        tmp_path / "cache", "image_folder", path=str(tmp_path / "data"), image_size=image_size, **settings
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten images of each of two classes."""
    write_images(tmp_path / "data" / "red", 10, RED)
    write_images(tmp_path / "data" / "blue", 10, BLUE)
    return tmp_path / "data"


def test_classes_are_the_sub_folders(tmp_path: Path, folder: Path) -> None:
    (folder / ".hidden").mkdir()
    (folder / "red" / ".DS_Store").write_bytes(b"")
    data = open_folder(tmp_path)
    assert data.class_names == ("blue", "red")
    assert data.input_shape == (12, 12, 3)
    assert data.test is None
    assert data.skipped == ()
    assert [len(data.train.labels), len(data.validation.labels)] == [16, 4]
    for images, labels in (data.train, data.validation):
        assert ((images[..., 0].mean(axis=(1, 2)) > 100) == (labels == 1)).all()


def test_parts_of_its_own(tmp_path: Path) -> None:
    for part, count in (("train", 10), ("validation", 3), ("test", 2)):
        for name, colour in (("red", RED), ("blue", BLUE)):
            write_images(tmp_path / "data" / part / name, count, colour)
    data = open_folder(tmp_path)
    assert data.test is not None
    assert [len(part.labels) for part in (data.train, data.validation, data.test)] == [20, 6, 4]
    limited = open_folder(tmp_path, limit=5)
    assert [len(limited.train.labels), len(limited.validation.labels)] == [5, 6]


def test_a_class_may_be_called_train(tmp_path: Path, folder: Path) -> None:
    write_images(folder / "train", 10, (30, 200, 30))
    assert open_folder(tmp_path).class_names == ("blue", "red", "train")


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"]
FORMATS = {"PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"], "JPEG": ["L", "RGB", "CMYK"]}
FORMATS |= {"BMP": ["1", "L", "P", "RGB"], "GIF": ["L", "P"]}


@pytest.mark.parametrize(("form", "mode"), [(form, mode) for form, modes in FORMATS.items() for mode in modes])
def test_a_bright_image_stays_bright_in_every_format_and_mode(
    tmp_path: Path, folder: Path, form: str, mode: str
) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.full((20, 30), 65000, np.uint16))
    else:
        image = Image.new("RGB", (30, 20), "white").convert(mode)
    image.save(folder / "red" / f"white.{form.lower()}", form)
    data = open_folder(tmp_path, limit=None, validation_fraction=0.1)
    brightest = max(part.images.mean(axis=(1, 2, 3)).max() for part in (data.train, data.validation))
    assert data.skipped == ()
    assert brightest > 250


def test_grey_images_have_one_channel(tmp_path: Path) -> None:
    for name, value in (("dark", 40), ("light", 220)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number, mode in enumerate(["L", "LA", "1", "L"]):
            pixels = Image.new("L", (9, 7 + number), value).convert(mode)
            pixels.save(tmp_path / "data" / name / f"{number}.png")
    assert open_folder(tmp_path, image_size=[6, 8]).input_shape == (6, 8, 1)


def test_what_is_transparent_is_white(tmp_path: Path, folder: Path) -> None:
    Image.new("RGBA", (12, 12), (0, 0, 0, 0)).save(folder / "red" / "clear.png")
    palette = Image.new("P", (12, 12), 3)
    palette.save(folder / "red" / "clear.gif", transparency=3)
    data = open_folder(tmp_path)
    means = np.concatenate([part.images.mean(axis=(1, 2, 3)) for part in (data.train, data.validation)])
    assert (means == 255).sum() == 2


def test_images_are_upright(tmp_path: Path, folder: Path) -> None:
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, :16] = 255  # left half white; turned by orientation 6, it is the upper half
    exif = Image.Exif()
    exif[0x0112] = 6
    for number in range(10):
        for name in ("red", "blue"):
            (folder / name / f"{number:03}.png").unlink()
            Image.fromarray(pixels).save(folder / name / f"{number}.jpg", exif=exif)
    data = open_folder(tmp_path, image_size=None)
    assert data.input_shape == (32, 16, 1) or data.input_shape == (32, 16, 3)
    assert data.train.images[0, :14].mean() > 240
    assert data.train.images[0, 18:].mean() < 15


def truncated(form: str) -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(noise).save(out, form)
    return out.getvalue()[: out.tell() // 2]


def test_broken_files_are_skipped_in_one_note(tmp_path: Path, folder: Path) -> None:
    broken = {"empty.png": b"", "text.jpg": b"no image", "noise": os.urandom(500)}
    broken |= {f"cut.{form.lower()}": truncated(form) for form in ("JPEG", "PNG", "BMP", "GIF")}
    for name, content in broken.items():
        (folder / "red" / name).write_bytes(content)
    data = open_folder(tmp_path)
    assert len(data.train.labels) + len(data.validation.labels) == 20
    assert data.skipped == tuple(sorted(f"red/{name}" for name in broken))
    _, note = data.notes
    assert "skipped 7 of 27 files: " in note
    assert "empty (red/empty.png)" in note
    assert "no image of a known format (red/noise, red/text.jpg)" in note
    assert all(f"red/{name}" in note for name in broken)


def jpeg(mode: str = "RGB", **settings: Any) -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
    Image.fromarray(noise).resize((50, 60)).convert(mode).save(out, "JPEG", **settings)
    return out.getvalue()


JPEGS = {
    "colour": jpeg(),
    "grey": jpeg("L"),
    "progressive": jpeg(progressive=True),
    "finer colours": jpeg(subsampling=0),
    "restarts": jpeg(restart_marker_rows=1),
    "CMYK": jpeg("CMYK"),
}


@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_is_read_as_pillow_reads_it(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "x.jpg"
    file.write_bytes(JPEGS[kind])
    pixels, grey = decode.read(str(file), (20, 30))
    with Image.open(file) as image:
        expected = image.convert("RGB").resize((30, 20), Image.Resampling.BILINEAR)
    assert pixels == expected.tobytes()
    assert grey == (kind == "grey")


@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_cut_anywhere_is_refused(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "x.jpg"
    whole = JPEGS[kind]
    for end in [*range(0, len(whole) - 2, 31), len(whole) - 2, len(whole) - 1]:
        file.write_bytes(whole[:end])
        with pytest.raises((OSError, SyntaxError)):
            decode.read(str(file), (20, 30))


@pytest.mark.parametrize("kind", ["colour", "grey", "progressive"])
def test_usual_jpegs_take_the_fast_way(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.jpg").write_bytes(JPEGS[kind])
    monkeypatch.delattr(decode, "_any")
    decode.read(str(tmp_path / "x.jpg"), (20, 30))


def test_a_helper_that_fails_says_why(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel_decode, "FEW", 0)
    monkeypatch.setattr(parallel_decode, "cores", lambda: 2)
    (tmp_path / "helper.py").write_text("raise OSError('no memory')")
    monkeypatch.setattr(decode, "__file__", str(tmp_path / "helper.py"))
    with pytest.raises(DatasetError, match="ended with status 1: OSError: no memory; run again"):
        open_folder(tmp_path)


def test_helper_processes_decode_the_same(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "red" / "empty.png").write_bytes(b"")
    here = open_folder(tmp_path)
    monkeypatch.setattr(parallel_decode, "FEW", 0)
    monkeypatch.setattr(parallel_decode, "cores", lambda: 3)
    (tmp_path / "cache").rename(tmp_path / "first")
    there = open_dataset(tmp_path / "other", "image_folder", path=str(folder), image_size=12)
    assert np.array_equal(here.train.images, there.train.images)
    assert here.skipped == there.skipped == ("red/empty.png",)


def test_a_changed_folder_is_decoded_again(tmp_path: Path, folder: Path) -> None:
    open_folder(tmp_path)
    write_images(folder / "red", 12, RED)
    changed = open_dataset(tmp_path / "cache", "image_folder", seed=1, path=str(folder), image_size=12)
    assert len(changed.train.labels) + len(changed.validation.labels) == 22


def test_without_a_size_all_images_must_have_one(tmp_path: Path, folder: Path) -> None:
    assert open_folder(tmp_path, image_size=None).input_shape == (12, 12, 3)
    write_images(folder / "red", 1, RED, size=14)
    with pytest.raises(DatasetError, match=r"different sizes, got .*12x12.*14x14|14x14.*12x12"):
        open_dataset(tmp_path / "cache", "image_folder", seed=1, path=str(folder))


def test_one_class_is_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "data" / "red", 3)
    with pytest.raises(DatasetError, match="at least two classes, got only red"):
        open_folder(tmp_path)


def test_no_class_is_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "data", 3)
    with pytest.raises(DatasetError, match="at least two classes, got none"):
        open_folder(tmp_path)


def test_an_empty_class_is_refused(tmp_path: Path, folder: Path) -> None:
    (folder / "green").mkdir()
    with pytest.raises(DatasetError, match="no image of class green"):
        open_folder(tmp_path)


def test_a_class_of_broken_files_is_refused(tmp_path: Path, folder: Path) -> None:
    (folder / "green").mkdir()
    (folder / "green" / "x.png").write_bytes(b"x")
    with pytest.raises(DatasetError, match="no training image of class green"):
        open_folder(tmp_path)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("rose", "got both: train beside rose; move"),
        ("test/green", "no training images: green; those of .* are blue, red"),
    ],
)
def test_parts_that_do_not_fit(tmp_path: Path, place: str, message: str) -> None:
    for name, colour in (("red", RED), ("blue", BLUE)):
        write_images(tmp_path / "data" / "train" / name, 3, colour)
    write_images(tmp_path / "data" / place, 3)
    with pytest.raises(DatasetError, match=message):
        open_folder(tmp_path)


def test_a_test_part_of_broken_files_is_refused(tmp_path: Path) -> None:
    for name, colour in (("red", RED), ("blue", BLUE)):
        write_images(tmp_path / "data" / "train" / name, 3, colour)
    (tmp_path / "data" / "test" / "red").mkdir(parents=True)
    (tmp_path / "data" / "test" / "red" / "x.png").write_bytes(b"x")
    with pytest.raises(DatasetError, match="the test part has no readable image"):
        open_folder(tmp_path)


def test_the_classes_and_their_files_are_told(tmp_path: Path, folder: Path) -> None:
    assert open_folder(tmp_path).notes == ("20 files of 2 classes: blue (10), red (10)",)
    for name in ("red", "blue"):
        (folder / "train").mkdir(exist_ok=True)
        (folder / name).rename(folder / "train" / name)
    write_images(folder / "test" / "red", 3, RED)
    assert (
        open_folder(tmp_path, image_size=8).notes[0]
        == "20 training files of 2 classes: blue (10), red (10); 3 test files"
    )


def test_inner_folders_that_could_be_the_classes_are_told(tmp_path: Path) -> None:
    for name in ("animals/cat", "animals/dog", "plants/rose"):
        write_images(tmp_path / "data" / name, 3)
    found, inner = open_folder(tmp_path).notes[:2]
    assert found == "9 files of 2 classes: animals (6), plants (3)"
    assert inner.startswith("the classes are the outer folders, and animals/cat, animals/dog, plants/rose are not; if")
    write_images(tmp_path / "data" / "animals", 3)
    write_images(tmp_path / "data" / "plants", 3)
    assert "outer" not in " ".join(open_folder(tmp_path, image_size=8).notes)


def test_the_folder_of_a_wrapped_class_is_not_told(tmp_path: Path) -> None:
    for name in ("cat/images", "dog/images"):
        write_images(tmp_path / "data" / name, 3)
    assert "outer" not in " ".join(open_folder(tmp_path).notes)


def test_folders_of_documents_are_no_classes(tmp_path: Path, folder: Path) -> None:
    for file in ("docs/paper.pdf", "docs/more/notes.MD", "results/r.csv"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("x")
    data = open_folder(tmp_path)
    assert data.class_names == ("blue", "red")
    assert data.notes[1] == "docs/, results/ left alone: no image is in there"
    (folder / "red").rename(tmp_path / "red")
    with pytest.raises(DatasetError, match="got only blue; docs/, results/ left alone"):
        open_folder(tmp_path, image_size=8)


def test_a_part_whose_classes_differ_in_capitals(tmp_path: Path) -> None:
    for part, names in (("train", ("Red", "Blue")), ("val", ("red", "Blue"))):
        for name, colour in zip(names, (RED, BLUE), strict=True):
            write_images(tmp_path / "data" / part / name, 3, colour)
    with pytest.raises(DatasetError, match="write them alike: Red and red are of two classes as they are"):
        open_folder(tmp_path)


@pytest.mark.slow
def test_lists_of_parts_that_are_not_read_are_told_of(tmp_path: Path) -> None:
    for name, red in (("a", 200), ("b", 30)):
        write_images(tmp_path / "own/images" / name, 5, (red, 30, 30))
    (tmp_path / "own/train_test_split.txt").write_text("1 0")
    (tmp_path / "own/meta").mkdir()
    (tmp_path / "own/meta/test.txt").write_text("a/000")
    data = open_dataset(tmp_path / "cache", "image_folder", path=str(tmp_path / "own"), image_size=8)
    said = "train_test_split.txt, meta/test.txt are not read: the images are split anew; for their parts, type dataset="
    assert any(note.startswith(said) and note.endswith("own/meta") for note in data.notes)
