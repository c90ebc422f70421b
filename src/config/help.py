"""What `--help` says: how to train once, how to search, and all that can be chosen; no line over 80 columns."""

from collections.abc import Iterable
from pathlib import Path
from textwrap import fill

from convsweep.config import ConvsweepConf
from convsweep.errors import settable
from src.process import as_typed

ROOT = Path(__file__).parents[2]
SWEEPER = ROOT / "hydra_plugins/hydra_convsweep/conf/hydra/sweeper"
HELP = """\
convsweep: hyperparameter sweeps for Keras image classifiers.

Train once:
  python -m src.sweep
  python -m src.sweep dataset=fashion_mnist model=resnet training.epochs=5

Search, with -m; whatever is given several values is searched:
  python -m src.sweep -m optimizer=adam,rmsprop model.depth=1,2,3
  python -m src.sweep -m \\
      'optimizer.learning_rate=tag(log,interval(1e-4,1e-1))'
  python -m src.sweep -m study=fashion_mnist
  python -m src.sweep -m 'space=[optimizer,architecture]' \\
      hydra.sweeper.n_trials=40 hydra/sweeper/sampler=tpe

  key=a,b,c   key=range(1,9)   key=interval(0,1)   'key=int(interval(1,64))'
  A space of at most n_trials combinations is tried in full, each once; of a
  larger one the sampler draws. Ctrl-C ends in order, and the command that
  goes on is printed last. --dry-run shows the space, the first
  configurations and what they may cost, and trains nothing.

{others}

What to search, and how: group=option, also group=[option,option] for space
{search}

Keys of the search: hydra.sweeper.key=value; docs/sweeper.md says what they do
{keys}

What a training run is: group=option
{run}

The config with these options: key=value
$CONFIG
More: README.md and docs/. Of Hydra's own: --hydra-help
"""


OTHERS = {
    "convsweep --help": "all commands under one name",
    "python -m src.status": "the studies, and how they stand",
    "python -m src.simulate fashion_mnist": "what it would have cost otherwise",
}


def text() -> str:
    """Return the template that Hydra fills the config into."""
    search = (
        [_line(group, _options(ROOT / "sweeps" / group)) for group in ("study", "space")]
        + [_line(f"hydra/sweeper/{part}", _options(SWEEPER / part)) for part in ("sampler", "pruner", "scheduler")]
        + [_line(group, _options(ROOT / "conf" / group)) for group in ("launcher", "storage")]
    )
    run = [
        _line(path.name, _options(path))
        for path in sorted((ROOT / "conf").iterdir())
        if path.is_dir() and path.name not in ("launcher", "storage")
    ]
    keys = fill(", ".join(settable(ConvsweepConf)), 78, initial_indent="  ", subsequent_indent="  ")
    others = "\n".join(f"  {as_typed(command):40}  {words}" for command, words in OTHERS.items())
    return as_typed(HELP).format(others=others, search="\n".join(search), keys=keys, run="\n".join(run))


def _options(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.yaml"))


def _line(group: str, options: Iterable[str]) -> str:
    return fill(f"{group}: {', '.join(options)}", 78, initial_indent="  ", subsequent_indent="      ")
