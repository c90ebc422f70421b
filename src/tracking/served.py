"""A kept model as `mlflow models serve` answers with it: for decoded images, and for image files in base64.

A copy of this file lies beside each kept model, in a package with those of this project that it imports, so that the
model is served where this project is not: `src.tracking.model` says how. It must not be imported by anything here.
"""

import base64
import binascii
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from src.dataset.decode import prepared, prepared_pixels, reason
from src.evaluation.temperature import tempered
from src.model.own_code import load_model

BATCH = 256  # images at a time
CHANNELS = 1, 3  # that images have
URL_SAFE = str.maketrans("-_", "+/")  # base64's other alphabet, TensorFlow's; encoders break lines as well


class Classifier:
    """Gives each image's class, with the confidence in it."""

    def __init__(self, folder: Path) -> None:
        self._model: Any = load_model(folder / "data" / "model.keras", folder)
        how = json.loads((folder / "preprocessing.json").read_text())
        self._size, self._fit, self._channels = tuple(how["image_size"]), how["fit"], how["channels"]
        self._span, self._names = how["value_range"], how["class_names"]
        calibration = folder / "calibration.json"
        self._temperature = json.loads(calibration.read_text())["temperature"] if calibration.exists() else 1.0

    def predict(self, data: Any) -> list[dict[str, Any]]:
        """Answer about images.

        Args:
            data: Numbers from 0 to 255, [N, H, W, C], or [N, H, W] of grey images, or one; or image files of any format
                training takes, each as base64, plain or as {"b64": ...}, in a list, an array or a table of one column.

        Returns:
            For each image its `class`, the calibrated `confidence` in it, and the model's `probabilities` by class.
        """
        images = self._images(data)
        batches = [images[i : i + BATCH] for i in range(0, len(images), BATCH)]
        given = np.concatenate([np.asarray(self._model(batch, training=False), np.float32) for batch in batches])
        return [
            {
                "class": self._names[int(row.argmax())],
                "confidence": float(calibrated.max()),
                "probabilities": {name: float(value) for name, value in zip(self._names, row, strict=True)},
            }
            for row, calibrated in zip(given, tempered(given, self._temperature), strict=True)
        ]

    def _images(self, data: Any) -> np.ndarray:
        items = list(_items(data))
        if not items:
            raise _wrong("at least one image", "none")
        if all(isinstance(item, str | bytes) for item in items):
            return np.stack([self._from_file(item, i) for i, item in enumerate(items)])
        try:
            numbers = [np.asarray(item) for item in items]
        except ValueError as error:
            raise _wrong("images of numbers from 0 to 255, or base64 of image files", "something else") from error
        if numbers[0].ndim < 2 or (numbers[0].ndim == 2 and numbers[0].shape[1] in CHANNELS):  # one image by itself
            numbers = [np.asarray(items)]
        return np.stack([self._from_numbers(image, i) for i, image in enumerate(numbers)])

    def _from_file(self, item: str | bytes, number: int) -> np.ndarray:
        if isinstance(item, str):
            try:
                plain = item.partition(",")[2] if item.startswith("data:") else item
                content = base64.b64decode("".join(plain.split()).translate(URL_SAFE), validate=True)
            except (binascii.Error, ValueError) as error:
                raise _wrong("base64 of an image file", f"no base64 in image {number}") from error
        else:
            content = item
        try:
            return prepared(content, self._size, self._fit, self._channels, self._span)
        except Exception as error:  # damaged files raise nearly anything
            raise _wrong("image files", f"image {number} that cannot be read ({reason(error, content)})") from error

    def _from_numbers(self, image: np.ndarray, number: int) -> np.ndarray:
        fits = image.dtype.kind in "biuf" and (image.ndim == 2 or (image.ndim == 3 and image.shape[2] in CHANNELS))
        if not fits or 0 in image.shape:
            raise _wrong(
                "images [N, H, W, C] of 1 channel or 3", f"{image.dtype} {list(image.shape)} as image {number}"
            )
        if image.dtype != np.uint8 and (image.min() < 0 or image.max() > 255 or (image != np.round(image)).any()):
            raise _wrong("whole numbers from 0 to 255", f"{image.min():g} to {image.max():g} in image {number}")
        return prepared_pixels(image.astype(np.uint8), self._size, self._fit, self._channels)


def _items(data: Any) -> Iterable[Any]:
    """Yield images from what a server makes of a request."""
    if hasattr(data, "columns"):
        if len(data.columns) != 1:
            raise _wrong(
                "a table of one column, the images", f"{len(data.columns)}: {', '.join(map(str, data.columns))}"
            )
        return data.iloc[:, 0].tolist()
    if isinstance(data, dict):  # MLflow makes columns of rows
        return _items(next(iter(data.values()))) if len(data) == 1 else [data]
    if isinstance(data, str | bytes):
        return [data]
    if isinstance(data, np.ndarray) and data.dtype.kind in "OUS":
        return data.reshape(-1).tolist()
    if isinstance(data, list | tuple) and all(isinstance(item, dict) and len(item) == 1 for item in data):
        return [_text(next(iter(item.values()))) for item in data]
    return data


def _text(value: Any) -> Any:
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _wrong(expected: str, got: str) -> Exception:
    """Return what the server answers with status 400 and a line."""
    from mlflow.exceptions import INVALID_PARAMETER_VALUE, MlflowException  # pyright: ignore[reportAttributeAccessIssue]

    return MlflowException(f"expected {expected}, got {got}", error_code=INVALID_PARAMETER_VALUE)


def _load_pyfunc(path: str) -> Classifier:
    return Classifier(Path(path))
