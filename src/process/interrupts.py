"""Ctrl-C before a command has begun: while its packages are imported, which takes seconds on a busy machine."""

import sys
from pathlib import Path
from types import TracebackType


def tell_interrupts_shortly() -> None:
    """Let a command of this project that Ctrl-C ends say so in a word; programs that import it keep their traceback."""
    program = Path(sys.argv[0] if sys.argv else "")
    package = program.parent.name if program.name == "__main__.py" else ""  # `python -m convsweep`
    # `python -m src.predict` has `-m` while it imports `src`.
    if program.name not in ("-m", "convsweep") and package not in ("convsweep", "src"):
        return
    others = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print("interrupted", file=sys.stderr)
        else:
            others(kind, error, trace)

    sys.excepthook = hook  # Python ends with status 130 all the same
