"""Put Optuna's gRPC proxy in front of a database: `python -m src.proxy postgresql+psycopg:// --host=0.0.0.0`.

The proxy alone has the database's password, from its environment; workers reach it by `storage=grpc` and
CONVSWEEP_GRPC=host:port. See docs/cluster.md.
"""

import argparse
import sys

from convsweep.errors import UserError
from convsweep.storage import serve
from src.process import as_typed, program


def main() -> None:
    """Serve until Ctrl-C, or a signal, ends it."""
    parser = argparse.ArgumentParser(prog=program("proxy"), description=as_typed(__doc__))
    parser.add_argument("storage", help="a database's address, as in hydra.sweeper.storage")
    parser.add_argument("--host", default="localhost", help="the interface to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=13000, help="%(default)s")
    arguments = parser.parse_args()
    try:
        serve(arguments.storage, arguments.host, arguments.port)
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
