"""A kept model: a tiny network on the disk as MLflow has them, and a store that knows it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

from src.dataset import Preprocessing
from src.tracking import NotHere, Run, Version, local
from src.tracking.store import MODEL_ID, PARENT_RUN, ROLE, RUN_NAME, STUDY, TRIAL

CLASSES = ("dark", "light", "grey")
HOW = Preprocessing((4, 4), "stretch", 1, None, "minmax", CLASSES)


def write_model(folder: Path, how: Preprocessing = HOW, temperature: float | None = None) -> Path:
    """Write a network that tells dark from light images, with what belongs beside it; return its file."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    images = keras.Input((*how.image_size, how.channels), dtype="float32", name="images")
    mean: Any = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(images))
    answer = keras.layers.Dense(len(how.class_names), "softmax", dtype="float32")
    model = keras.Model(images, answer(mean))
    weights = np.zeros((how.channels, len(how.class_names)), np.float32)
    weights[:, :2] = [-8 / how.channels, 8 / how.channels]
    bias = np.array([4, -4] + [0] * (len(how.class_names) - 2), np.float32)
    answer.set_weights([weights, bias])
    model.save(folder / "data" / "model.keras")
    (folder / "preprocessing.json").write_text(json.dumps(how.as_dict()))
    if temperature is not None:
        (folder / "calibration.json").write_text(json.dumps({"temperature": temperature}))
    return folder / "data" / "model.keras"


def write_picture(file: Path, value: int, size: tuple[int, int] = (4, 4)) -> Path:
    """Write a grey image of one value."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(size, value, np.uint8)).save(file)
    return file


class Shelf:
    """A tracking store in memory, as `look_up` returns one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: list[Run] = []
        self.models: dict[str, str] = {}
        self.registered: list[Version] = []
        self._count = 0

    def add_final(self, source: str, title: str, parent: Run) -> Run:
        """Add the run of a model that was made of a study, below the run of the study of its repeats."""
        run = self.add(source, 0)
        tags = dict(run.tags) | {ROLE: "final", RUN_NAME: title, PARENT_RUN: parent.run_id}
        self.known[0] = replace(run, tags=tags)
        return self.known[0]

    def add(self, study: str | None, trial: int | None, kept: bool = True, **metrics: float) -> Run:
        """Add a run, the latest of all; its model lies on the disk if it is kept."""
        self._count += 1
        run_id = f"{self._count:032x}"
        tags = {ROLE: "trial" if trial is not None or study is None else "study"}
        tags |= {STUDY: study} if study is not None else {}
        tags |= {TRIAL: str(trial)} if trial is not None else {}
        run = Run(run_id, "1", str(self.folder / run_id), tags, metrics)
        (self.folder / run_id).mkdir(parents=True)
        if kept:
            model_id = f"m-{run_id}"
            self.models[model_id] = str(self.folder / model_id)
            write_model(self.folder / model_id)
            run = replace(run, tags=tags | {MODEL_ID: model_id})
        self.known.insert(0, run)
        return run

    def studies(self) -> list[str]:
        return list(dict.fromkeys(run.study for run in self.known if run.study))

    def runs(self, study: str) -> list[Run]:
        return [run for run in self.known if run.study == study]

    def run(self, run_id: str) -> Run | None:
        return next((run for run in self.known if run.run_id == run_id), None)

    def called(self, name: str) -> list[Run]:
        return [run for run in self.known if run.tags.get("mlflow.runName") == name]

    def location(self, model_id: str) -> str | None:
        return self.models.get(model_id)

    def versions(self) -> list[Version]:
        return self.registered

    def history(self, run_id: str, metric: str) -> dict[int, float]:
        return {}

    def fetch(self, address: str, path: str = "") -> Path:
        place = (local(address) or Path()) / path
        if not place.exists():
            raise NotHere(f"{place} is not there")
        return place
