"""Write a study's report, one HTML file that needs nothing else: `python -m src.report fashion_mnist`."""

import argparse
import os
import sys
from pathlib import Path

from convsweep.errors import UserError, printable
from src import open_study
from src.process import program

FOLDER = Path("multirun")


def main() -> None:
    """Write the report and say where it is; change nothing else."""
    parser = argparse.ArgumentParser(prog=program("report"), description=__doc__)
    parser.add_argument("study", help=f"a study's name, or its folder where that is not in {FOLDER}")
    parser.add_argument("--output", type=Path, help="the file; report.html in the study's folder by default")
    parser.add_argument("--storage", help="as in hydra.sweeper.storage, for a study that does not use a journal")
    parser.add_argument("--uri", help="as in tracking.uri, where the study's runs are not where they usually are")
    arguments = parser.parse_args()
    try:
        study = open_study(arguments.study, FOLDER, arguments.storage, arguments.uri)
        file = study.report(arguments.output)
    except UserError as error:
        sys.exit(f"error: {printable(str(error))}")
    except OSError as error:
        sys.exit(f"error: the report cannot be written to {error.filename}: {error.strerror}")
    print(f"report   {os.path.relpath(file)}")


if __name__ == "__main__":
    main()
