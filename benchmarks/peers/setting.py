"""What every way searches: images, space, sizes. Imports nothing heavy; each way runs in an environment of its own."""

import os
import random
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TRYING = bool(os.environ.get("PEERS_TRY"))  # a small version of everything, to see that it runs
EPOCHS, BATCH, TRIALS, LIMIT = (2, 128, 3, 1000) if TRYING else (8, 128, 16, 10_000)
MANY = 10_000  # trials of a search that ends by its time

OPTIMIZERS, FILTERS, DEPTHS = ["adam", "rmsprop", "sgd"], [16, 32], [1, 2, 3]
RATES, DROPOUTS = (1e-4, 3e-2), (0.0, 0.5)  # the rate on a logarithmic scale

Values = dict[str, Any]


def draw(source: random.Random) -> Values:
    """Draw one configuration."""
    low, high = RATES
    return {
        "optimizer": source.choice(OPTIMIZERS),
        "learning_rate": float(f"{low * (high / low) ** source.random():.4g}"),
        "filters": source.choice(FILTERS),
        "depth": source.choice(DEPTHS),
        "dropout": round(source.uniform(*DROPOUTS), 3),
        "batch_norm": source.choice([True, False]),
    }


def configurations(seed: int) -> list[Values]:
    """Return the configurations that all ways train where the work is fixed."""
    source = random.Random(seed)
    return [draw(source) for _ in range(TRIALS)]


# What a way's process reads from its environment.
def seed() -> int:
    """Return the seed of the round."""
    return int(os.environ["PEERS_SEED"])


def fixed() -> bool:
    """Return whether the configurations are given, and each is trained to its end."""
    return os.environ["PEERS_MODE"] == "fixed"


def images() -> Path:
    """Return the file with the images of the round: npz with x, y, x_val, y_val."""
    return Path(os.environ["PEERS_IMAGES"])


def log() -> Path:
    """Return the file that gets a line for each epoch: the time and the validation accuracy."""
    return Path(os.environ["PEERS_LOG"])
