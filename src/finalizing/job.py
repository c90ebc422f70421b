"""What is asked for, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from src.config.objective import evaluated
from src.dataset import Dataset
from src.evaluation import Evaluation
from src.finalizing.choice import Choice
from src.finalizing.winner import Plan

if TYPE_CHECKING:
    from optuna import Study


@dataclass(frozen=True)
class Job:
    """What is asked for.

    Attributes:
        source: The study that searched.
        study: That of the repeats.
        place: The folder of the former.
        folder: Of the latter.
        config_folder: Where options of the user's own are, as `--config-dir` said for the search.
        on: What the winner is trained on.
        ensemble: Whether an ensemble of the repeats' models is wanted in its place.
        registered: The name to register it under, None for what the config says, or the study's.
    """

    source: "Study"
    study: "Study"
    place: Path
    folder: Path
    config_folder: str | None
    on: str
    ensemble: bool
    registered: str | None


@dataclass(frozen=True)
class Final:
    """A model that is trained and judged.

    Attributes:
        choice: What was chosen.
        plan: What was asked for.
        data: What it is about.
        network: The model.
        validation: What it says of the validation images, or what one trained without them says.
        test: What it says of the test images, None where there are none.
        robust: Its accuracy on altered copies.
        what: A sentence.
    """

    choice: Choice
    plan: Plan
    data: Dataset
    network: keras.Model
    validation: Evaluation | None
    test: Evaluation | None
    robust: Mapping[str, float]
    what: str

    def tested(self, objectives: Sequence[str]) -> dict[str, float]:
        """Return what the test images say in numbers beside the accuracy, the objectives among them where they can."""
        if self.test is None:
            return {}
        names = [name for name in map(evaluated, objectives) if name is not None]
        more = {name: self.test.number(name, self.data.class_names) for name in names if name not in self.test.numbers}
        return more | self.test.numbers

    @property
    def number(self) -> int:
        return self.choice.winner.number

    @property
    def title(self) -> str:
        """Its name among the models of its study."""
        return self.plan.folder.name
