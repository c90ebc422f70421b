"""Photographs of things: which files are taken, that no thing is in two parts, and what an image of one looks like."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import things


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in (folder for folders in things.KINDS.values() for folder in folders):
        for name in (*"abcdefgh", "cartoon/a", "a_mirror", "echidna", "more/a"):
            file = tmp_path / "stamps" / folder / f"{name}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGBA", (30, 20), (9, 9, 9, 255)).save(file)
    return tmp_path / "stamps"


def test_drawings_and_mirror_images_are_left_out(root: Path) -> None:
    names = [str(file.relative_to(root / "animals/birds")) for file in things.photographs(root, "bird")]
    assert names == [*(f"{name}.png" for name in "abcdefgh"), "more/a.png"]


def test_no_thing_is_in_two_parts_and_each_time_it_is_the_same_folder(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(things, "stamps", lambda: nullcontext(root))
    for folder in ("one", "other"):
        things.main(tmp_path / folder)
    parts = {part: {file.stem[:-2] for file in (tmp_path / "one" / part / "food").iterdir()} for part in things.PARTS}
    assert [len(names) for names in parts.values()] == [4, 2, 3]
    assert len(set.union(*parts.values())) == 9
    assert len(list((tmp_path / "one/train/mammal").iterdir())) == 4 * things.PARTS["train"][1] * 2 + 4
    for file in (tmp_path / "one").rglob("*.jpg"):
        assert file.read_bytes() == (tmp_path / "other" / file.relative_to(tmp_path / "one")).read_bytes()


def test_a_thing_is_laid_whole_on_a_ground() -> None:
    thing = Image.new("RGBA", (90, 60))
    thing.paste((255, 255, 255, 255), (20, 10, 50, 25))
    rng = np.random.default_rng(0)
    for _ in range(5):
        image = np.asarray(things.laid(thing, rng))
        assert image.shape == (things.SIDE, things.SIDE, 3)
        brightest = (image == image.max(axis=(0, 1))).all(axis=2)
        rows, columns = (np.flatnonzero(brightest.any(axis=axis)) for axis in (1, 0))
        assert np.ptp(columns) + 1 == pytest.approx(2 * (np.ptp(rows) + 1), abs=4)
        assert np.ptp(columns) + 1 >= 0.45 * things.SIDE
