"""Prepare a dataset in a process of its own: `prepare` writes the settings to its input and reads its last line."""

import json
import sys

from src.config.dataset import DATASETS
from src.dataset import DatasetError, load


def main() -> None:
    """Answer with one line of JSON: `notes`, or `error`."""
    name, settings, seed = json.load(sys.stdin)
    try:
        answer = {"notes": load(DATASETS[name].schema(**settings), seed).notes}
    except DatasetError as error:
        answer = {"error": str(error)}
    print(f"\n{json.dumps(answer)}")


if __name__ == "__main__":
    main()
