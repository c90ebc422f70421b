"""A folder of photographs that colours do not tell apart: things of several kinds, and to test on, other things.

    python -m benchmarks.things FOLDER

Needs apt and dpkg-deb, of Debian or Ubuntu, unless its package tuxpaint-stamps-default is installed: it is downloaded
(161 MB) and unpacked for the moment. Each photograph shows one thing without what was behind it. It is laid on grounds
of four colours, in another size, place and light each time; its copies are all in one part, FOLDER/train, validation or
test. Takes half a minute.
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

PACKAGE = "tuxpaint-stamps-default"
STAMPS = Path("usr/share/tuxpaint/stamps")
# The folders of each kind, and what in them is no photograph, or another one's mirror image.
KINDS = {
    "bird": ["animals/birds"],
    "food": ["food"],
    "mammal": ["animals/mammals", "animals/marsupials"],
    "plant": ["plants"],
    "tool": ["household", "hobbies"],
}
DRAWN = ("cartoon", "toys", "echidna", "hedgehog", "highlighter", "pizza")
MIRROR = "_mirror"
# Of each part: the share of the photographs, and how many images are made of one.
PARTS = {"train": (0.5, 4), "validation": (0.25, 3), "test": (0.25, 3)}
SIDE = 128  # pixels, of an image
SIZES = 0.5, 0.95  # of the thing, in sides of the image
LIGHT = 0.5, 1.3


def main(folder: Path) -> None:
    """Write the folder."""
    with stamps() as root:
        for number, kind in enumerate(KINDS):
            rng = np.random.default_rng(number)
            found = photographs(root, kind)
            rng.shuffle(found)
            ends = np.cumsum([round(share * len(found)) for share, _ in PARTS.values()])[:-1]
            for (part, (_, copies)), files in zip(PARTS.items(), np.split(np.arange(len(found)), ends), strict=True):
                place = folder / part / kind
                place.mkdir(parents=True, exist_ok=True)
                for file in (found[i] for i in files):
                    name = "-".join(file.relative_to(root).with_suffix("").parts)
                    with Image.open(file) as opened:
                        thing = opened.convert("RGBA")
                    for copy in range(copies):
                        laid(thing, rng).save(place / f"{name}-{copy}.jpg", quality=95)


@contextlib.contextmanager
def stamps() -> Iterator[Path]:
    """Yield the folder of all stamps: the installed one, else that of the package, for as long as it is needed."""
    if (installed := Path("/") / STAMPS).is_dir():
        yield installed
        return
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        sys.exit(f"error: the photographs are those of Debian's {PACKAGE}, which apt-get and dpkg-deb bring")
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(["apt-get", "download", PACKAGE], cwd=place, capture_output=True, text=True)
        files = list(Path(place).glob("*.deb"))
        if not files:
            last = (done.stderr.strip().splitlines() or ["nothing came"])[-1]
            sys.exit(f"error: {PACKAGE} cannot be downloaded: {last}; type apt-get update")
        subprocess.run(["dpkg-deb", "-x", files[0], place], check=True)
        yield Path(place) / STAMPS


def photographs(root: Path, kind: str) -> list[Path]:
    """Return the photographs of a kind, in the order of their names."""
    files = [file for folder in KINDS[kind] for file in (root / folder).rglob("*.png")]
    drawn = [file for file in files if set(file.relative_to(root).with_suffix("").parts) & set(DRAWN)]
    return sorted(file for file in files if file not in drawn and not file.stem.endswith(MIRROR))


def laid(thing: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Lay a thing on a ground of four colours, in some size, place and light."""
    corners = rng.integers(0, 256, (2, 2, 3)).astype(np.uint8)
    picture = Image.fromarray(corners).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    box = thing.getchannel("A").getbbox()
    thing = thing.crop(box) if box else thing
    scale = rng.uniform(*SIZES) * SIDE / max(thing.size)
    width, height = (max(1, round(scale * side)) for side in thing.size)
    thing = thing.resize((width, height), Image.Resampling.LANCZOS)
    x, y = rng.integers(0, SIDE - width + 1), rng.integers(0, SIDE - height + 1)
    picture.paste(thing, (int(x), int(y)), thing)
    return ImageEnhance.Brightness(picture).enhance(rng.uniform(*LIGHT))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("error: the command takes the folder to make; type python -m benchmarks.things things")
    main(Path(sys.argv[1]))
