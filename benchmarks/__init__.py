"""Timings. Outside the environment a line says what to type; the peers have environments of their own."""

import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("optuna") is None and not Path(sys.prefix).name.startswith(".venv-"):
    sys.exit(f"error: {sys.executable} has no package optuna; type: make venv && . .venv/bin/activate")
