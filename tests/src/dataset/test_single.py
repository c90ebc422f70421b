"""One file is prepared as those were that a network is trained on."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.dataset import DatasetError, read_image
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


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"text")
    preprocessing = open_dataset(tmp_path / "cache", "digits").preprocessing
    assert preprocessing is not None
    with pytest.raises(DatasetError, match=r"x\.png cannot be read: no image of a known format"):
        read_image(tmp_path / "x.png", preprocessing)
