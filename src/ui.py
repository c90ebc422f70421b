"""Look at the runs in a browser: `python -m src.ui`, or `make ui`; ends with Ctrl-C."""

import argparse
import os
import sys

from convsweep.errors import printable
from src.process import as_typed, program
from src.tracking import Address, find_port, find_problem_of_scheme, follow, is_local_folder, page


def main() -> None:
    """Start MLflow's page over the store that sweeps use here, and print the link to it."""
    parser = argparse.ArgumentParser(prog=program("ui"), description=as_typed(__doc__))
    parser.add_argument("uri", nargs="?", help="as in tracking.uri: $MLFLOW_TRACKING_URI by default, else ./mlflow.db")
    parser.add_argument("--port", type=int, help="5000 by default, or the next one that is free")
    arguments = parser.parse_args()
    address = Address.of(os.environ.get("MLFLOW_EXPERIMENT_NAME"), arguments.uri)
    if address.is_server:
        print(f"open     {page(address)}")
        return
    if problem := find_problem_of_scheme(address.uri):
        sys.exit(f"error: {problem}")
    file = address.database
    if file is not None and not file.exists():
        sys.exit(f"error: {os.path.relpath(file)} is not there yet: train first, e.g. {program('sweep')}")
    if is_local_folder(address.uri):
        sys.exit(
            f"error: MLflow shows no folders of runs any more, got {address.uri}; move them into a database first: "
            f"python -m mlflow migrate-filestore --source {address.uri} --target sqlite:///mlflow.db"
        )
    for folder in follow(file):
        print(
            f"moved    {printable(folder)} is here now: {os.path.relpath(file or '.')} says so from now on", flush=True
        )
    port, served = (arguments.port, False) if arguments.port else find_port(address)
    print(f"open     {page(address, port=port)}", flush=True)
    if served:
        return  # by another one
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")  # nine processes that nobody here needs
    server = ["--backend-store-uri", address.uri, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", "ui", *server])


if __name__ == "__main__":
    main()
