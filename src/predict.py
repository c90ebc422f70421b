"""Ask a kept model about images: `python -m src.predict fashion_mnist photographs/ one.jpg`."""

import argparse
import errno
import os
import sys
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from convsweep.errors import printable
from src.deployment import KeptModel, ModelNotFound, find_model
from src.deployment.gathering import Gathered, gather
from src.deployment.seen import seen_before
from src.process import as_typed, program, quiet_native_stderr

MODEL = (
    "a study's name or folder (its best trial), a trial (study/12), champion, a registered model's name, a run's id, "
    "or a .keras file"
)
LIMIT = 0.5  # below it another answer is likelier than the one given


def main() -> None:
    """Print what the model says of each image."""
    parser = argparse.ArgumentParser(prog=program("predict"), description=as_typed(__doc__))
    parser.add_argument("model", help=MODEL)
    parser.add_argument(
        "images", nargs="+", help="files, and folders; one with a sub-folder a class is evaluated as well"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="all that is known, as JSON")
    form.add_argument("--csv", action="store_true", help="a line for each image, as CSV")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write the answers to a file and show them as well: as JSON with --json or to a .json, else as CSV",
    )
    parser.add_argument(
        "--explain", type=Path, metavar="FOLDER", help="draw what each answer hangs on, a picture an image"
    )
    parser.add_argument(
        "--limit", type=_share, default=LIMIT, help=f"not sure below this confidence, {LIMIT} by default"
    )
    parser.add_argument("--uri", help="as in tracking.uri: $MLFLOW_TRACKING_URI by default, else ./mlflow.db")
    arguments = parser.parse_intermixed_args()
    if arguments.out is not None and (problem := _problem_of(arguments.out)):
        _refuse(f"--out must be a file that can be written, got {arguments.out}: {problem}")
    if arguments.explain is not None and arguments.explain.exists() and not arguments.explain.is_dir():
        _refuse(f"--explain must be a folder, got {arguments.explain}: it is a file")
    try:
        model = find_model(arguments.model, arguments.uri)
        found = gather(arguments.images, model.class_names)
        sys.exit(_answer(arguments, model, found))
    except ModelNotFound as error:
        _refuse(str(error))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # `| head` has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _answer(arguments: argparse.Namespace, model: KeptModel, found: Gathered) -> int:
    """Print the answers, and what cannot be read; return the exit status."""
    for note in found.notes:
        print(f"note: {printable(note)}", file=sys.stderr)
    for file, why in found.unreadable.items():
        _tell(file, why)
    if not found.pictures:
        _refuse("there is no image to look at")
    if note := seen_before(model, found.pictures):
        print(f"note: {printable(note)}", file=sys.stderr)
    failed, answers = None, None
    with quiet_native_stderr():
        from src.deployment.answers import ask

        try:
            answers = ask(model, found.pictures)
        except (ModelNotFound, KeyboardInterrupt) as error:  # which TensorFlow's notes do not belong to
            failed = error
    if answers is None:
        raise failed or ModelNotFound("no answer")
    for file, why in answers.unreadable.items():
        _tell(file, why)
    answers.unreadable.update(found.unreadable)
    if answers.skipped:
        count = len(answers.skipped)
        print(f"note: {count} {'file' if count == 1 else 'files'} named like no image left out", file=sys.stderr)
    from src.deployment.showing import as_csv, as_json, show

    out: Path | None = arguments.out
    as_object = arguments.json or (not arguments.csv and out is not None and out.suffix.lower() == ".json")
    text = f"{as_json(model, answers, arguments.limit)}\n" if as_object else as_csv(answers, arguments.limit)
    if out is None and (arguments.json or arguments.csv):
        print(text, end="")
    else:
        print(f"model    {printable(model.name)}")
        show(answers, arguments.limit, Console())
    if out is not None:
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            _refuse(f"{out}: {error.strerror or error}")
        print(f"file     {printable(str(out))}")
    if arguments.explain is not None:
        from src.deployment.explaining import explain

        try:
            drawn = len(explain(model, answers, arguments.explain))
        except OSError as error:
            _refuse(f"--explain: {error.filename or arguments.explain}: {error.strerror or error}")
        place = printable(str(arguments.explain))
        told = sys.stderr if out is None and (arguments.json or arguments.csv) else sys.stdout
        print(f"pictures {place}: {drawn}, with the parts in red that the answer hangs on", file=told)
    sys.stdout.flush()
    return 1 if answers.unreadable or not answers.pictures else 0


def _problem_of(file: Path) -> str | None:
    """Say why a file cannot be written, as far as that is known before the model is asked."""
    if file.is_dir():
        return "it is a folder"
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}"
    return None if os.access(file if file.exists() else file.parent, os.W_OK) else os.strerror(errno.EACCES)


def _tell(file: str, why: str) -> None:
    print(f"error: {printable(file)} cannot be read: {printable(why)}", file=sys.stderr)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, got {text}")
    return value


def _refuse(problem: str) -> NoReturn:
    sys.exit(f"error: {printable(problem)}")


if __name__ == "__main__":
    main()
