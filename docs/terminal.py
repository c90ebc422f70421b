"""Write docs/terminal.svg, a search as a terminal shows it: `python -m docs.terminal`, a minute."""

import io
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COLUMNS = 108
COMMANDS = [  # typed one after the other
    "convsweep sweep -m model=mlp,cnn 'optimizer.learning_rate=tag(log,interval(1e-4,3e-2))' "
    "training.epochs=6 hydra.sweeper.n_trials=10 hydra.sweeper.study_name=first"
]


def main() -> None:
    """Run the commands in a folder of their own, and draw what they print."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    bin = Path(sys.executable).parent
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "PATH": f"{bin}{os.pathsep}{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory() as folder:
        for command in COMMANDS:
            done = subprocess.run(
                shlex.split(command), cwd=folder, env=environment, capture_output=True, text=True, check=True
            )
            console.print(Text("$ ", "green") + Text(command, "bold"), soft_wrap=False)
            console.print(Text(done.stdout.rstrip() + "\n"))
    console.save_svg(str(Path(__file__).with_name("terminal.svg")), title="convsweep", theme=MONOKAI)


if __name__ == "__main__":
    main()
