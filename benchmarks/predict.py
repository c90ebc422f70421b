"""`src.predict` on 1,000 JPEGs beside the bare model on decoded arrays; its first answer beside `import tensorflow`.

    python -m benchmarks.predict [rounds]

The model is a CNN for images of 32x32 in colour, untrained; the JPEGs are pieces of scikit-learn's photographs, of 90
to 200 by 120 to 280 pixels. Each round (3 at most by default) starts every process anew, and the rows are medians. No
round begins that would end after 95 seconds. Writes its tables into README.md.
"""

import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from src.config.model import CNN
from src.dataset import Preprocessing
from src.process import quiet_native_stderr

COUNT = 1000
SIZE = 32
ROOT = Path(__file__).parents[1]
README = Path(__file__).parent / "README.md"
MOST = 95  # seconds
COMMAND = "    python -m benchmarks.predict\n"
CNN_OF_CONF = CNN(
    filters=32, depth=2, dropout=0.25, batch_norm=True, l1=0.0, l2=0.0, kernel_size=3, stride=1, padding="same",
    pooling="max", dense_units=128, spatial_dropout=0.0,
)  # fmt: skip
# Runs in a process of its own, whose import of TensorFlow is not counted.
INSIDE = """
import json, sys, time
import numpy as np
from src.process import quiet_native_stderr
with quiet_native_stderr():
    import keras
    from src.dataset import Split, read_images
    from src.deployment import find_model
    from src.deployment.answers import ask
    from src.deployment.gathering import gather
    from src.evaluation import predict
    model = find_model(sys.argv[1])
    pictures = gather([sys.argv[2]], model.class_names).pictures
    ask(model, pictures[:300])  # as warm as it gets
    started = time.perf_counter()
    ask(model, pictures)
    whole = time.perf_counter() - started
    images, _ = read_images([picture.file for picture in pictures], model.preprocessing)
    network = model.load()
    split = Split(images, np.zeros(len(images), np.int32))
    predict(network, split)
    started = time.perf_counter()
    predict(network, split)
    bare = time.perf_counter() - started
print(json.dumps([len(pictures) / whole, len(pictures) / bare]))
"""


def write_all(folder: Path) -> tuple[Path, Path, Path]:
    """Write the model and the JPEGs; return the model's file, the folder, and one of the images."""
    rng = np.random.default_rng(0)
    (folder / "jpegs").mkdir()
    photographs = load_sample_images().images
    for number in range(COUNT):
        height, width = rng.integers(90, 200), rng.integers(120, 280)
        top, left = rng.integers(0, 427 - height), rng.integers(0, 640 - width)
        piece = photographs[number % 2][top : top + height, left : left + width]
        Image.fromarray(piece).save(folder / f"jpegs/{number:04}.jpg")
    with quiet_native_stderr():
        from src.model import build

        network = build(CNN_OF_CONF, (SIZE, SIZE, 3), 10, 0, [1 / 255] * 3, [0.0] * 3)
    network.save(folder / "model.keras")
    how = Preprocessing((SIZE, SIZE), "stretch", 3, None, "minmax", tuple("0123456789"))
    (folder / "preprocessing.json").write_text(json.dumps(how.as_dict()))
    return folder / "model.keras", folder / "jpegs", folder / "jpegs/0000.jpg"


def seconds(*arguments: str) -> tuple[float, float]:
    """Return how long `python ...` takes, and how many seconds of a processor, which a busy machine changes less."""
    started, used = time.perf_counter(), _used()
    subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return time.perf_counter() - started, _used() - used


def _used() -> float:
    of_children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return of_children.ru_utime + of_children.ru_stime


def main() -> None:
    began, rounds = time.perf_counter(), int(sys.argv[1]) if len(sys.argv) > 1 else 3
    imports, firsts, wholes, rates, load = [], [], [], [], os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        model, jpegs, one = map(str, write_all(Path(folder)))
        seconds("-c", "import tensorflow")  # the files are in memory
        started = time.perf_counter()
        for done in range(rounds):
            now = time.perf_counter()
            if done and now - began + (now - started) / done > MOST:
                break
            imports.append(seconds("-c", "import tensorflow"))
            firsts.append(seconds("-m", "src.predict", model, one))
            wholes.append(seconds("-m", "src.predict", model, jpegs, "--csv"))
            inside = subprocess.run(
                [sys.executable, "-c", INSIDE, model, jpegs], cwd=ROOT, check=True, capture_output=True, text=True
            )
            rates.append(json.loads(inside.stdout.splitlines()[-1]))
    text = f"{about(len(imports), load)}\n\n{tables(imports, firsts, wholes, rates)}"
    print(text)
    whole = README.read_text()
    section = re.compile(re.escape(COMMAND) + r".*?(?=\n## |\Z)", re.DOTALL)
    assert section.search(whole), f"{README} has no section of {COMMAND.strip()}"
    README.write_text(section.sub(lambda _: f"{COMMAND}\n{text}\n", whole))


def about(rounds: int, load: float) -> str:
    how = f"Medians of {rounds} rounds" if rounds > 1 else "One round"
    return (
        f"{how} on {os.cpu_count()} cores, whose load was {load:.1f} before; where others share them, the processor's\n"
        "seconds are what to read."
    )


def tables(
    imports: list[tuple[float, float]],
    firsts: list[tuple[float, float]],
    wholes: list[tuple[float, float]],
    rates: list[list[float]],
) -> str:
    """Return what was measured as tables; seconds come by the clock and of a processor."""
    files, bare = (statistics.median(column) for column in zip(*rates, strict=True))
    lines = ["| what | seconds | of a processor |", "| --- | ---: | ---: |"]
    rows = {"`import tensorflow`": imports, "`src.predict` on one JPEG": firsts, f"on {COUNT:,} JPEGs": wholes}
    for name, taken in rows.items():
        wall, used = (statistics.median(column) for column in zip(*taken, strict=True))
        lines.append(f"| {name} | {wall:.2f} | {used:.2f} |")
    ratios = [[one / other for one, other in zip(*pair, strict=True)] for pair in zip(firsts, imports, strict=True)]
    wall, used = (statistics.median(column) for column in zip(*ratios, strict=True))
    lines += [f"| the first answer in times of the import | {wall:.2f} | {used:.2f} |", ""]
    lines += ["| images/s | |", "| --- | ---: |", f"| from JPEGs to answers | {files:,.0f} |"]
    return "\n".join([*lines, f"| the bare model on decoded arrays | {bare:,.0f} |"])


if __name__ == "__main__":
    main()
