"""What must be known before the first trial, asked without MLflow, whose import takes seconds.

Is there a server, does it let us in, is the experiment one that takes runs, is a database one that can be written to?
"""

import base64
import contextlib
import json
import os
import re
import urllib.error
import urllib.parse
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.tracking.address import HERE, Address, find_problem_of_scheme, is_local_folder, tracking_uri

if TYPE_CHECKING:
    import sqlite3

CONNECT_TIMEOUT = 5.0  # seconds
KIND, TRAINING = "mlflow.experimentKind", "custom_model_development"  # which page MLflow opens an experiment with
REVISION = re.compile(r"^(down_)?revision\s*(?::[^=]*)?=\s*(.+)$", re.MULTILINE)


def unreachable(uri: str | None) -> str | None:
    """Say in one line that no server answers at `tracking.uri`, and what to do; None when one does.

    Takes `CONNECT_TIMEOUT` at most. A database is not asked.
    """
    address = Address(tracking_uri(uri), "")
    if not address.is_server:
        return None
    try:
        _ask(address, "/health")
    except urllib.error.HTTPError:
        return None  # somebody is there
    except (OSError, ValueError) as error:
        import ssl

        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLError):
            return None  # MLflow has its own settings for certificates
        return (
            f"`tracking.uri`: no MLflow server answers at {address.uri} ({reason}); start it, type another address, "
            f"or {HERE}"
        )
    return None


def find_problem(address: Address) -> str | None:
    """Say in one line why no run can be recorded there, and what to do; None when nothing is known against it."""
    if address.is_server:
        return unreachable(address.uri) or _find_problem_of_server(address)
    if (file := address.database) is not None:
        return _find_problem_of_database(address, file)
    if problem := find_problem_of_scheme(address.uri):
        return problem
    allowed = os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() in ("true", "1")
    if is_local_folder(address.uri) and not allowed:
        return f"`tracking.uri` must be a server or a database, MLflow keeps no runs in folders any more, got " \
            f"{address.uri}; type {HERE}"  # fmt: skip
    return None


def known_experiment(address: Address) -> tuple[str, str] | None:
    """Return the id of the experiment and where its files are; None when it is not there, or cannot be known.

    Raises:
        OSError, ValueError: Something else than MLflow answers.
    """
    import sqlite3

    if address.is_server:
        known = _experiment(address)
        return None if known is None else (known["experiment_id"], known["artifact_location"])
    file, column = address.database, "experiment_id" if address.by_id else "name"
    if file is None or not file.exists():
        return None
    with contextlib.suppress(sqlite3.DatabaseError), contextlib.closing(_read_only(file)) as database:
        query = f"SELECT experiment_id, artifact_location FROM experiments WHERE {column} = ?"
        if found := database.execute(query, (address.experiment,)).fetchone():
            return str(found[0]), found[1]
    return None


def may_not_write(address: Address) -> str | None:
    """Say in one line that the server does not let us write; it is asked by making the experiment, or a tag on it."""
    if not address.is_server:
        return None
    try:
        known = _experiment(address)
        if known is None:
            _ask(address, "/api/2.0/mlflow/experiments/create", {"name": address.experiment})
        else:
            has = {tag["key"]: tag["value"] for tag in known.get("tags", [])}
            tag = {"experiment_id": known["experiment_id"], "key": KIND, "value": has.get(KIND, TRAINING)}
            _ask(address, "/api/2.0/mlflow/experiments/set-experiment-tag", tag)
    except urllib.error.HTTPError as error:
        return _forbidden(address, error.code) if error.code in (401, 403) and not _has_credentials_file() else None
    except (OSError, ValueError, KeyError):
        return None  # it is away: the outbox waits
    return None


def deleted(address: Address, experiment_id: str) -> str:
    """Say that the experiment has been deleted, and what to do."""
    another = f"{address.experiment}-2" if not address.by_id else "convsweep"
    return (
        f"`{address.key}`: the experiment {address.experiment} at {address.uri} has been deleted; type another one, "
        f"e.g. tracking.experiment={another}, or restore it: MLFLOW_TRACKING_URI={address.uri} "
        f"python -m mlflow experiments restore --experiment-id {experiment_id}"
    )


def unknown_id(address: Address) -> str:
    """Say that there is no experiment with the id."""
    return (
        f"`MLFLOW_EXPERIMENT_ID` must be the id of an experiment at {address.uri}, got {address.experiment}; "
        "unset it, or type tracking.experiment=convsweep"
    )


def _find_problem_of_server(address: Address) -> str | None:
    try:
        known = _experiment(address)
    except urllib.error.HTTPError as error:
        if error.code in (401, 403) and not _has_credentials_file():
            return _forbidden(address, error.code)
        return None
    except (OSError, ValueError):
        return None
    if known is None:
        return unknown_id(address) if address.by_id else None
    return deleted(address, known["experiment_id"]) if known.get("lifecycle_stage") == "deleted" else None


def _find_problem_of_database(address: Address, file: Path) -> str | None:
    import sqlite3

    folder = file.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        why = "cannot be written to" if folder.is_dir() else "does not exist"
        return f"`tracking.uri`: the folder of {file} {why}; type another address, e.g. {HERE}"
    if not file.exists() or not file.stat().st_size:
        return unknown_id(address) if address.by_id and address.experiment != "0" else None
    if not os.access(file, os.W_OK):
        return f"`tracking.uri`: {file} cannot be written to; type another address, e.g. tracking.uri=sqlite:///my.db"
    column = "experiment_id" if address.by_id else "name"
    try:
        with contextlib.closing(_read_only(file)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not {"experiments", "alembic_version"} <= tables:
                return None  # MLflow makes its tables beside others
            if problem := _outdated(
                address, [version for (version,) in database.execute("SELECT * FROM alembic_version")]
            ):
                return problem
            query = f"SELECT experiment_id, lifecycle_stage FROM experiments WHERE {column} = ?"
            known = database.execute(query, (address.experiment,)).fetchone()
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            return None
        return f"`tracking.uri`: {file} is no database of MLflow's ({error}); type another address, e.g. " \
            "tracking.uri=sqlite:///my.db"  # fmt: skip
    if known is None:
        return unknown_id(address) if address.by_id else None
    return deleted(address, str(known[0])) if known[1] == "deleted" else None


def _read_only(file: Path) -> "sqlite3.Connection":
    import sqlite3

    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)


def _outdated(address: Address, versions: list[str]) -> str | None:
    """Compare a database with the newest layout that the installed MLflow knows; both are read from its files."""
    spec = find_spec("mlflow")
    folder = Path(spec.origin).parent / "store/db_migrations/versions" if spec and spec.origin else Path("nowhere")
    made, replaced = set(), set()
    for file in folder.glob("*.py"):
        for down, value in REVISION.findall(file.read_text()):
            (replaced if down else made).update(re.findall(r"[\"'](\w+)[\"']", value))
    newest = made - replaced
    if not newest or set(versions) == newest:
        return None
    if set(versions) <= made:
        return (
            f"`tracking.uri`: {address.uri} was made by an older MLflow; keep a copy of it, then type "
            f"python -m mlflow db upgrade {address.uri}"
        )
    return (
        f"`tracking.uri`: {address.uri} was made by a newer MLflow than the one installed; install that, or type "
        "another address, e.g. tracking.uri=sqlite:///my.db"
    )


def _experiment(address: Address) -> dict[str, Any] | None:
    """Return what a server knows of the experiment; None when there is none."""
    get, name = ("get", "experiment_id") if address.by_id else ("get-by-name", "experiment_name")
    query = urllib.parse.urlencode({name: address.experiment})
    try:
        return _ask(address, f"/api/2.0/mlflow/experiments/{get}?{query}")["experiment"]
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        with contextlib.suppress(ValueError):
            if json.loads(error.read()).get("error_code") == "RESOURCE_DOES_NOT_EXIST":
                return None
        raise  # something else than MLflow answers


def _ask(address: Address, path: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
    import ssl  # these two take a while, and only a server is asked
    from urllib.request import Request, urlopen

    parts = urllib.parse.urlsplit(address.uri.rstrip("/"))
    user = os.environ.get("MLFLOW_TRACKING_USERNAME") or urllib.parse.unquote(parts.username or "")
    password = os.environ.get("MLFLOW_TRACKING_PASSWORD") or urllib.parse.unquote(parts.password or "")
    headers = {"Content-Type": "application/json"}
    if user:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    elif token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    where = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() + path
    body = None if data is None else json.dumps(data).encode()
    insecure = os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1")
    context = ssl._create_unverified_context() if insecure and address.uri.startswith("https") else None
    request = Request(where, body, headers)
    with urlopen(request, timeout=CONNECT_TIMEOUT, context=context) as answer:
        text = answer.read()
    return json.loads(text) if path != "/health" else {}


def _forbidden(address: Address, code: int) -> str:
    return (
        f"`tracking.uri`: {address.uri} refuses to record runs in {address.experiment} (status {code}); set "
        "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, of one who may, or type "
        f"{HERE}"
    )


def _has_credentials_file() -> bool:
    """Whether MLflow has credentials that only it reads."""
    return Path("~/.mlflow/credentials").expanduser().exists() or "MLFLOW_TRACKING_AUTH" in os.environ
