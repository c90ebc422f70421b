"""Classes of uneven size: what weights, the focal loss and balanced batches do to the class that is rare.

    python -m benchmarks.uneven [seeds]

A folder of 200, 60 and 10 photographs of three kinds of Fashion-MNIST that look alike, with 300 of each to test by,
which play no part in anything else. A seed draws what validates and all that is random in the training. Some three
minutes.
"""

import statistics
import sys
import tempfile
from pathlib import Path

from hydra import compose, initialize_config_dir
from PIL import Image

from src.config import make_optimizer, register, settings
from src.config.dataset import DatasetConfig
from src.process import quiet_native_stderr

with quiet_native_stderr():
    from src import dataset, model, training
    from src.evaluation import Evaluation, evaluate
    from src.fold import measure_of

ROOT = Path(__file__).parent.parent
CLASSES = {"T-shirt": (0, 200), "Pullover": (2, 60), "Shirt": (6, 10)}  # the label, and how many to train on
TESTED = 300
WAYS = {
    "none": [],
    "`class_weight=balanced`": ["training.class_weight=balanced"],
    "`class_weight=effective`": ["training.class_weight=effective"],
    "`loss=focal`": ["training.loss=focal"],
    "`loss=focal`, `class_weight=balanced`": ["training.loss=focal", "training.class_weight=balanced"],
    "`balanced_batches=true`": ["training.balanced_batches=true"],
}


def write_folder(folder: Path) -> None:
    """Write the images as a user would have them."""
    whole = dataset.load(DatasetConfig("fashion_mnist"), 0)
    assert whole.test is not None
    for part, split in (("train", whole.train), ("test", whole.test)):
        for name, (label, count) in CLASSES.items():
            place = folder / part / name
            place.mkdir(parents=True)
            chosen = (split.labels == label).nonzero()[0][: count if part == "train" else TESTED]
            for number, index in enumerate(chosen):
                Image.fromarray(split.images[index, ..., 0]).save(place / f"{number:03}.png")


def measure(folder: Path, overrides: list[str], seed: int) -> Evaluation:
    """Train once, keep the epoch with the best macro F1 in validation; return what it says of the test images."""
    given = ["dataset=image_folder", f"dataset.path={folder}", "dataset.image_size=28", "objective=macro_f1"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        given += ["training.epochs=30", "training.batch_size=32", f"seed={seed}"]
        config = settings(compose("config", [*given, *overrides]))
    training.prepare("float32", None)
    data = dataset.load(config.dataset, seed, folder.parent / "cache")
    network = model.build(config.model, data.input_shape, len(data.class_names), seed, data.scale, data.offset)
    training.fit(
        network,
        make_optimizer(config.optimizer),
        data,
        config.training,
        config.schedule,
        "val_macro_f1",
        seed,
        lambda *_: training.Verdict.GO_ON,
        measure=measure_of(config, data),
    )
    assert data.test is not None
    return evaluate(network, data.test)


def main(seeds: int = 3) -> None:
    register()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "uneven"
        write_folder(folder)
        print("| | macro F1, mean ± deviation | recall of the rare class | accuracy |\n| --- | ---: | ---: | ---: |")
        for way, overrides in WAYS.items():
            judged = [measure(folder, overrides, seed) for seed in range(seeds)]
            columns = (
                [one.number("macro_f1") for one in judged],
                [float(one.scores.recall[sorted(CLASSES).index("Shirt")]) for one in judged],
                [one.accuracy for one in judged],
            )
            shown = (f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}" for values in columns)
            print(f"| {way} | {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
