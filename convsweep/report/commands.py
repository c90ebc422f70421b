"""The commands that look at a study, of any app's: how it stands, and its report."""

import argparse
import io
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from convsweep.display import show_status, show_studies
from convsweep.errors import UserError, printable
from convsweep.report.tables import as_csv, as_data, as_json, rows, studies_data
from convsweep.report.view import FOLDER, StudyView, open_study
from convsweep.study import find_study

SECONDS = 2.0  # between two looks
STATUS = "Look at a study while it runs, or later; without a name, list the studies. Changes nothing."
REPORT = "Write a study's report, one HTML file that needs nothing else."


def status_command(program: str, words: Sequence[str] | None = None) -> None:
    """Print what the storage says, and change nothing.

    Args:
        program: How the command is typed.
        words: What comes after that; None for those of this process.
    """
    parser = argparse.ArgumentParser(prog=program, description=STATUS)
    parser.add_argument("study", nargs="?", help=f"a study's name, or its folder where that is not in {FOLDER}")
    parser.add_argument("--storage", help="as in hydra.sweeper.storage, for a study that does not use a journal")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="all of it as JSON: trials, best, what mattered, advice")
    form.add_argument("--csv", action="store_true", help="a row a trial as CSV")
    form.add_argument(
        "--watch", action="store_true", help=f"look again every {SECONDS:g} seconds while it runs; ends with Ctrl-C"
    )
    arguments = parser.parse_args(words)
    try:
        if arguments.json or arguments.csv:
            sys.stdout.write(_data(arguments))
        elif arguments.watch:
            _watch(arguments)
        else:
            _look(arguments, Console())
    except UserError as error:
        sys.exit(f"error: {printable(str(error))}")


def report_command(
    program: str, words: Sequence[str] | None = None, opened: Callable[..., StudyView] = open_study, **options: str
) -> None:
    """Write a study's report and say where it is; change nothing else.

    Args:
        program: How the command is typed.
        words: What comes after that; None for those of this process.
        opened: Opens the study by its name, the studies' folder and the storage.
        options: More that `opened` takes, by name, each with what `--help` says of it.
    """
    parser = argparse.ArgumentParser(prog=program, description=REPORT)
    parser.add_argument("study", help=f"a study's name, or its folder where that is not in {FOLDER}")
    parser.add_argument("--output", type=Path, help="the file; report.html in the study's folder by default")
    parser.add_argument("--storage", help="as in hydra.sweeper.storage, for a study that does not use a journal")
    for name, about in options.items():
        parser.add_argument(f"--{name}", help=about)
    arguments = parser.parse_args(words)
    more = {name: getattr(arguments, name) for name in options}
    try:
        file = opened(arguments.study, FOLDER, arguments.storage, **more).report(arguments.output)
    except UserError as error:
        sys.exit(f"error: {printable(str(error))}")
    except OSError as error:
        sys.exit(f"error: the report cannot be written to {error.filename}: {error.strerror}")
    print(f"report   {os.path.relpath(file)}")


COMMANDS = {"status": status_command, "report": report_command}


def _look(arguments: argparse.Namespace, console: Console, looking_back: bool = True) -> bool:
    """Print the study, or all of them; return whether there may be more to see later."""
    if arguments.study:
        return show_status(arguments.study, Path(FOLDER), arguments.storage, console, looking_back=looking_back)
    show_studies(Path(FOLDER), arguments.storage, console)
    return True


def _watch(arguments: argparse.Namespace) -> None:
    """Look again and again; what mattered is only told at the end, since it takes a worker's time."""
    console = Console()
    try:
        with Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop") as live:
            while True:
                shown = Console(
                    file=io.StringIO(),
                    width=console.width,
                    color_system="truecolor",
                    force_terminal=console.is_terminal,
                )
                if not _look(arguments, shown, looking_back=False):
                    break
                live.update(Text.from_ansi(shown.file.getvalue()), refresh=True)  # pyright: ignore[reportAttributeAccessIssue]
                time.sleep(SECONDS)
    except KeyboardInterrupt:
        pass
    _look(arguments, console)


def _data(arguments: argparse.Namespace) -> str:
    if not arguments.study:
        known = studies_data(Path(FOLDER), arguments.storage)
        return as_csv(known) if arguments.csv else f"{as_json(known)}\n"
    study = find_study(arguments.study, Path(FOLDER), arguments.storage)
    return as_csv(rows(study)) if arguments.csv else f"{as_json(as_data(study))}\n"
