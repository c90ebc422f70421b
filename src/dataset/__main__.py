"""Prepare a dataset in a process of its own: `prepare` writes the settings to its input and reads its last line."""

import json
import sys

from src.config.dataset import DATASETS
from src.dataset import DatasetError
from src.dataset.prepare import load_all


def main() -> None:
    """Answer with one line of JSON: `notes`, `class_names` and `digests`, or `error`."""
    name, settings, seed = json.load(sys.stdin)
    try:
        answer = load_all(DATASETS[name].schema(**settings), seed)
    except DatasetError as error:
        answer = {"error": str(error)}
    print(f"\n{json.dumps(answer)}")


if __name__ == "__main__":
    main()
