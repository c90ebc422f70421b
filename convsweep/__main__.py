"""The command `convsweep`: the application's commands under one name, from any folder; also `python -m convsweep`.

The application runs from its checkout, where this file lies beside it; the engine's wheel has none.
"""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Hand over to `python -m src`, the application of this checkout."""
    if not (ROOT / "src/__main__.py").exists():
        sys.exit(
            "error: this is the engine alone, which serves your own Hydra app: python app.py -m key=1,2 with "
            "`override hydra/sweeper: convsweep` in its config; the commands of convsweep's own application run from a "
            "checkout: type make venv there"
        )
    # Ours before a folder `src` of the user's; his modules, which a config may name, as with `python -m`.
    others = [path for path in sys.path if path not in ("", str(ROOT))]
    sys.path[:] = list(dict.fromkeys([str(ROOT), str(Path.cwd()), *others]))
    importlib.import_module("src.console").main()


if __name__ == "__main__":
    main()
