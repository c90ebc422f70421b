"""What a model says of image files."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from src.dataset import Split, read_images
from src.deployment.gathering import Picture
from src.deployment.kept import KeptModel

if TYPE_CHECKING:
    import keras

    from src.evaluation import Evaluation

CHUNK = 2048  # files that are decoded at a time, while those before are predicted


@dataclass(frozen=True)
class Answers:
    """A model's answers.

    Attributes:
        pictures: The files that could be read.
        probabilities: float32 [N, classes], as the model gives them.
        confidences: float32 [N, classes], calibrated.
        class_names: The name of each class.
        unreadable: Why other files could not be read, by path.
        skipped: The same of files in folders that are not named like images.
        network: Which has answered.
    """

    pictures: list[Picture]
    probabilities: np.ndarray
    confidences: np.ndarray
    class_names: Sequence[str]
    unreadable: dict[str, str]
    skipped: dict[str, str]
    network: "keras.Model"

    @cached_property
    def best(self) -> np.ndarray:
        """The index of each image's likeliest class, integer [N]."""
        return self.confidences.argmax(axis=1)

    @cached_property
    def confidence(self) -> np.ndarray:
        """How sure the model is of it, float32 [N]."""
        return self.confidences.max(axis=1)

    def likeliest(self, row: int, count: int) -> list[tuple[str, float]]:
        """Return an image's likeliest classes with their confidences, the likeliest first."""
        order = np.argsort(-self.confidences[row], kind="stable")[:count]
        return [(self.class_names[int(i)], float(self.confidences[row, i])) for i in order]

    def evaluation(self) -> "Evaluation | None":
        """Judge the answers about images whose class is known; None where there are none."""
        from src.evaluation import Evaluation

        rows = [row for row, picture in enumerate(self.pictures) if picture.true is not None]
        true = [picture.true for picture in self.pictures if picture.true is not None]
        return Evaluation(self.probabilities[rows], np.array(true)) if rows else None


def ask(model: KeptModel, pictures: Sequence[Picture]) -> Answers:
    """Let a model look at image files; those that cannot be read are told in the answer.

    The first of them are decoded while TensorFlow is imported.

    Raises:
        ModelNotFound: The model's file cannot be read.
    """
    how, known = model.preprocessing, model.class_names
    chunks = [pictures[i : i + CHUNK] for i in range(0, len(pictures), CHUNK)]
    seen: list[Picture] = []
    given: list[np.ndarray] = []
    unreadable: dict[str, str] = {}
    skipped: dict[str, str] = {}
    with ThreadPoolExecutor(1) as reader:
        waiting = [reader.submit(read_images, [picture.file for picture in chunk], how) for chunk in chunks[:1]]
        network = model.load()
        from src.evaluation import predict, tempered

        for number, chunk in enumerate(chunks):
            images, broken = waiting.pop().result()
            waiting = [
                reader.submit(read_images, [picture.file for picture in later], how)
                for later in chunks[number + 1 : number + 2]
            ]
            for place, why in broken.items():
                (unreadable if chunk[place].wanted else skipped)[chunk[place].file] = why
            seen += [picture for place, picture in enumerate(chunk) if place not in broken]
            if len(images):
                given.append(predict(network, Split(images, np.zeros(len(images), np.int32))))
    probabilities = np.concatenate(given) if given else np.zeros((0, len(known)), np.float32)
    return Answers(seen, probabilities, tempered(probabilities, model.temperature), known, unreadable, skipped, network)
