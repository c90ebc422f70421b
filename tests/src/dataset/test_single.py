"""One file is prepared as those were that a network is trained on."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.dataset import DatasetError, Preprocessing, decode, read_image, read_images
from tests.helpers.dataset_files import open_dataset


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_a_file_reads_as_it_did_in_the_dataset(tmp_path: Path, fit: str, deep: bool) -> None:
    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(0, 256, (20, 30, 3), np.uint8)
            grey = pixels[..., 0].astype(np.uint16) * 3 + 2000
            Image.fromarray(grey if deep else pixels).save(folder / name / f"{number}.png")
    data = open_dataset(tmp_path / "cache", "image_folder", path=str(folder), image_size=[8, 12], fit=fit)
    assert data.preprocessing is not None
    assert data.preprocessing.channels == (1 if deep else 3)
    for name, image in zip(data.names["validation"], data.validation.images, strict=True):
        assert np.array_equal(read_image(folder / str(name), data.preprocessing), image)


MODES = {
    "JPEG": ["L", "RGB", "CMYK", "turned", "progressive"],
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "turned"],
    "BMP": ["L", "RGB"],
    "GIF": ["L", "P"],
    "WEBP": ["RGB", "RGBA", "turned"],
    "TIFF": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F", "turned"],
    "PPM": ["1", "L", "RGB"],
    "JPEG2000": ["L", "RGB"],
    "AVIF": ["RGB", "turned"],
}


def write_all(folder: Path) -> None:
    """Write an image of every format and mode that is read."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(len(folder.name))
    for form, modes in MODES.items():
        for mode in modes:
            pixels = rng.integers(0, 256, (rng.integers(20, 60), rng.integers(20, 60), 3), np.uint8)
            colour, more = Image.fromarray(pixels), {}
            if mode in ("I;16", "F"):
                kind = np.uint16 if mode == "I;16" else np.float32
                image = Image.fromarray(pixels[..., 0].astype(kind) * 200)
            else:
                image = colour.convert(mode if mode not in ("turned", "progressive") else "RGB")
            if mode == "turned":
                more["exif"] = Image.Exif()
                more["exif"][0x0112] = 6
            elif mode == "progressive":
                more["progressive"] = True
            image.save(folder / f"{form}-{mode.replace(';', '')}.{form.lower()}", form, **more)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_every_format_is_read_to_the_bit_as_in_the_dataset(tmp_path: Path, fit: str, channels: int) -> None:
    folder = tmp_path / "data"
    for name in ("one", "three"):
        write_all(folder / name)
    settings = {"path": str(folder), "image_size": [8, 12], "fit": fit, "channels": channels}
    data = open_dataset(tmp_path / "cache", "image_folder", validation_fraction=0.8, **settings)
    how = data.preprocessing
    assert how is not None
    assert (data.skipped, how.channels) == ((), channels)
    files = [str(folder / str(name)) for name in data.names["validation"]]
    assert len(files) > 50
    (tmp_path / "broken.png").write_bytes(b"text")
    together, broken = read_images([*files[:9], str(tmp_path / "broken.png"), *files[9:]], how)
    assert broken == {9: "no image of a known format"}
    np.testing.assert_array_equal(together, data.validation.images)
    for file, image in zip(files, data.validation.images, strict=True):
        np.testing.assert_array_equal(read_image(file, how), image)
        sent = decode.prepared(Path(file).read_bytes(), how.image_size, how.fit, how.channels, how.value_range)
        np.testing.assert_array_equal(sent, image)


def test_what_is_read_back_is_the_same_preprocessing() -> None:
    how = Preprocessing((8, 12), "crop", 3, (0.0, 4095.0), "standardize", ("a", "b"))
    assert Preprocessing.of(json.loads(json.dumps(how.as_dict()))) == how


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"text")
    preprocessing = open_dataset(tmp_path / "cache", "digits").preprocessing
    assert preprocessing is not None
    with pytest.raises(DatasetError, match=r"x\.png cannot be read: no image of a known format"):
        read_image(tmp_path / "x.png", preprocessing)
