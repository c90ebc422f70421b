"""Optuna's gRPC proxy in front of a database."""

import warnings

from convsweep.errors import UserError, install
from convsweep.storage.address import check_storage, is_local
from convsweep.storage.opening import _open_address, _unopened


def serve(storage: str, host: str, port: int) -> None:
    """Run Optuna's gRPC proxy in front of a database, until a signal ends it.

    Raises:
        UserError: The database cannot be opened, the port is taken, or a package is missing.
    """
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import run_grpc_proxy_server

    if problems := check_storage(storage):
        raise UserError(problems)
    if is_local(storage) or storage.startswith("grpc://"):
        raise UserError(f"expected a database's address such as postgresql+psycopg://user@host/name, got {storage}")
    try:
        opened = _open_address(storage)
    except Exception as error:
        raise _unopened(storage, error) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            print(f"serving {storage} at grpc://{host}:{port}; Ctrl-C ends it", flush=True)
            run_grpc_proxy_server(opened, host=host, port=port)
        except ImportError as error:
            raise UserError(f"the proxy needs packages; type {install('grpcio', 'protobuf')}") from error
        except RuntimeError as error:  # gRPC's own
            raise UserError(f"the proxy cannot listen at {host}:{port}: {error}; type another --port") from error
