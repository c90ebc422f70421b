"""Look at a study while it runs, or later: `python -m src.status fashion_mnist`; without a name, list the studies."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from convsweep.display import show_status, show_studies
from convsweep.errors import UserError, printable
from src.process import program

FOLDER = Path("multirun")


def main() -> None:
    """Print what the storage says, and change nothing."""
    parser = argparse.ArgumentParser(prog=program("status"), description=__doc__)
    parser.add_argument("study", nargs="?", help=f"a study's name, or its folder where that is not in {FOLDER}")
    parser.add_argument("--storage", help="as in hydra.sweeper.storage, for a study that does not use a journal")
    arguments = parser.parse_args()
    try:
        if arguments.study:
            show_status(arguments.study, FOLDER, arguments.storage, Console())
        else:
            show_studies(FOLDER, arguments.storage, Console())
    except UserError as error:
        sys.exit(f"error: {printable(str(error))}")


if __name__ == "__main__":
    main()
