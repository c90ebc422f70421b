"""A PostgreSQL server of the tests' own, from Debian's packages: on loopback, in a temporary folder, with passwords."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAMS = Path("/usr/lib/postgresql")  # where Debian keeps them
PASSWORD = "s3cret-Zebra"  # a word that nothing else has


@dataclass
class Server:
    """A running server; `env` is what a client's environment needs."""

    folder: Path
    port: int

    @property
    def env(self) -> dict[str, str]:
        return {"PGPASSWORD": PASSWORD}

    def address(self, database: str = "postgres") -> str:
        """Return a database's address, without the password, as `hydra.sweeper.storage` has it."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Create a database, and return its address."""
        self.psql(f'CREATE DATABASE "{database}"')
        return self.address(database)

    def psql(self, command: str, address: str = "postgres") -> str:
        """Run a command in a database, and return its output."""
        database = address.rpartition("/")[2]
        arguments = ["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-Atc", command, database]
        return subprocess.run(
            arguments, env={**os.environ, **self.env}, check=True, capture_output=True, text=True
        ).stdout

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder} -c fsync=off -c max_connections=200"
        log = str(self.folder / "log")
        _as_postgres("pg_ctl", "-D", str(self.folder / "data"), "-l", log, "-o", options, "-w", "start")

    def stop(self) -> None:
        """Stop at once; clients lose their connections."""
        _as_postgres("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")


def _as_postgres(program: str, *arguments: str) -> None:
    """Run a program of the server's, which does not run as root."""
    found = shutil.which(program) or str(_programs() / program)
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run(
        [*user, found, *arguments],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )


def _programs() -> Path:
    return max(PROGRAMS.glob("*/bin"), key=lambda path: int(path.parent.name))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Start a server for the session."""
    if shutil.which("initdb") is None and not list(PROGRAMS.glob("*/bin/initdb")):
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    with running() as started:
        yield started


@contextmanager
def running() -> Iterator[Server]:
    """Start a server, and stop it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="convsweep-postgresql-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        password = folder / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
            shutil.chown(password, "postgres")
        _as_postgres(
            "initdb", "-D", str(folder / "data"), "-U", "postgres", "-A", "scram-sha-256", "--pwfile", str(password)
        )
        started = Server(folder, port)
        started.start()
        try:
            yield started
        finally:
            started.stop()
    finally:
        shutil.rmtree(folder)
