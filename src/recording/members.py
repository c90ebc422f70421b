"""What is kept of a trial that may be a member of an ensemble: what it says of the validation images, and its model.

Of a search the best trials keep the former alone: a few kilobytes each.
"""

import logging
import os
import zipfile
from collections.abc import Sequence
from contextlib import suppress
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
MOST = 10  # trials of a search that keep what they say
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


def keep_member(folder: Path, network: "keras.Model", judged: "Evaluation", config: object = None) -> None:
    """Keep a trained network, with the code of one's own, and its probabilities, 2 bytes each, in a trial's folder.

    `config` is that of the model.
    """
    from src.model import own_kept

    partial = folder / f".{MODEL}"
    try:
        own_kept.save(network, partial, own_kept.code_of(config, network))
        os.replace(partial, folder / MODEL)
    except own_kept.NotKept as error:
        log.warning("the model is no member of an ensemble: %s", error)
    _write(folder, judged, network.input_shape[1:])


def keep_answers(
    trial: "TrialHandle", judged: "Evaluation", input_shape: Sequence[int], ranking: Sequence[int]
) -> None:
    """Keep what a trial of a search says, if it is one of the best so far; those that are it no more lose theirs.

    Args:
        trial: The trial.
        judged: What its network says of the validation images.
        input_shape: Height, width and channels of these.
        ranking: The numbers of the complete trials, this one among them, the best first.
    """
    with suppress(OSError):  # a disk that is full costs the ensemble, not the trial
        if trial.number in ranking[:MOST]:
            _write(trial.directory, judged, input_shape)
        for number in ranking[MOST : 2 * MOST]:  # as many as may have ended at the same time
            (trial.directory.parent / f"trial-{number:04d}" / PROBABILITIES).unlink(missing_ok=True)


def _write(folder: Path, judged: "Evaluation", input_shape: Sequence[int]) -> None:
    """Write a trial's answers in one step."""
    partial = folder / f".{PROBABILITIES}"
    probabilities, shape = judged.probabilities.astype(np.float16), np.array(input_shape)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(partial, probabilities=probabilities, true=judged.true, input_shape=shape)
    os.replace(partial, folder / PROBABILITIES)


def read_member(folder: Path) -> Member | None:
    """Return what was kept of a trial; None where it is not there, or not whole."""
    model = folder / MODEL
    try:
        with np.load(folder / PROBABILITIES) as kept:
            probabilities = kept["probabilities"].astype(np.float32)
            shape = tuple(map(int, kept["input_shape"]))
            return Member(probabilities, kept["true"], shape, model if model.exists() else None)
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
        return None
