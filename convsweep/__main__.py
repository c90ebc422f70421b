"""The command `convsweep`: the application's commands under one name, from any folder; also `python -m convsweep`.

The application runs from its checkout, where this file lies beside it. The engine alone has those of the commands that
look at a study, of whatever app it is.
"""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ALONE = """\
usage: python -m convsweep status [STUDY]    how the studies of your app stand, or one of them
       python -m convsweep report STUDY      a study as one HTML file
       (a study's name, or its folder where that is not in multirun; --help after a command says more)

This is the engine alone, which serves your own Hydra app: python app.py -m key=1,2 with
`override hydra/sweeper: convsweep` in its config. The other commands are those of convsweep's own application, which
runs from a checkout: type make venv there."""


def main() -> None:
    """Hand over to `python -m src`, the application of this checkout, if there is one."""
    if not (ROOT / "src/__main__.py").exists():
        _alone(sys.argv[1:])
        return
    # Ours before a folder `src` of the user's; his modules, which a config may name, as with `python -m`.
    others = [path for path in sys.path if path not in ("", str(ROOT))]
    sys.path[:] = list(dict.fromkeys([str(ROOT), str(Path.cwd()), *others]))
    try:
        console = importlib.import_module("src.console")
    except SystemExit:  # the application is here, its packages are not
        if sys.argv[1:2] not in (["status"], ["report"]):
            raise
        _alone(sys.argv[1:])
        return
    console.main()


def _alone(words: list[str]) -> None:
    """Run the command that was typed, if it needs nothing but the engine."""
    name = words[0] if words else "--help"
    if name in ("--help", "-h", "help"):
        print(ALONE)
        return
    from convsweep.errors import listed, printable
    from convsweep.report import COMMANDS

    if name not in COMMANDS:
        sys.exit(
            f"error: this is the engine alone, which has no command {printable(name)}; there are "
            f"{listed(name, COMMANDS)}; the others are those of convsweep's own application, which runs from a "
            "checkout: type make venv there"
        )
    COMMANDS[name](f"python -m convsweep {name}", words[1:])


if __name__ == "__main__":
    main()
