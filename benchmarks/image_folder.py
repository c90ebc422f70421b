"""How fast an image folder is decoded, beside `keras.utils.image_dataset_from_directory`, in turn.

    python -m benchmarks.image_folder [files] [rounds]

Makes JPEG files (10,000 by default) of about 96x72 pixels in ten classes, and decodes them to 64x64 in a
process of its own each time. Prints images a second, medians: the decoding alone, and the time until the first
process has the data, imports included. Costs about two minutes.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]

TIMED = """
import json, sys, time
start = time.perf_counter()
{imports}
begun = time.perf_counter()
count = 0
{work}
end = time.perf_counter()
print(json.dumps([count, end - begun, end - start]))
"""

OURS = TIMED.format(
    imports="from pathlib import Path; from src.config.dataset import DatasetConfig; from src.dataset import load",
    work="""data = load(DatasetConfig("image_folder", path=sys.argv[1], image_size=64), 0, Path(sys.argv[2]))
count = len(data.train.labels) + len(data.validation.labels)""",
)
KERAS = TIMED.format(
    imports="import keras",
    work="""data = keras.utils.image_dataset_from_directory(
    sys.argv[1], image_size=(64, 64), batch_size=128, shuffle=False, verbose=False)
for images, labels in data:
    count += len(labels)""",
)


def make_files(folder: Path, count: int) -> None:
    """Write smooth random JPEGs, 2 to 3 kB each."""
    rng = np.random.default_rng(0)
    for number in range(count):
        place = folder / f"class{number % 10}"
        place.mkdir(parents=True, exist_ok=True)
        size = (int(rng.integers(80, 112)), int(rng.integers(60, 84)))
        image = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
        image.save(place / f"{number}.jpg", quality=85)


def measure(program: str, data: Path, count: int) -> tuple[float, float]:
    """Run a program with an empty cache; return seconds of decoding and in all."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        command = [sys.executable, "-c", program, str(data), cache]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    found, decoding, total = json.loads(done.stdout.splitlines()[-1])
    assert found == count, f"{found} of {count} images"
    return decoding, total


def main(count: int = 10_000, rounds: int = 5) -> None:
    """Print the table."""
    programs: dict[str, Callable[[Path], tuple[float, float]]] = {
        "convsweep": lambda data: measure(OURS, data, count),
        "keras": lambda data: measure(KERAS, data, count),
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    with tempfile.TemporaryDirectory() as folder:
        make_files(Path(folder), count)
        for _ in range(rounds):
            for name, program in programs.items():
                seconds[name].append(program(Path(folder)))
    print(f"{count} JPEGs to 64x64, {len(os.sched_getaffinity(0))} cores, medians of {rounds} in turn")
    print(f"{'':10} {'images/s':>9} {'seconds with imports':>21}")
    for name, taken in seconds.items():
        decoding = statistics.median(decoding for decoding, _ in taken)
        total = statistics.median(total for _, total in taken)
        print(f"{name:10} {count / decoding:9.0f} {total:21.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
