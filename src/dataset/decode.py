"""Decode image files into places in other files; run as a script by `parallel_decode`.

It imports nothing of this project, and numpy only when it must: that alone is most of a helper's start.
"""

import contextlib
import json
import os
import sys
import warnings
from collections.abc import Sequence

from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "BMP", "GIF")
GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L")

Task = tuple[str, str, int]  # an image file, the file to write to, and the offset in it


def decode(tasks: Sequence[Task], size: tuple[int, int]) -> list[str]:
    """Write each image, uint8 [height, width, 3], to its place.

    Returns:
        For each task `grey`, `colour`, or what is wrong with the file, of which nothing is written.
    """
    results = []
    with contextlib.ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's about odd metadata, which does no harm here
        places = {path: stack.enter_context(open(path, "r+b")) for path in {task[1] for task in tasks}}
        for file, path, offset in tasks:
            try:
                pixels, is_grey = read(file, size)
            except Exception as error:  # damaged files raise nearly anything
                results.append(f"{type(error).__name__}: {error}")
            else:
                os.pwrite(places[path].fileno(), pixels, offset)
                results.append("grey" if is_grey else "colour")
    return results


def read(file: str, size: tuple[int, int]) -> tuple[bytes, bool]:
    """Read the first frame of a file, upright, on white where it is transparent, and resize it.

    Returns:
        Red, green and blue of each pixel; and whether the file has no colour, which makes them equal.
    """
    height, width = size
    with Image.open(file, formats=FORMATS) as image:
        # A JPEG decodes faster at 1/2, 1/4 or 1/8, and twice the final size is enough to resize well.
        image.draft(None, (2 * max(size), 2 * max(size)))
        image.load()
        upright = ImageOps.exif_transpose(image) if "exif" in image.info else image
        grey = image.mode in GREY
        flat = _flat(upright)
        if flat.mode != "RGB":
            flat = flat.convert("RGB")
        if flat.size != (width, height):
            flat = flat.resize((width, height), Image.Resampling.BILINEAR)
        return flat.tobytes(), grey


def size_of(file: str) -> tuple[int, int]:
    """Return a file's height and width as it is to be seen, without decoding it."""
    with Image.open(file, formats=FORMATS) as image:
        sideways = "exif" in image.info and image.getexif().get(0x0112, 1) >= 5
        return image.size if sideways else (image.height, image.width)


def _flat(image: Image.Image) -> Image.Image:
    """Return an image of 8 bits a channel without transparency."""
    if image.mode.startswith("I"):  # 16 bits; Pillow's own conversion would clip them at 255
        import numpy as np

        values = np.asarray(image).astype(np.int64).clip(0, 65535)
        return Image.fromarray((values >> 8).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "La", "PA", "RGBa") or "transparency" in image.info:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    return image


if __name__ == "__main__":
    json.dump(decode(**json.load(sys.stdin)), sys.stdout)
