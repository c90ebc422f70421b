"""Addresses of MLflow's pages: of a study's trials, of a run. Without MLflow's package.

MLflow shows an experiment as one for language models, empty pages here, unless it is told another `workflowType`.
"""

import html
import re
import socket
from urllib.parse import quote, urlencode, urlsplit

from src.tracking.address import Address
from src.tracking.asking import known_experiment
from src.tracking.store import ROLE, STUDY
from src.tracking.view import key_of

HOST, FIRST_PORT, PORTS = "127.0.0.1", 5000, 100
KIND_OF_PAGE = {"workflowType": "machine_learning"}


def page(
    address: Address,
    study: str | None = None,
    maximize: bool = True,
    run_id: str | None = None,
    port: int | None = None,
    viewed: bool = False,
) -> str:
    """Return the address of the page with an experiment's runs, a study's trials, or a run.

    Args:
        address: The store and the experiment.
        study: The study whose trials are shown, the best first.
        maximize: Whether those with the largest objective are.
        run_id: Or the run.
        port: Of the page's server where the store is a database; None to look for one.
        viewed: Whether the store has the study's own view, its columns and charts.
    """
    base = _server(address) if address.is_server else f"http://{HOST}:{port or find_port(address)[0]}"
    try:
        known = known_experiment(address)
    except (OSError, ValueError, KeyError):  # it is away
        known = None
    if known is None:
        return f"{base}/"
    if run_id is not None:
        return f"{base}/{run_page(known[0], run_id)}"
    return f"{base}/{trials_page(known[0], study, maximize, viewed)}"


def run_page(experiment_id: str, run_id: str, artifact: str | None = None) -> str:
    """Return the address of a run's page, or of a file of it, as links on MLflow's own pages have it."""
    shown = f"/artifacts/{quote(artifact)}" if artifact is not None else ""
    return f"#/experiments/{quote(experiment_id)}/runs/{run_id}{shown}?{urlencode(KIND_OF_PAGE)}"


def trials_page(
    experiment_id: str, study: str | None, maximize: bool, viewed: bool = False, charts: bool = False
) -> str:
    """Return that of an experiment's runs, or of a study's trials, the best first, as a table or as charts."""
    asked = dict(KIND_OF_PAGE)
    if study is not None and viewed:  # the view has the rest; MLflow leaves it aside where the address has some of it
        asked["viewStateShareKey"] = key_of(study)
    elif study is not None:
        asked |= asked_for(study, maximize)
    if charts:
        asked["compareRunsMode"] = "CHART"
    return f"#/experiments/{quote(experiment_id)}/runs?{urlencode(asked, quote_via=quote)}"


def asked_for(study: str, maximize: bool) -> dict[str, str]:
    """Return what a page of a study's trials is asked for.

    Sorted by something else than the date, trials stand by themselves, not below the study's run.
    """
    return {
        "searchFilter": f"tags.`{STUDY}` = '{study}' and tags.`{ROLE}` = 'trial'",
        "orderByKey": "metrics.`objective`",
        "orderByAsc": "false" if maximize else "true",
    }


def trial_note(experiment_id: str, parent: str, study: str, number: str) -> str:
    """Return the description of a trial's run, which leads back to its study."""
    return f"Trial {number} of the study [{_plain(study)}]({run_page(experiment_id, parent)})"


def _plain(text: str) -> str:
    """Return a name as Markdown shows it and does not read it."""
    return re.sub(r"([\\`*_{}\[\]()|~])", r"\\\1", html.escape(text, quote=False))


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
