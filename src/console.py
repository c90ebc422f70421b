"""All commands under one name: `convsweep COMMAND`, where `python -m src.COMMAND` is the same."""

import runpy
import sys
from importlib.metadata import PackageNotFoundError, version

COMMANDS = {
    "sweep": "train once, or search with -m (--dry-run: see what it would do)",
    "status": "how the studies stand, or one of them, from any terminal",
    "simulate": "what a search would have cost with other settings, replayed in seconds",
    "report": "a study as one HTML file: words, figures, pictures",
    "compare": "what differs between configurations, and if one is better beyond noise",
    "finalize": "train the best again, choose one, register it with a model card",
    "predict": "ask a kept model about image files",
    "export": "write a kept model as Keras, SavedModel, ONNX or TFLite",
    "reproduce": "train a kept run again, and say whether it comes out the same",
    "ui": "look at the runs in a browser",
    "proxy": "put Optuna's gRPC proxy in front of a database",
}


def main() -> None:
    """Run the command that was typed, as `python -m` would."""
    name, rest = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("--help", [])
    if name in COMMANDS:
        sys.argv[1:] = rest
        runpy.run_module(f"src.{name}", run_name="__main__", alter_sys=True)
    elif name in ("--help", "-h", "help"):
        print(_help())
    elif name == "--version":
        print(_version())
    elif name == "--completion":
        from src.completion import script

        print(script(rest[0] if rest else None))
    elif name == "--complete":  # asked by the script of a shell
        from src.completion import complete

        complete(COMMANDS)
    else:
        from convsweep.errors import listed, printable

        sys.exit(f"error: convsweep has no command {printable(name)}; there are {listed(name, COMMANDS)}")


def _help() -> str:
    wide = max(map(len, COMMANDS))
    lines = [f"  {name:{wide}}  {words}" for name, words in COMMANDS.items()]
    return "\n".join(
        [
            "usage: convsweep COMMAND ...",
            "",
            "Hyperparameter sweeps for Keras image classifiers.",
            "",
            *lines,
            "",
            "  convsweep COMMAND --help    what a command takes; `python -m src.COMMAND` is the same",
            "  convsweep --completion      how to let a shell complete commands, studies and overrides",
            "  convsweep --version",
            "",
            "  convsweep sweep -m optimizer=adam,rmsprop    a first search, on scikit-learn's digits",
        ]
    )


def _version() -> str:
    try:
        return f"convsweep {version('convsweep')}"
    except PackageNotFoundError:
        return "convsweep, not installed: from its checkout"
