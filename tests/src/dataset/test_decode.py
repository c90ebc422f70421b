"""Files of every format, mode and depth."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from src.dataset import Dataset, decode, value_range
from src.dataset.decode import Deep
from tests.helpers.dataset_files import open_dataset


def open_folder(tmp_path: Path, **settings: Any) -> Dataset:
    return open_dataset(tmp_path / "cache", "image_folder", path=str(tmp_path / "data"), **settings)


def png16(values: np.ndarray) -> bytes:
    """Lay uint16 [H, W, 1 to 4] out as a PNG of 16 bits, which Pillow writes for grey images alone."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def tiff16(values: np.ndarray) -> bytes:
    """Lay uint16 [H, W, 3] out as a TIFF, little-endian and not compressed."""
    height, width, _ = values.shape
    pixels = values.astype("<u2").tobytes()
    entries = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, 8 + len(pixels)), (259, 3, 1, 1), (262, 3, 1, 2)]
    entries += [(273, 4, 1, 8), (277, 3, 1, 3), (278, 3, 1, height), (279, 4, 1, len(pixels))]
    table = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    bits = struct.pack("<HHH", 16, 16, 16)
    return b"II*\0" + struct.pack("<I", 8 + len(pixels) + len(bits)) + pixels + bits + table + b"\0" * 4


def ramp(channels: int) -> np.ndarray:
    """Values of 12 bits as a microscope has them: 1935 to 2065, rising to the right."""
    row = np.linspace(1935, 2065, 16).round().astype(np.uint16)
    return np.broadcast_to(row[np.newaxis, :, np.newaxis], (16, 16, channels)).copy()


def pillow16(values: np.ndarray, form: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values[..., 0]).save(out, form)
    return out.getvalue()


DEEP = {
    "grey PNG": lambda: pillow16(ramp(1), "PNG"),
    "grey TIFF": lambda: pillow16(ramp(1), "TIFF"),
    "grey and alpha PNG": lambda: png16(np.dstack([ramp(1), np.full((16, 16), 65535)])),
    "colour PNG": lambda: png16(ramp(3)),
    "colour and alpha PNG": lambda: png16(np.dstack([ramp(3), np.full((16, 16), 65535)])),
    "colour TIFF": lambda: tiff16(ramp(3)),
    "float TIFF": lambda: pillow16(ramp(1).astype(np.float32), "TIFF"),
    "int32 TIFF": lambda: pillow16(ramp(1).astype(np.int32), "TIFF"),
}


@pytest.mark.parametrize("kind", DEEP)
def test_twelve_bits_in_sixteen_keep_their_content(tmp_path: Path, kind: str) -> None:
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(4):
            (tmp_path / "data" / name / f"{i}.x").write_bytes(DEEP[kind]())
    data = open_folder(tmp_path)
    assert data.skipped == ()
    row = data.train.images[0, 5, :, 0].astype(int)
    assert (row[0], row[-1]) == (0, 255)
    assert np.abs(row - np.linspace(0, 255, 16)).max() <= 2
    assert data.notes[1] == "8 images have more than 8 bits: their values from 1935 to 2065 become 0 to 255"
    assert data.preprocessing is not None
    assert data.preprocessing.value_range == (1935, 2065)


def test_one_range_for_all_parts_from_the_training_part(tmp_path: Path) -> None:
    for part, low, high in (("train", 1000, 2000), ("test", 0, 1500)):
        for name in ("a", "b"):
            folder = tmp_path / "data" / part / name
            folder.mkdir(parents=True)
            for i in range(4):
                values = np.full((8, 8), low, np.uint16)
                values[:, 4:] = high
                Image.fromarray(values).save(folder / f"{i}.png")
    data = open_folder(tmp_path)
    assert data.test is not None
    assert np.unique(data.train.images).tolist() == [0, 255]
    assert np.unique(data.test.images).tolist() == [0, 128]


def test_a_few_broken_pixels_do_not_decide_the_range() -> None:
    usual = Deep(True, 1900, 1935, 2065, 2070)
    assert value_range.choose([usual, usual]) == (1900, 2070)
    assert value_range.choose([usual, Deep(True, 0, 1940, 2060, 65535)]) == (1935, 2065)
    assert value_range.choose([Deep(True, 9, 9, 9, 9)]) == (0, 65535)


def test_a_few_among_images_of_8_bits_are_as_bright_as_these(tmp_path: Path) -> None:
    flat = np.random.default_rng(0).integers(30, 220, (9, 8, 8), np.uint8)
    for i, pixels in enumerate(flat):
        (tmp_path / "data" / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        deep = pixels.astype(np.uint16) * 257 if i == 4 else pixels
        Image.fromarray(deep).save(tmp_path / "data" / "ab"[i % 2] / f"{i}.png")
    data = open_folder(tmp_path, image_size=8)
    images = np.concatenate([data.train.images, data.validation.images])
    assert {image.tobytes() for image in images} == {image.tobytes() for image in flat}
    assert data.notes[1] == (
        "1 image has more than 8 bits: its values from 0 to 65535 become 0 to 255; 8 others are taken as they are"
    )


@pytest.mark.parametrize(
    ("low", "high", "span"),
    [(9, 200, (0, 255)), (9, 4000, (0, 4095)), (0.1, 0.9, (0, 1)), (-3, 70, (-3, 70)), (5, 70000, (5, 70000))],
)
def test_the_range_of_a_few_is_what_so_many_bits_hold(low: float, high: float, span: tuple[float, float]) -> None:
    assert value_range.choose([Deep(True, low, low, high, high)], few=True) == span


MODES = {
    "WEBP": ["L", "RGB", "RGBA"],
    "TIFF": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"],
    "PPM": ["1", "L", "RGB"],
    "JPEG2000": ["L", "RGB"],
    "AVIF": ["RGB"],
}


@pytest.mark.parametrize(("form", "mode"), [(form, mode) for form, modes in MODES.items() for mode in modes])
def test_formats_and_modes(tmp_path: Path, form: str, mode: str) -> None:
    file = tmp_path / "x"
    grey = Image.fromarray(np.repeat(np.linspace(0, 255, 40, dtype=np.uint8)[np.newaxis], 30, 0))
    if mode in ("I;16", "F"):
        grey = Image.fromarray(np.asarray(grey).astype(np.uint16 if mode == "I;16" else np.float32))
    else:
        grey = grey.convert(mode)
    grey.save(file, form)
    found = decode.read(str(file), (30, 40), span=(0, 255))
    pixels = np.frombuffer(found[0], np.uint8).reshape(30, 40, 3).astype(int)
    assert pixels[:, :5].mean() < 40
    assert pixels[:, -5:].mean() > 215


def test_the_first_page_of_a_tiff_and_the_first_frame_of_a_webp(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for form in ("TIFF", "WEBP"):
        pages[0].save(tmp_path / form, form, save_all=True, append_images=pages[1:])
        pixels, grey = decode.read(str(tmp_path / form), (8, 8))
        assert not grey
        assert pixels[0] > 200
        assert pixels[2] < 50


@pytest.mark.parametrize("form", ["TIFF", "WEBP", "PNG"])
def test_images_are_upright_in_every_format(tmp_path: Path, form: str) -> None:
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, :16] = 255  # left half white; turned by orientation 6, it is the upper half
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "x", form, exif=exif)
    assert decode.size_of(str(tmp_path / "x")) == (32, 16)
    found = decode.read(str(tmp_path / "x"), (32, 16))
    upright = np.frombuffer(found[0], np.uint8).reshape(32, 16, 3)
    assert upright[:14].mean() > 240
    assert upright[18:].mean() < 15


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"text", "no image of a known format"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 50, "HEIC, which is not read; save it as JPEG or PNG"),
        (b"<!DOCTYPE html><html>404</html>", "a web page"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "only a pointer of Git LFS; fetch the images with `git lfs pull`",
        ),
        (b"%PDF-1.4", "PDF, which is not read; save it as JPEG or PNG"),
    ],
)
def test_the_reason_of_what_cannot_be_read(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "x").write_bytes(content)
    (tmp_path / "out").write_bytes(b"")
    assert decode.decode([(str(tmp_path / "x"), str(tmp_path / "out"), 0)], (4, 4)) == [("broken", reason)]


@pytest.mark.parametrize(
    ("fit", "columns"), [("stretch", [0, 255, 255, 0]), ("crop", [255] * 4), ("pad", [0, 255, 255, 0])]
)
def test_fit(tmp_path: Path, fit: str, columns: list[int]) -> None:
    pixels = np.zeros((20, 40), np.uint8)
    pixels[:, 10:30] = 255
    Image.fromarray(pixels).save(tmp_path / "x.png")
    found = decode.read(str(tmp_path / "x.png"), (8, 8), fit)
    image = np.frombuffer(found[0], np.uint8).reshape(8, 8, 3)[..., 0].astype(int)
    assert np.abs(image[4, [0, 3, 4, 7]] - columns).max() < 40  # the edge is smoothed
    assert image[0].max() == (0 if fit == "pad" else 255)
