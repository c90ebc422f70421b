"""A model that was kept: its file, and what must be known to ask it about an image."""

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

from src.dataset import Preprocessing
from src.model.own_code import MODULES, folder_of, known, load_model
from src.model.own_kept import in_words

if TYPE_CHECKING:
    import keras

PREPROCESSING, CALIBRATION = "preprocessing.json", "calibration.json"  # beside a kept model


class ModelNotFound(Exception):
    """There is no such model, or it cannot be used; the message says why, and what there is."""


@dataclass(frozen=True)
class KeptModel:
    """A model on the disk.

    Attributes:
        name: What it is, in words: "trial 7 of study fit".
        file: Its `.keras` file.
        preprocessing: How an image becomes its input, and the names of its outputs.
        temperature: What its logits are divided by so that its confidence is how often it is right; 1 if unknown.
        run_id: The run that it was kept in; None for a file of unknown origin.
        model_id: MLflow's id of it; None likewise.
        study: The study's name; None for a single run, or a file.
        trial: The trial's number; None likewise.
        uri: The tracking store that it was found in.
    """

    name: str
    file: Path
    preprocessing: Preprocessing
    temperature: float = 1.0
    run_id: str | None = None
    model_id: str | None = None
    study: str | None = None
    trial: int | None = None
    uri: str | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.preprocessing.class_names

    def load(self) -> "keras.Model":
        """Return the model, not compiled.

        Raises:
            ModelNotFound: The installed Keras cannot read it.
        """
        try:
            network: Any = load_model(self.file)
        except Exception as error:  # damaged files and other versions' raise nearly anything
            raise ModelNotFound(self._why_not(error)) from error
        expected = (None, *self.preprocessing.image_size, self.preprocessing.channels)
        got, classes = tuple(network.input_shape), network.output_shape[-1]
        if got != expected or classes != len(self.class_names):
            raise ModelNotFound(
                f"{self.file} takes images {got[1:]} and knows {classes} classes, but its {PREPROCESSING} is of images "
                f"{expected[1:]} and {len(self.class_names)} classes: the two do not belong together"
            )
        return network

    def known(self) -> AbstractContextManager[None]:
        """Let Keras know the classes and functions of the model's own layers, to copy it."""
        return known(folder_of(self.file))

    def _why_not(self, error: Exception) -> str:
        import keras

        said = in_words(error)
        saved = keras_version(self.file)
        if saved is None:
            return f"{self.file} is no model that Keras has saved, or is damaged"
        here = keras.__version__
        if saved.split(".")[:2] != here.split(".")[:2]:
            return f"{self.file} was saved by Keras {saved} and cannot be read by the installed {here}; install " \
                f"keras=={saved}, or train again: {said}"  # fmt: skip
        if (folder_of(self.file) / MODULES).is_file():
            return f"{self.file} cannot be read with the code that was kept beside it: {said}"
        return (
            f"{self.file} cannot be read: {said}; the code of layers of one's own is not beside it ({MODULES}): train "
            "again, or give them to keras.saving.load_model as custom_objects"
        )


def keras_version(file: Path) -> str | None:
    """Return the version of Keras that saved a model; None for what is no such file."""
    try:
        with ZipFile(file) as archive:
            return str(json.loads(archive.read("metadata.json"))["keras_version"])
    except (OSError, BadZipFile, KeyError, ValueError):
        return None


def read_preprocessing(file: Path) -> Preprocessing:
    """Read a `preprocessing.json`.

    Raises:
        ModelNotFound: It cannot be read as one.
    """
    try:
        return Preprocessing.of(json.loads(file.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelNotFound(f"{file} cannot be read as the preprocessing of a kept model ({error!r})") from error


def read_temperature(file: Path) -> float:
    """Read the temperature of a `calibration.json`; 1 where there is none."""
    try:
        found = float(json.loads(file.read_text())["temperature"])
    except (OSError, ValueError, KeyError, TypeError):
        return 1.0
    return found if found > 0 else 1.0
