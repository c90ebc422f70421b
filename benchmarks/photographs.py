"""A folder of photographs to try things on: small pieces of eight that come with scikit-image and scikit-learn.

    python -m benchmarks.photographs FOLDER

Needs scikit-image. Makes FOLDER/train, validation and test with a folder a class: 60, 20 and 40 pieces of each
photograph, of all shapes. The left half of a photograph is for training, the next fifth to validate, the rest to test:
no pixel is in two parts. Takes two seconds.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
from PIL import Image

# The package and the file of each class.
PHOTOGRAPHS = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "cat": ("skimage", "data/chelsea.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
    "galaxies": ("skimage", "data/hubble_deep_field.jpg"),
    "motorcycle": ("skimage", "data/motorcycle_left.png"),
    "rocket": ("skimage", "data/rocket.jpg"),
    "temple": ("sklearn", "datasets/images/china.jpg"),
}
# Of each part: where it begins and ends, in widths of the photograph, and how many pieces it has.
PARTS = {"train": (0.0, 0.5, 60), "validation": (0.5, 0.7, 20), "test": (0.7, 1.0, 40)}
SIDES = 0.12, 0.19  # of a piece, in widths of the photograph


def main(folder: Path) -> None:
    """Write the folder."""
    for number, name in enumerate(PHOTOGRAPHS):
        picture = photograph(name)
        for part, (begin, end, count) in PARTS.items():
            place = folder / part / name
            place.mkdir(parents=True, exist_ok=True)
            rng = np.random.default_rng([number, count])
            for i in range(count):
                piece(picture, begin, end, rng).save(place / f"{i:03}.jpg", quality=95)


def photograph(name: str) -> Image.Image:
    """Return a photograph by its class; packages are found, not imported."""
    package, file = PHOTOGRAPHS[name]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        sys.exit("error: the photographs are those of scikit-image and scikit-learn; type pip install scikit-image")
    return Image.open(Path(spec.submodule_search_locations[0], file)).convert("RGB")


def piece(picture: Image.Image, begin: float, end: float, rng: np.random.Generator) -> Image.Image:
    """Cut out a piece that lies between two columns."""
    width, height = (int(side * picture.width) for side in rng.uniform(*SIDES, 2))
    left, right = round(begin * picture.width), round(end * picture.width)
    x, y = rng.integers(left, right - width + 1), rng.integers(0, picture.height - height + 1)
    return picture.crop((int(x), int(y), int(x) + width, int(y) + height))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("error: the command takes the folder to make; type python -m benchmarks.photographs photographs")
    main(Path(sys.argv[1]))
