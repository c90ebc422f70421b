"""What is kept of a trial that may be a member of an ensemble: its model, and what it says of the validation images."""

import logging
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from convsweep.study import SOURCE

if TYPE_CHECKING:
    import keras

    from convsweep import TrialHandle
    from src.evaluation import Evaluation

FIT = "fit"  # of a trial: parameters, fit_seconds and best_epoch
EPOCHS = "epochs"  # of a trial with folds: how many it has trained, in all of them together
MODEL, PROBABILITIES = "model.keras", "probabilities.npz"  # in its folder
log = logging.getLogger(__name__)


class Member(NamedTuple):
    """What a model says.

    Attributes:
        probabilities: float32 [N, classes], of the validation images.
        true: integer [N], the index of each image's class.
        input_shape: height, width and channels that the model takes.
        model: its file, None where Keras could not save it, or it has been deleted.
    """

    probabilities: np.ndarray
    true: np.ndarray
    input_shape: tuple[int, ...]
    model: Path | None


def is_member(trial: "TrialHandle") -> bool:
    """Whether a trial is of a study that trains the best of another one again."""
    return trial.repeats is not None and SOURCE in trial.study_attrs


def keep_member(folder: Path, network: "keras.Model", judged: "Evaluation") -> None:
    """Keep a trained network and its probabilities, 2 bytes each, in a trial's folder."""
    partial = folder / f".{MODEL}"
    try:
        network.save(partial)
        os.replace(partial, folder / MODEL)
    except (NotImplementedError, TypeError, ValueError) as error:  # a network of one's own
        log.warning("the model is no member of an ensemble, Keras cannot save it: %s", str(error).partition("\n")[0])
    partial = folder / f".{PROBABILITIES}"
    shape = np.array(network.input_shape[1:])
    np.savez_compressed(
        partial, probabilities=judged.probabilities.astype(np.float16), true=judged.true, input_shape=shape
    )
    os.replace(partial, folder / PROBABILITIES)


def read_member(folder: Path) -> Member | None:
    """Return what was kept of a trial; None where it is not there, or not whole."""
    model = folder / MODEL
    try:
        with np.load(folder / PROBABILITIES) as kept:
            probabilities = kept["probabilities"].astype(np.float32)
            shape = tuple(map(int, kept["input_shape"]))
            return Member(probabilities, kept["true"], shape, model if model.exists() else None)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return None
