"""Write a model in other formats, and make sure that each says the same."""

import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from src.deployment.formats import FORMATS, Ask, in_float32, is_mixed
from src.deployment.kept import CALIBRATION, PREPROCESSING, KeptModel
from src.model.own_code import folder_of
from src.model.own_kept import files_of, forget, read_code

if TYPE_CHECKING:
    import keras

TOLERANCE = 1e-4  # by which a probability may differ that is computed in float32
MIXED_TOLERANCE = 0.05  # the same, where the model was trained and asked in half precision
RUNS, WARM_UP = 50, 5


class Unequal(Exception):
    """An exported model answers otherwise; the message says by how much."""


@dataclass(frozen=True)
class Exported:
    """A model in another format.

    Attributes:
        kind: The name of the format.
        file: What was written.
        size: Bytes.
        latency_ms: The median time for one image.
        difference: The largest difference of a probability from the model's own.
    """

    kind: str
    file: Path
    size: int
    latency_ms: float
    difference: float


def export(model: KeptModel, network: "keras.Model", kind: str, folder: Path, images: np.ndarray) -> Exported:
    """Write a model into a folder, with how to prepare images for it; what is there already is replaced.

    Args:
        model: Which.
        network: The same, loaded.
        kind: A name of `FORMATS`.
        folder: Where to.
        images: Real ones, uint8 [N, H, W, C], that both are asked about.

    Raises:
        Unequal: It says something else; then nothing is left.
        Exception: The format cannot hold the model.
    """
    form = FORMATS[kind]
    folder.mkdir(parents=True, exist_ok=True)
    with model.known():
        own = in_float32(network) if form.in_float32 else network
    wanted = np.asarray(network(images, training=False), np.float32)
    beside = {
        PREPROCESSING: json.dumps(model.preprocessing.as_dict(), indent=2),
        CALIBRATION: json.dumps({"temperature": model.temperature}),
    }
    code = read_code(folder_of(model.file)) if form.with_code else None
    beside |= files_of(code)
    written = [folder / name for name in (form.file, *beside)]
    for left in (left for file in written for left in file.parent.glob(f".*-{file.name}")):
        if not Path("/proc", left.name[1:].partition("-")[0]).exists():  # its process was killed
            _remove(left)
    draft = _draft(folder / form.file)
    try:
        form.write(model, own, draft)
        ask = form.open(draft, model)
        difference = _compare(ask, images, wanted, MIXED_TOLERANCE if is_mixed(network) else TOLERANCE, kind)
        latency = _latency(ask, images[:1])
        for name, text in beside.items():  # first: nobody could ask the model without
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            _draft(folder / name).write_text(text, encoding="utf-8")
            os.replace(_draft(folder / name), folder / name)
        _put(draft, folder / form.file)
        if form.with_code and code is None:
            forget(folder)  # what an earlier model needed
    finally:
        for file in written:
            _remove(_draft(file))
    return Exported(kind, folder / form.file, _size(folder / form.file), latency, difference)


def _draft(file: Path) -> Path:
    """Return a name of this process's own for what is written, so that what has the file's name is whole."""
    return file.with_name(f".{os.getpid()}-{file.name}")


def _put(draft: Path, file: Path) -> None:
    """Put what is written in the place of what is there, a file or a folder, which no rename replaces."""
    if file.is_dir():
        aside = file.with_name(f".{os.getpid()}-old-{file.name}")
        file.rename(aside)
        draft.rename(file)
        _remove(aside)
    else:
        os.replace(draft, file)


def _compare(ask: Ask, images: np.ndarray, wanted: np.ndarray, tolerance: float, kind: str) -> float:
    got = ask(images)
    difference = float(np.abs(got - wanted).max())
    margin = np.sort(wanted, axis=1)
    clear = margin[:, -1] - margin[:, -2] > 2 * tolerance
    other = int((got.argmax(axis=1) != wanted.argmax(axis=1))[clear].sum())
    if not difference <= tolerance or other:
        raise Unequal(
            f"the {kind} model answers otherwise: a probability differs by {difference:.2g} (at most {tolerance:g}), "
            f"and {other} of {len(images)} images are of another class"
        )
    return difference


def _latency(ask: Ask, image: np.ndarray) -> float:
    seconds = []
    for _ in range(RUNS + WARM_UP):
        started = time.perf_counter()
        ask(image)
        seconds.append(time.perf_counter() - started)
    return 1000 * float(np.median(seconds[WARM_UP:]))


def _size(path: Path) -> int:
    files: Sequence[Path] = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
