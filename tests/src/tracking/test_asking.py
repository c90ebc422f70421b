"""What is found out without MLflow, before anything trains."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from src.tracking import Address, Store, find_problem, may_not_write
from tests.helpers.command import ROOT

Answers = dict[str, tuple[int, dict[str, Any]]]


@pytest.fixture
def server() -> Iterator[tuple[str, Answers, list[str]]]:
    """A server that answers each path as told, else 404; with the requests that came."""
    answers: Answers = {}
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(body)

        def _answer(self, body: str = "") -> None:
            asked.append(" ".join(filter(None, [self.path, body, self.headers.get("Authorization", "")])))
            name = self.path.partition("?")[0].rpartition("/")[2]
            status, content = answers.get(name, (404, {"error_code": "RESOURCE_DOES_NOT_EXIST"}))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    running = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}", answers, asked
    running.shutdown()
    running.server_close()


def experiment(stage: str) -> tuple[int, dict[str, Any]]:
    return 200, {"experiment": {"experiment_id": "7", "name": "mine", "lifecycle_stage": stage}}


def test_a_server_with_or_without_the_experiment_is_no_problem(server: tuple[str, Answers, list[str]]) -> None:
    uri, answers, asked = server
    assert find_problem(Address(uri, "my experiment")) is None
    assert asked[-1] == "/api/2.0/mlflow/experiments/get-by-name?experiment_name=my+experiment"
    answers["get-by-name"] = experiment("active")
    assert find_problem(Address(uri, "mine")) is None


def test_a_deleted_experiment_of_a_server_says_what_to_do(server: tuple[str, Answers, list[str]]) -> None:
    uri, answers, _ = server
    answers["get-by-name"] = answers["get"] = experiment("deleted")
    assert find_problem(Address(uri, "mine")) == (
        f"`tracking.experiment`: the experiment mine at {uri} has been deleted; type another one, e.g. "
        f"tracking.experiment=mine-2, or restore it: MLFLOW_TRACKING_URI={uri} python -m mlflow experiments restore "
        "--experiment-id 7"
    )
    problem = find_problem(Address(uri, "7", by_id=True))
    assert problem is not None
    assert problem.startswith("`MLFLOW_EXPERIMENT_ID`: the experiment 7 at")


def test_an_id_that_no_experiment_has_is_a_problem(server: tuple[str, Answers, list[str]]) -> None:
    problem = find_problem(Address(server[0], "99", by_id=True))
    assert problem is not None
    assert problem.startswith("`MLFLOW_EXPERIMENT_ID` must be the id of an experiment at")


def test_who_may_not_write_is_told(server: tuple[str, Answers, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    uri, answers, asked = server
    monkeypatch.setenv("HOME", "/nowhere")
    answers["create"] = 403, {}
    problem = may_not_write(Address(uri, "mine"))
    assert problem is not None
    assert problem.startswith(f"`tracking.uri`: {uri} refuses to record runs in mine (status 403); set MLFLOW_TRACKING")
    answers["get-by-name"], answers["set-experiment-tag"] = experiment("active"), (200, {})
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
    assert may_not_write(Address(uri, "mine")) is None
    assert '"experiment_id": "7"' in asked[-1]
    assert asked[-1].endswith(" Basic bWU6")
    answers["get-by-name"] = 401, {}
    assert "(status 401)" in str(find_problem(Address(uri, "mine")))


def test_a_deleted_experiment_of_a_database_says_what_to_do(store: Store) -> None:
    assert find_problem(store.address) is None
    store.client.delete_experiment(store.experiment_id)
    problem = find_problem(store.address)
    assert problem is not None
    assert "the experiment experiment at sqlite:" in problem
    assert problem.endswith(f"python -m mlflow experiments restore --experiment-id {store.experiment_id}")
    assert find_problem(Address(store.uri, "new")) is None
    assert "has been deleted" in str(find_problem(Address(store.uri, store.experiment_id, by_id=True)))
    assert "must be the id of an experiment" in str(find_problem(Address(store.uri, "99", by_id=True)))


def test_a_database_of_another_version_says_what_to_do(tmp_path: Path, database: Path) -> None:
    shutil.copy(database, tmp_path)
    address = Address(f"sqlite:///{tmp_path}/mlflow.db", "mine")
    for version, words in (("451aebb31d03", "python -m mlflow db upgrade sqlite:///"), ("f" * 12, "by a newer MLflow")):
        with sqlite3.connect(tmp_path / "mlflow.db") as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        connection.close()
        assert words in str(find_problem(address))


def test_what_is_no_database_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("words " * 1000)
    assert "is no database of MLflow's" in str(find_problem(Address(f"sqlite:///{tmp_path}/text.db", "mine")))
    assert "does not exist" in str(find_problem(Address(f"sqlite:///{tmp_path}/sub/my.db", "mine")))
    assert find_problem(Address(f"sqlite:///{tmp_path}/new.db", "mine")) is None
    assert "keeps no runs in folders" in str(find_problem(Address(str(tmp_path / "mlruns"), "mine")))


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("foo://x", "must begin with one of databricks, databricks-uc, file, http, https"),
        ("htpp://server:5000", "did you mean http?"),
        ("postgres://user:secret@server/runs", "did you mean postgresql?"),
        ("sqlite://mlflow.db", "must have three slashes"),
        ("localhost:5000", "type tracking.uri=http://localhost:5000"),
        ("127.0.0.1:5000", "type tracking.uri=http://127.0.0.1:5000"),
    ],
)
def test_an_address_that_mlflow_has_no_store_for_is_a_problem(uri: str, words: str) -> None:
    problem = str(find_problem(Address.of(None, uri)))
    assert words in problem
    assert "secret" not in problem


@pytest.mark.parametrize(
    "uri", ["mysql+pymysql://user@server/runs", "databricks", "databricks://me", "postgresql://a/b"]
)
def test_an_address_of_another_store_of_mlflow_is_none(uri: str) -> None:
    assert find_problem(Address.of(None, uri)) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_database_that_cannot_be_written_to_is_a_problem(tmp_path: Path, database: Path) -> None:
    shutil.copy(database, tmp_path)
    (tmp_path / "mlflow.db").chmod(0o400)
    assert "cannot be written to" in str(find_problem(Address(f"sqlite:///{tmp_path}/mlflow.db", "mine")))


@pytest.mark.slow
def test_mlflow_is_not_imported_for_it() -> None:
    code = (
        "import sys; from src.tracking import Address, find_problem, may_not_write\n"
        "import src.recording.trial_record\n"
        "address = Address.of(None, 'sqlite:///x.db')\n"
        "print(find_problem(address), may_not_write(address), {'mlflow', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "None None set()\n"
