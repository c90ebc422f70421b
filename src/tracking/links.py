"""Addresses of MLflow's pages: of a study's trials, of a run. Without MLflow's package.

MLflow shows an experiment as one for language models, empty pages here, unless it is told another `workflowType`.
"""

import socket
from urllib.parse import quote, urlencode, urlsplit

from src.tracking.address import Address
from src.tracking.asking import known_experiment
from src.tracking.store import ROLE, STUDY

HOST, FIRST_PORT, PORTS = "127.0.0.1", 5000, 100


def page(
    address: Address,
    study: str | None = None,
    maximize: bool = True,
    run_id: str | None = None,
    port: int | None = None,
) -> str:
    """Return the address of the page with an experiment's runs, a study's trials, or a run.

    Args:
        address: The store and the experiment.
        study: The study whose trials are shown, the best first.
        maximize: Whether those with the largest objective are.
        run_id: Or the run.
        port: Of the page's server where the store is a database; None to look for one.
    """
    base = _server(address) if address.is_server else f"http://{HOST}:{port or find_port(address)[0]}"
    try:
        known = known_experiment(address)
    except (OSError, ValueError, KeyError):  # it is away
        known = None
    if known is None:
        return f"{base}/"
    runs = f"{base}/#/experiments/{quote(known[0])}/runs"
    asked = {"workflowType": "machine_learning"}
    if run_id is not None:
        return f"{runs}/{run_id}?{urlencode(asked)}"
    if (
        study is not None
    ):  # sorted by something else than the date, trials stand by themselves, not below the study's run
        asked |= {
            "searchFilter": f"tags.`{STUDY}` = '{study}' and tags.`{ROLE}` = 'trial'",
            "orderByKey": "metrics.`objective`",
            "orderByAsc": "false" if maximize else "true",
        }
    return f"{runs}?{urlencode(asked, quote_via=quote)}"


def find_port(address: Address) -> tuple[int, bool]:
    """Return the port at which a page of a database is served or can be, and whether it is."""
    wanted = known_experiment(address)
    for port in range(FIRST_PORT, FIRST_PORT + PORTS):
        if _is_free(port):
            return port, False
        try:
            served = known_experiment(Address(f"http://{HOST}:{port}", address.experiment, address.by_id))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # another program
        if wanted is not None and served == wanted:
            return port, True
    return FIRST_PORT, False


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _server(address: Address) -> str:
    parts = urlsplit(address.uri.rstrip("/"))
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
