"""A MariaDB server of the tests' own, from Debian's package mariadb-server: on loopback, in a temporary folder."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PASSWORD = "s3cret-Quagga"  # a word that nothing else has


@pytest.fixture(scope="session")
def mariadb() -> Iterator[int]:
    """Start a server with an empty database `sweeps` and a user of that name; yield its port."""
    if os.geteuid() != 0 or shutil.which("mariadbd") is None:
        pytest.skip("needs root, and MariaDB: apt-get install mariadb-server")
    folder = Path(tempfile.mkdtemp(prefix="convsweep-mariadb-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data, door = f"--datadir={folder}/data", f"--socket={folder}/socket"
    _run("mariadb-install-db", "--no-defaults", data, "--user=root")
    options = ["--user=root", "--bind-address=127.0.0.1", f"--port={port}", door, f"--pid-file={folder}/pid"]
    server = subprocess.Popen(
        ["mariadbd", "--no-defaults", data, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not (folder / "socket").exists():
            assert server.poll() is None
            time.sleep(0.2)
        user = "sweeps@localhost"
        sql = f"CREATE DATABASE sweeps; CREATE USER {user} IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON sweeps.* TO {user}"
        _run("mariadb", "--no-defaults", door, "--user=root", "--execute", sql)
        yield port
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
