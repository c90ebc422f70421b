"""Look at a study while it runs, or later: `python -m src.status fashion_mnist`; without a name, list the studies."""

from convsweep.report import status_command
from src.process import program

if __name__ == "__main__":
    status_command(program("status"))
