"""From a finished study to one model: `python -m src.finalize fashion_mnist --top 3 --seeds 3 --on train+validation`.

The best configurations are trained again with fresh seeds, as a study of its own; their means decide. The winner is
trained as asked, judged by the test images once, registered in MLflow, and described in a model card.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from convsweep.display import error_in_words, say
from convsweep.errors import UserError, explain, is_hydras, printable
from convsweep.space import as_override_value
from convsweep.storage import folder_name, only_driver
from convsweep.study import find_study, open_repeats, place_of, value_names
from src.config import ConfigError, groups, register
from src.dataset import DatasetError
from src.finalizing import (
    Candidate,
    candidates_of,
    choose,
    choose_all,
    config_folder,
    find_candidates,
    header_of,
    rows_of,
    typed_overrides,
)
from src.process import as_typed, program, quiet_native_stderr
from src.recording import ABOVE, runs_of
from src.tracking import FINAL

if TYPE_CHECKING:
    from optuna import Study

FOLDER = Path("multirun")
CONF = str(Path(__file__).parent.parent / "conf")
ON = ("train", "train+validation")
WIDTH = 200  # columns of a table that is not shown in a terminal


def main() -> None:
    """Read the command line, and say what is wrong in a line."""
    arguments = _parser().parse_intermixed_args()
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        finalize(arguments, Console(width=None if sys.stdout.isatty() else WIDTH))
    except (UserError, ConfigError, DatasetError) as error:
        sys.exit("\n".join(f"error: {printable(problem)}" for problem in str(error).splitlines()))
    except KeyboardInterrupt:
        print("interrupted; what was trained is kept, the same command goes on", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        sys.exit(f"error: {printable(str(error.filename or FOLDER))}: {error.strerror or error}")
    except Exception as error:
        if not is_hydras(error):
            raise
        sys.exit(f"error: {explain(error, groups())}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("finalize"), description=as_typed(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", help=f"a study's name, or its folder where that is not in {FOLDER}; study/12: a trial")
    parser.add_argument("overrides", nargs="*", help="of hydra, e.g. hydra.sweeper.n_jobs=1, or tracking.register=NAME")
    parser.add_argument(
        "--top", type=_count, default=3, help="so many of the best configurations; of a Pareto front all"
    )
    parser.add_argument("--seeds", type=_count, default=3, help="each trained so many times")
    parser.add_argument("--trial", type=int, help="the trial that is wanted, instead of the best")
    parser.add_argument("--on", choices=ON, default=ON[0], help="what the winner is trained on")
    parser.add_argument(
        "--ensemble", action="store_true", help="keep an ensemble of those models, not the winner alone"
    )
    parser.add_argument("--storage", help="as in hydra.sweeper.storage, for a study that does not use a journal")
    return parser


def _count(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"must be 1 or more, got {text}")
    return int(text)


def finalize(asked: argparse.Namespace, console: Console) -> None:
    """Find the best, train them again, choose, train the winner, judge and keep it.

    Raises:
        UserError: With what is wrong.
    """
    _check(asked)
    source = _find(asked)
    place = place_of(asked.study, FOLDER)
    several = len(source.directions) > 1
    best = find_candidates(source, asked.top, asked.trial)
    if asked.ensemble and several:
        raise UserError(f"--ensemble must be left out: {source.study_name} has several objectives")
    typed, own_folder, name = typed_overrides(place), config_folder(place), f"{source.study_name}{FINAL}"
    folder = place.parent / folder_name(name)
    folder.mkdir(parents=True, exist_ok=True)
    with only_driver(folder / "finalize.lock", folder):
        configurations = {trial.number: trial.params for trial in best}
        study = open_repeats(source, name, asked.storage, folder, configurations, asked.seeds)
        study.set_user_attr(ABOVE, runs_of(source))
        if any(not trial.state.is_finished() for trial in study.get_trials(deepcopy=False)):
            own = {"study_name": name, "storage": asked.storage, "n_trials": None, "budget": None}
            overrides = [f"hydra.sweeper.{key}={as_override_value(value)}" for key, value in own.items()]
            hydra = [override for override in asked.overrides if override.startswith("hydra")]
            where = ["--config-dir", own_folder] if own_folder else []
            _sweep([*where, *typed, f"hydra.sweep.dir={as_override_value(str(folder))}", *overrides, *hydra])
        again = [one for one in candidates_of(study, source) if one.number in configurations]
        _show(study, again, console)
        if any(not trial.state.is_finished() for trial in study.get_trials(deepcopy=False)):
            return  # the sweep was stopped, and has said how it goes on
        maximize = source.directions[0].name == "MAXIMIZE"
        choices = choose_all(again) if several else [choose(again, maximize)]
        for choice in choices:
            say(console, f"choice   {choice.words}")
        with quiet_native_stderr():
            from src.final_model import keep_final
            from src.finalizing.job import Job
        job = Job(source, study, place, folder, own_folder, asked.on, asked.ensemble, _registered(asked))
        keep_final(job, again, choices, console)


def _find(asked: argparse.Namespace) -> "Study":
    """Return the study; one that is named with a trial, as elsewhere, has that as its `--trial`.

    Raises:
        UserError: There is none.
    """
    head, _, tail = asked.study.rstrip("/").rpartition("/")
    number = tail.removeprefix("trial-")
    try:
        return find_study(asked.study, FOLDER, asked.storage)
    except UserError:
        if not (head and number.isdecimal()):
            raise
        asked.study, asked.trial = head, int(number) if asked.trial is None else asked.trial
        return find_study(asked.study, FOLDER, asked.storage)


def _check(asked: argparse.Namespace) -> None:
    wrong = [one for one in asked.overrides if not one.startswith(("hydra.", "hydra/", "tracking.register="))]
    problems = [
        f"`{one}` would change what is trained; overrides may be of hydra, or tracking.register=NAME" for one in wrong
    ]
    if asked.ensemble and asked.on != ON[0]:
        problems.append(f"--on must be {ON[0]} for an ensemble, whose members are trained already, got {asked.on}")
    if problems:
        raise UserError(problems)


def _registered(asked: argparse.Namespace) -> str | None:
    names = [one.partition("=")[2] for one in asked.overrides if one.startswith("tracking.register=")]
    return names[-1] if names else None


def _sweep(overrides: list[str]) -> None:
    """Run a sweep in this process, with its own words and ends, as the command that was typed here.

    Raises:
        SystemExit: 1 after an error, 130 after Ctrl-C.
    """
    from hydra._internal.utils import _run_hydra, get_args_parser

    from src.sweep import main as sweep

    register()
    parser = get_args_parser()
    task: Any = sweep.__wrapped__  # type: ignore[attr-defined]
    _run_hydra(parser.parse_args(["-m", *overrides]), parser, task, CONF, "config")


def _show(study: "Study", candidates: list[Candidate], console: Console) -> None:
    """Print what the configurations came to.

    Raises:
        UserError: None of them was trained to its end.
    """
    if not candidates:
        said = next(filter(None, map(error_in_words, study.get_trials(deepcopy=False))), "no reason is known")
        raise UserError(f"none of the best was trained to its end again, the first said: {said}")
    table = Table(title="the best again, with 95% intervals", title_justify="left", box=None, pad_edge=False)
    for column in header_of(value_names(study)):
        table.add_column(column, justify="right", overflow="fold")
    for row in rows_of(candidates):
        table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    main()
