"""Decode image files into places in other files; run as a script by `parallel_decode`.

It imports nothing of this project, so that a helper starts soon.
"""

import contextlib
import hashlib
import io
import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import simplejpeg
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF")
GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "F")
FULL = (0.0, 65535.0)  # the values of an image of more than 8 bits where there was none among those trained on
RARE = 1e-4  # the part of a file's brightest and darkest values that may lie outside of the range
# By EXIF's number of the orientation.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
JPEG_START = b"\xff\xd8\xff"
UNREAD = {b"ftypheic": "HEIC", b"ftypheix": "HEIC", b"ftypmif1": "HEIC", b"ftyphevc": "HEIC", b"8BPS": "Photoshop"}
UNREAD |= {b"%PDF": "PDF", b"PK\x03\x04": "a zip archive", b"DICM": "DICOM", b"<svg": "SVG"}

# What was fetched in the place of an image.
NO_IMAGES = {
    b"version https://git-lfs": "only a pointer of Git LFS; fetch the images with `git lfs pull`",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
}
NO_IMAGE = "no image of a known format"

# A file, or [file, start, length] for bytes within one; the file to write to, and the offset in it.
Task = tuple[Any, str, int]
# `grey` or `colour` for an image that was written, with a digest of its pixels; `broken` with the reason; `deep` with
# `Deep` for one of more than 8 bits, of which nothing is written before a range is known.
Result = tuple[str, Any]


class Deep(NamedTuple):
    """Of an image of more than 8 bits: whether it is grey, its smallest and largest value, and those without the
    rarest.
    """

    grey: bool
    low: float
    usual_low: float
    usual_high: float
    high: float


class RangeNeeded(Exception):
    """A deep image was met, and no range of values is known yet."""

    def __init__(self, measured: Deep) -> None:
        self.measured = measured


def work(queue: int, folder: str, go_on: Callable[[], bool] = lambda: True) -> None:
    """Decode batches of tasks, beside other processes that do the same, until none is left.

    Args:
        queue: a pipe of which every byte is the number of a batch that nobody has begun.
        folder: batch 7 is `7.in`, the arguments of `decode` as JSON; what that returns goes to `7.out`.
        go_on: asked before each batch.
    """
    while go_on() and (number := os.read(queue, 1)):
        place = os.path.join(folder, str(number[0]))
        with open(place + ".in") as given, open(place + ".out", "w") as out:
            json.dump(decode(**json.load(given)), out)


def decode(
    tasks: Sequence[Task], size: tuple[int, int], fit: str = "stretch", span: tuple[float, float] | None = None
) -> list[Result]:
    """Write each image, uint8 [height, width, 3], to its place.

    Args:
        tasks: what to read, and where to put it.
        size: [height, width] of all images.
        fit: what is done where an image has another shape: `stretch`, `crop` or `pad`.
        span: the values of deep images that become 0 and 255; None returns `deep` for such an image.
    """
    results: list[Result] = []
    with contextlib.ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's about odd metadata, which does no harm here
        places = {path: stack.enter_context(open(path, "r+b")) for path in {task[1] for task in tasks}}
        for file, path, offset in tasks:
            try:
                pixels, is_grey = read(file, size, fit, span)
            except RangeNeeded as deep:
                results.append(("deep", deep.measured))
            except Exception as error:  # damaged files raise nearly anything
                results.append(("broken", reason(error, file)))
            else:
                os.pwrite(places[path].fileno(), pixels, offset)
                digest = hashlib.blake2b(pixels, digest_size=12).hexdigest()
                results.append(("grey" if is_grey else "colour", digest))
    return results


def contents(file: Any) -> bytes:
    """Return the bytes of a file, or of [file, start, length]; bytes are what they are."""
    if isinstance(file, bytes):
        return file
    path, start, length = (file, 0, -1) if isinstance(file, str) else file
    with open(path, "rb", buffering=0) as opened:
        opened.seek(start)
        return opened.read(length)


def reason(error: Exception, file: Any) -> str:
    """Say in a few words why a file cannot be read."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, UnidentifiedImageError):
        head = contents(file)[:256]
        if not head:
            return "empty"
        known = next((name for start, name in UNREAD.items() if start in head), None)
        if known:
            return f"{known}, which is not read; save it as JPEG or PNG"
        return next((said for start, said in NO_IMAGES.items() if head.lower().startswith(start)), NO_IMAGE)
    return " ".join(str(error).split()) or type(error).__name__


def read(
    file: Any, size: tuple[int, int], fit: str = "stretch", span: tuple[float, float] | None = None
) -> tuple[bytes, bool]:
    """Read the first frame of a file, upright, on white where it is transparent, and resize it.

    Returns:
        Red, green and blue of each pixel; and whether the file has no colour, which makes them equal.

    Raises:
        RangeNeeded: It has more than 8 bits, and there is no `span`.
        Exception: Of nearly any kind, for a damaged file.
    """
    # A JPEG decodes faster at a fraction of its size, and twice the final size is enough to resize well.
    enough = 2 * max(size)
    content = contents(file)
    image, grey = _plain_jpeg(content, enough) or _any(content, enough, span)
    return _fitted(image, size, fit).tobytes(), grey


def prepared(
    file: Any, size: tuple[int, int], fit: str, channels: int, span: tuple[float, float] | None = None
) -> np.ndarray:
    """Return an image as a network gets it that was trained with these settings, uint8 [height, width, channels].

    Args:
        file: its path, or its bytes.
        size, fit: as in `decode`.
        channels: 1 or 3.
        span: as in `decode`; None where no image was deep that was trained on.

    Raises:
        Exception: Of nearly any kind, for a damaged file.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's about odd metadata
        pixels, _ = read(file, size, fit, span or FULL)
    return with_channels(np.frombuffer(pixels, np.uint8).reshape(1, *size, 3), channels)[0]


def prepared_pixels(pixels: np.ndarray, size: tuple[int, int], fit: str, channels: int) -> np.ndarray:
    """Do as `prepared` for an image that is decoded: uint8 [H, W] or [H, W, 1 or 3]."""
    flat = Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)
    colours = np.asarray(_fitted(flat.convert("RGB"), size, fit))
    return with_channels(colours[np.newaxis], channels)[0]


def with_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """Return images [N, H, W, C] as grey or in colour."""
    if images.shape[3] == channels:
        return images
    if channels == 3:
        return np.broadcast_to(images, (*images.shape[:3], 3))
    rows = Image.fromarray(np.ascontiguousarray(images).reshape(-1, images.shape[2], 3))
    return np.asarray(rows.convert("L")).reshape(*images.shape[:3], 1)


def _fitted(image: Image.Image, size: tuple[int, int], fit: str) -> Image.Image:
    height, width = size
    if image.size == (width, height):
        return image
    if fit == "crop":
        return ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    if fit == "pad":
        return ImageOps.pad(image, (width, height), Image.Resampling.BILINEAR)
    return image.resize((width, height), Image.Resampling.BILINEAR)


def _plain_jpeg(content: bytes, enough: int) -> tuple[Image.Image, bool] | None:
    """Decode a JPEG, a small one in half of Pillow's time; None for files that want Pillow's care."""
    if not content.startswith(JPEG_START) or b"Exif\0" in content:  # it may be on its side
        return None
    try:
        colours = simplejpeg.decode_jpeg_header(content)[2]
        if colours not in ("Gray", "YCbCr"):
            return None
        pixels = simplejpeg.decode_jpeg(content, min_height=enough, min_width=enough)
    except ValueError:  # damaged: Pillow tells how badly
        return None
    return Image.fromarray(pixels), colours == "Gray"


def _any(content: bytes, enough: int, span: tuple[float, float] | None) -> tuple[Image.Image, bool]:
    """Decode a file of any of the formats, with Pillow."""
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        image.draft(None, (enough, enough))
        if (deep := _deep_values(image, content)) is not None:
            values, alpha = deep
            if span is None:
                raise RangeNeeded(_measured(values))
            flat, grey = _flat(_within(values, alpha, span)), values.shape[2] == 1
        else:
            image.load()
            flat, grey = _flat(image), image.mode in GREY
        return _upright(flat, image).convert("RGB"), grey


def _upright(flat: Image.Image, image: Image.Image) -> Image.Image:
    """Turn as the camera noted; Pillow turns TIFF files itself while it loads them."""
    turn = TURNS.get(_orientation(image)) if image.format != "TIFF" else None
    return flat.transpose(turn) if turn is not None else flat


def _orientation(image: Image.Image) -> int:
    return image.getexif().get(0x0112, 1) if "exif" in image.info or image.format == "TIFF" else 1


def size_of(file: Any) -> tuple[int, int]:
    """Return a file's height and width as it is to be seen, without decoding it."""
    with Image.open(file if isinstance(file, str) else io.BytesIO(contents(file)), formats=FORMATS) as image:
        sideways = _orientation(image) >= 5 and image.format != "TIFF"  # whose size Pillow turns by itself
        return image.size if sideways else (image.height, image.width)


def _deep_values(image: Image.Image, content: bytes) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Return an image of more than 8 bits as values [H, W, C] and, where it is transparent, alpha [H, W] of 16 bits."""
    if image.mode[0] in "IF":
        image.load()
        return np.asarray(image)[..., np.newaxis], None
    raw = _raw_mode(image)
    if ";16" not in raw:
        return None
    if raw.startswith("LA"):  # one pixel is four bytes: brightness and alpha, the high byte first
        four = _as_raw(content, "RGBA").astype(np.uint16)
        return (four[..., :1] << 8 | four[..., 1:2]), four[..., 2] << 8 | four[..., 3]
    # Pillow keeps the higher byte. In the other byte order that is the lower one.
    little = raw[-1] == "L" or (raw[-1] == "N" and sys.byteorder == "little")
    mode = raw.partition(";")[0]
    high, low = (_as_raw(content, f"{mode};16{order}").astype(np.uint16) for order in ("LB" if little else "BL"))
    values = high << 8 | low
    return (values[..., :3], values[..., 3]) if mode == "RGBA" else (values, None)


def _raw_mode(image: Image.Image) -> str:
    if not isinstance(image, ImageFile.ImageFile) or image.format not in ("PNG", "TIFF") or not image.tile:
        return ""
    given: Any = image.tile[0].args
    raw = given if isinstance(given, str) else given[0]
    return raw if raw.partition(";")[0] in ("LA", "RGB", "RGBA") else ""


def _as_raw(content: bytes, raw: str) -> np.ndarray:
    """Load a file as if its bytes were laid out in another way."""
    with cast(ImageFile.ImageFile, Image.open(io.BytesIO(content), formats=FORMATS)) as image:
        image.tile = [
            tile._replace(args=raw if isinstance(tile.args, str) else (raw, *tile.args[1:]))  # pyright: ignore
            for tile in image.tile
        ]
        return np.asarray(image)


def _measured(values: np.ndarray) -> Deep:
    """Return what a span is chosen by.

    Raises:
        ValueError: Some value is no finite number.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError("has values that are NaN or infinite")
    usual = np.quantile(values, (RARE, 1 - RARE))
    return Deep(values.shape[2] == 1, float(values.min()), float(usual[0]), float(usual[1]), float(values.max()))


def within(values: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Return values as uint8, 0 for the lower end of `span` or less, 255 for its upper end or more."""
    low, high = span
    return ((values.astype(np.float64) - low) * (255 / (high - low))).round().clip(0, 255).astype(np.uint8)


def _within(values: np.ndarray, alpha: np.ndarray | None, span: tuple[float, float]) -> Image.Image:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError("has values that are NaN or infinite")
    pixels = within(values, span)
    if alpha is not None:
        colours = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
        return Image.fromarray(np.dstack([colours, (alpha >> 8).astype(np.uint8)]))
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _flat(image: Image.Image) -> Image.Image:
    """Return an image of 8 bits a channel without transparency."""
    if image.mode in ("RGBA", "LA", "La", "PA", "RGBa") or "transparency" in image.info:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    return image


if __name__ == "__main__":
    work(sys.stdin.fileno(), sys.argv[1])
