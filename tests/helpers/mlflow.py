"""An MLflow of the tests' own: a database, a server that may die, and what stands in it."""

import os
import signal
import socket
import time
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from src.tracking import Address, Courier, TrialRun, unreachable
from tests.helpers.command import start


def trial_run(post: Courier | Address, outbox: Path, number: int = 7) -> TrialRun:
    return TrialRun(post, outbox, f"trial-{number:04d}", {"x": [1, None]}, "s", number, "parent")


def the_run(client: MlflowClient, number: int = 7) -> Run:
    """Return the one run of a trial."""
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    (run,) = client.search_runs(ids, f"tags.`convsweep.trial` = '{number}'")
    return run


def epochs(client: MlflowClient, number: int = 7) -> list[tuple[int, float]]:
    """Return step and loss of a trial's epochs in the order in which they happened."""
    history = client.get_metric_history(the_run(client, number).info.run_id, "train/loss")
    return [(metric.step, metric.value) for metric in sorted(history, key=lambda metric: metric.timestamp)]


def left_behind(trial: TrialRun) -> Path:
    """Free the lock on what a trial wrote, as its process's death would; return the envelope."""
    assert trial._envelope is not None
    trial._envelope._file.close()
    return trial._envelope.folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A real MLflow server, with its database in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.uri = folder, f"http://127.0.0.1:{free_port()}"

    def start(self) -> None:
        port, files = self.uri.rpartition(":")[2], ["--backend-store-uri", f"sqlite:///{self.folder}/server.db"]
        files += ["--artifacts-destination", str(self.folder / "artifacts")]
        self._process = start(["-m", "mlflow", "server", "--port", port, "--workers", "1", *files], self.folder)
        while unreachable(self.uri):
            assert self._process.poll() is None
            time.sleep(0.2)

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
