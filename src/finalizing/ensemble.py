"""An ensemble of the models that a study of repeats has left: what it is worth, and as one model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from src.evaluation import Ensemble, find_ensemble
from src.model.own_code import load_model
from src.model.own_kept import Code, read_code
from src.recording import Member, read_member

if TYPE_CHECKING:
    import keras
    from optuna import Study


@dataclass(frozen=True)
class Found:
    """An ensemble.

    Attributes:
        ensemble: Which of the models, by their place.
        trials: The trial of the study of repeats that each model is of.
        members: What was kept of each.
    """

    ensemble: Ensemble
    trials: Sequence[int]
    members: Sequence[Member]

    @property
    def words(self) -> str:
        """How large it is, and what it gains."""
        gain, size = self.ensemble.gain, len(self.ensemble.counts)
        if size == 1:
            return f"none: no other one of {len(self.members)} models makes the best any better"
        ends = f"95% interval {gain.low:+.4f} to {gain.high:+.4f}" if gain.has_interval else "as right about each image"
        return (
            f"{size} of {len(self.members)} models, weighted: accuracy {self.ensemble.accuracy:.4f} on the "
            f"{self.ensemble.judged_by} validation images that did not select them, {gain.value:+.4f} beside the best "
            f"one alone ({ends})"
        )

    @property
    def names(self) -> str:
        """Which trials they are of."""
        return "trials " + ", ".join(str(self.trials[i]) for i in self.ensemble.counts)

    @property
    def is_better(self) -> bool:
        """Whether it gains more than noise."""
        return self.ensemble.gain.low > 0

    @property
    def missing(self) -> list[int]:
        """The trials of members whose model is not there."""
        return [self.trials[i] for i in self.ensemble.counts if self.members[i].model is None]


def find(study: "Study", directory: Path, seed: int) -> Found | None:
    """Return the ensemble of a study's models that can be one; None where there are fewer than two such models, or too
    few images to judge it.

    They are those that take images of the same size as most do, and were judged by the same images.
    """
    there: dict[int, Member] = {}
    for trial in study.get_trials(deepcopy=False):
        member = read_member(directory / f"trial-{trial.number:04d}") if trial.state.name == "COMPLETE" else None
        if member is not None:
            there[trial.number] = member
    groups: dict[tuple[object, ...], list[int]] = {}
    for number, member in there.items():
        groups.setdefault((member.input_shape, member.true.tobytes()), []).append(number)
    numbers = max(groups.values(), key=len, default=[])
    if len(numbers) < 2:
        return None
    members = [there[number] for number in numbers]
    found = find_ensemble([member.probabilities for member in members], members[0].true, seed)
    return None if found is None else Found(found, numbers, members)


def build(found: Found, tta: bool) -> "keras.Model":
    """Return the ensemble as one Keras model, which any Keras loads: the weighted mean of what its members say.

    With `tta` each says it of mirror images as well; those that were kept lately do so anyway.
    """
    import keras

    from src.evaluation import both_ways

    models: list[Any] = []
    for i, count in found.ensemble.counts.items():
        file = found.members[i].model
        assert file is not None  # none is missing
        model: Any = load_model(file)
        model = both_ways(model) if tta else model
        model.name = f"member_{found.trials[i]}"
        models.append((model, count))
    images = keras.Input(found.members[0].input_shape, dtype=models[0][0].inputs[0].dtype, name="images")
    answers = [answer for model, count in models for answer in [model(images)] * count]
    mean = answers[0] if len(answers) == 1 else keras.layers.Average(dtype="float32", name="mean")(answers)
    return keras.Model(images, mean, name="ensemble")


def code_of(found: Found) -> Code | None:
    """Return the code of those members that are networks of one's own; None where none is."""
    code = None
    for i in found.ensemble.counts:
        file = found.members[i].model
        own = read_code(file.parent) if file is not None else None
        code = own if code is None else code if own is None else code | own
    return code


def answers_of(found: Found) -> np.ndarray:
    """Return the probabilities of the validation images, float32 [N, classes]."""
    total = sum(count * found.members[i].probabilities for i, count in found.ensemble.counts.items())
    return np.asarray(total / sum(found.ensemble.counts.values()), np.float32)
