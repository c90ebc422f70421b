"""What it costs to look at a trained model, in seconds a trial, one thread: what a trial waits for, and the drawing.

    python -m benchmarks.evaluation [rounds]

The default CNN, untrained, on noise of 28x28x1: what it makes of the images changes nothing in the times.
"""

import base64
import os
import pickle
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["TF_NUM_INTRAOP_THREADS"] = "1"

import numpy as np
from hydra import compose, initialize_config_dir

from src.config import register, settings
from src.process import quiet_native_stderr

with quiet_native_stderr():
    from src import model, training
    from src.dataset import Dataset, Split
    from src.evaluation import evaluate, measure_robustness
    from src.evaluation.robustness import KINDS, alter
    from src.recording.trial_record import record_evaluation, record_robustness

ROOT = Path(__file__).parent.parent
SIZES = 2000, 12000
CLASSES = 10


class Written:
    """Takes what a trial's record takes, and keeps the pictures as the outbox does, pickled, to draw them later."""

    def __init__(self) -> None:
        self.figures: list[str] = []

    def log_figure(self, draw: Callable[[], Any], path: str) -> None:
        self.figures.append(base64.b64encode(pickle.dumps(draw)).decode())

    def log_metrics(self, *_: Any) -> None: ...

    log_text = log_table = log_metrics

    def draw(self, folder: Path) -> None:
        for i, figure in enumerate(self.figures):
            pickle.loads(base64.b64decode(figure))().savefig(folder / f"{i}.png")


def seconds(function: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    result = function()
    return time.process_time() - started, result


def measure(network: Any, data: Dataset, folder: Path) -> dict[str, float]:
    split, spent = data.validation, {}
    few: Any = Written()
    record: Any = Written()
    spent["probabilities"], judged = seconds(lambda: evaluate(network, split))
    spent["numbers, tables, texts from them"], _ = seconds(lambda: record_evaluation(few, data, judged, False))
    spent["of every trial: one picture, in the background"], _ = seconds(lambda: few.draw(folder))
    record_evaluation(record, data, judged, True)
    for kind in KINDS:
        spent[f"2,000 copies, {kind}"], _ = seconds(lambda kind=kind: alter(split.images[:2000], kind, [0]))
    spent["robustness: copies and their probabilities"], robust = seconds(lambda: measure_robustness(network, split, 0))
    record_robustness(record, robust)
    spent["of the best: all pictures, in the background"], _ = seconds(lambda: record.draw(folder))
    return spent


def main(rounds: int, folder: Path) -> None:
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = settings(compose("config"))
    training.prepare("float32", 1)
    network = model.build(config.model, (28, 28, 1), CLASSES, 0, (1 / 255,), (0.0,))
    rng = np.random.default_rng(0)
    rows: dict[str, list[str]] = {}
    for size in SIZES:
        images = rng.integers(0, 256, (size, 28, 28, 1), np.uint8)
        split = Split(images, rng.integers(0, CLASSES, size).astype(np.int32))
        data = Dataset("noise", split, split, None, tuple(f"class {i}" for i in range(CLASSES)), (1 / 255,), (0.0,))
        found = [measure(network, data, folder) for _ in range(rounds + 1)][1:]
        for name in found[0]:
            rows.setdefault(name, []).append(f"{statistics.median(times[name] for times in found):.3f}")
    print("| processor seconds, median | " + " | ".join(f"{size:,} images" for size in SIZES) + " |")
    print("| --- |" + " ---: |" * len(SIZES))
    for name, cells in rows.items():
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5, Path(place))
