"""Decode image files into places in other files; run as a script by `parallel_decode`.

It imports nothing of this project, so that a helper starts soon.
"""

import contextlib
import json
import os
import sys
import warnings
from collections.abc import Sequence

import numpy as np
import simplejpeg
from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "BMP", "GIF")
GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L")

JPEG_START = b"\xff\xd8\xff"

Task = tuple[str, str, int]  # an image file, the file to write to, and the offset in it


def work(queue: int, folder: str) -> None:
    """Decode batches of tasks, beside other processes that do the same, until none is left.

    Args:
        queue: a pipe of which every byte is the number of a batch that nobody has begun.
        folder: batch 7 is `7.in`, the arguments of `decode` as JSON; what that returns goes to `7.out`.
    """
    while number := os.read(queue, 1):
        place = os.path.join(folder, str(number[0]))
        with open(place + ".in") as given, open(place + ".out", "w") as out:
            json.dump(decode(**json.load(given)), out)


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
    # A JPEG decodes faster at a fraction of its size, and twice the final size is enough to resize well.
    enough = 2 * max(size)
    image, grey = _plain_jpeg(file, enough) or _any(file, enough)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return image.tobytes(), grey


def _plain_jpeg(file: str, enough: int) -> tuple[Image.Image, bool] | None:
    """Decode a JPEG, a small one in half of Pillow's time; None for files that want Pillow's care."""
    with open(file, "rb", buffering=0) as opened:
        if opened.read(len(JPEG_START)) != JPEG_START:
            return None
        content = JPEG_START + opened.read()
    if b"Exif\0" in content:  # it may be on its side
        return None
    try:
        colours = simplejpeg.decode_jpeg_header(content)[2]
        if colours not in ("Gray", "YCbCr"):
            return None
        pixels = simplejpeg.decode_jpeg(content, min_height=enough, min_width=enough)
    except ValueError:  # damaged: Pillow tells how badly
        return None
    return Image.fromarray(pixels), colours == "Gray"


def _any(file: str, enough: int) -> tuple[Image.Image, bool]:
    """Decode a file of any of the formats, with Pillow."""
    with Image.open(file, formats=FORMATS) as image:
        image.draft(None, (enough, enough))
        image.load()
        upright = ImageOps.exif_transpose(image) if "exif" in image.info else image
        return _flat(upright).convert("RGB"), image.mode in GREY


def size_of(file: str) -> tuple[int, int]:
    """Return a file's height and width as it is to be seen, without decoding it."""
    with Image.open(file, formats=FORMATS) as image:
        sideways = "exif" in image.info and image.getexif().get(0x0112, 1) >= 5
        return image.size if sideways else (image.height, image.width)


def _flat(image: Image.Image) -> Image.Image:
    """Return an image of 8 bits a channel without transparency."""
    if image.mode.startswith("I"):  # 16 bits; Pillow's own conversion would clip them at 255
        values = np.asarray(image).astype(np.int64).clip(0, 65535)
        return Image.fromarray((values >> 8).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "La", "PA", "RGBa") or "transparency" in image.info:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    return image


if __name__ == "__main__":
    work(sys.stdin.fileno(), sys.argv[1])
