"""Write a kept model in another format, checked on real images: `python -m src.export fashion_mnist --to onnx`."""

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console
from rich.table import Table

from convsweep.errors import install, printable
from src.config import ConfigError, read_config
from src.dataset import DatasetError
from src.deployment import KeptModel, ModelNotFound, find_model
from src.deployment.exporting import Exported, Unequal, export
from src.deployment.formats import FORMATS
from src.deployment.gathering import gather
from src.model.own_code import CODE, MODULES
from src.predict import MODEL
from src.process import as_typed, program, quiet_native_stderr
from src.tracking import NotHere, look_up

if TYPE_CHECKING:
    import numpy as np

FOLDER = Path("exports")
CHECKED = 256  # images, at most, that each format is asked about


def main() -> None:
    """Export, check, and print sizes and latencies."""
    parser = argparse.ArgumentParser(prog=program("export"), description=as_typed(__doc__))
    parser.add_argument("model", help=MODEL)
    parser.add_argument("--to", nargs="+", choices=FORMATS, required=True, help="the format, or several")
    parser.add_argument("--out", type=Path, help=f"the folder, by default one named like the model in {FOLDER}/")
    parser.add_argument("--images", nargs="+", default=[], help="to check by; by default the run's validation images")
    parser.add_argument("--uri", help="as in tracking.uri: $MLFLOW_TRACKING_URI by default, else ./mlflow.db")
    arguments = parser.parse_args()
    kinds = list(dict.fromkeys(arguments.to))
    if lacking := list(dict.fromkeys(name for kind in kinds for name in FORMATS[kind].lacks())):
        _refuse(f"--to {' '.join(kinds)} needs {', '.join(lacking)}; type {install(*lacking)}")
    try:
        model = find_model(arguments.model, arguments.uri)
        images = _images(model, arguments.images)
        _export(model, images, kinds, arguments.out or FOLDER / _slug(model))
    except (ModelNotFound, DatasetError, Unequal) as error:
        _refuse(str(error))
    except OSError as error:
        _refuse(f"{error.filename or arguments.out}: {error.strerror or error}")
    except KeyboardInterrupt:
        print("interrupted; what was written is whole, the same command goes on", file=sys.stderr)
        sys.exit(130)


def _export(model: KeptModel, images: "np.ndarray", kinds: list[str], folder: Path) -> None:
    console = Console()
    print(f"model    {printable(model.name)}", flush=True)
    done, problem = [], None
    with quiet_native_stderr():
        try:
            network = model.load()
            for kind in kinds:
                done.append(_one(model, network, kind, folder, images))
        except (ModelNotFound, Unequal) as error:
            problem = error
    if done:
        console.print(_table(done))
        print(f"folder   {folder}: preprocessing.json has the class names")
        print(f"checked  on {len(images)} images")
        for i, one in enumerate(done):
            print(f"{'ask' if i == 0 else '':8} {FORMATS[one.kind].usage}")
        if any(FORMATS[one.kind].with_code for one in done) and (folder / MODULES).is_file():
            print(f"code     {folder / CODE}: the layers of one's own, custom_objects of load_model")
    if problem is not None:
        raise problem


def _one(model: KeptModel, network: object, kind: str, folder: Path, images: "np.ndarray") -> Exported:
    import contextlib
    import io
    import warnings

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # converters say much
        warnings.simplefilter("ignore")
        try:
            return export(model, network, kind, folder, images)  # pyright: ignore[reportArgumentType]
        except (Unequal, OSError):
            raise
        except Exception as error:  # converters raise nearly anything
            said = " ".join(str(error).split())[:300] or type(error).__name__
            raise Unequal(f"this model cannot be written as {kind}: {said}") from error


def _table(done: list[Exported]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("format")
    table.add_column("file", overflow="fold")
    for title in ("size", "one image", "differs by"):
        table.add_column(title, justify="right", no_wrap=True)
    for one in done:
        size = f"{one.size / 1e6:.2f} MB" if one.size >= 1e5 else f"{one.size / 1e3:.1f} kB"
        table.add_row(one.kind, one.file.name, size, f"{one.latency_ms:.2f} ms", f"{one.difference:.1g}")
    return table


def _images(model: KeptModel, named: list[str]) -> "np.ndarray":
    """Return the images to check by: those that are named, else the validation images of the run."""
    from src.dataset import load, read_images

    if named:
        found = gather(named, model.class_names)
        images, _ = read_images([picture.file for picture in found.pictures[:CHECKED]], model.preprocessing)
        if not len(images):
            raise DatasetError("none of --images can be read")
        return images
    hint = "name some with --images"
    if model.run_id is None:
        raise DatasetError(f"nobody knows which images {model.file} was trained on: {hint}")
    try:
        lookup = look_up(model.uri)
        run = lookup.run(model.run_id)
        assert run is not None  # it was found by it
        config = read_config(lookup.fetch(run.artifacts, "config.yaml").read_text())
        return load(config.dataset, config.seed).validation.images[:CHECKED]
    except (NotHere, ConfigError, DatasetError, OSError) as error:
        first = str(error).partition("\n")[0]
        raise DatasetError(f"the images of the run cannot be had, to check by ({first}): {hint}") from error


def _slug(model: KeptModel) -> str:
    name = f"{model.study}-{model.trial}" if model.study is not None and model.trial is not None else model.name
    return re.sub(r"[^\w.@-]+", "-", name).strip("-.")[-80:]


def _refuse(problem: str) -> NoReturn:
    sys.exit(f"error: {printable(problem)}")


if __name__ == "__main__":
    main()
