"""A worker's keeper: it runs the worker in a process of its own, and says what became of one that died.

The keeper is what a launcher launches, or on this machine a thread of the driver. It imports no application code:
whatever a trial does to its process, running out of memory, hanging, being killed, the keeper and its siblings
live, know whose trial it was, and start the next process.
"""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from convsweep.errors import is_disk_full
from convsweep.policy.policy import WORKER
from convsweep.storage.opening import open_storage
from convsweep.study.optuna_logging import quieten_optuna
from convsweep.study.trial_states import fail, put_back, retry
from convsweep.workers.devices import worker_environment
from convsweep.workers.memory import RECYCLE

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

POLL = 0.2  # seconds between two looks at the process, and, when trials have a time limit, at its trial
SAVING = 100.0  # seconds at most that a trial has to be saved, and that a job of Slurm's waits to be killed
MAX_STILLBORN = 3  # processes in a row that died before they took a trial: it is not the trials' fault
# Runs before anything of the project can be found: it sets the path up first.
START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {module} import main; main()"


class StillbornError(Exception):
    """A worker's process dies before it takes a trial, each time."""


@dataclass
class Keeper:
    """The task function of a worker's job; it is pickled and sent to where the launcher starts it.

    Attributes:
        payload: The worker and the globals that it needs, pickled by the driver for the process that it runs in.
        name: The study's name.
        storage: The study's storage as configured, None for the journal in `directory`.
        max_retries: How often a trial whose worker died is run again.
        trial_timeout: Seconds after which a trial is stopped by force, or None.
        storage_patience: Seconds for which a database may be away.
        heartbeat: Seconds between two signs of life of a trial, None where the driver knows of all workers.
        driver: Process id of the driver when keepers are its threads, else None.
        folder: Where the driver was started, which is what relative paths mean; an engine may start a job elsewhere.
    """

    payload: bytes
    name: str
    storage: str | None
    directory: Path
    max_retries: int
    trial_timeout: float | None = None
    storage_patience: float = 0.0
    heartbeat: float | None = None
    driver: int | None = None
    folder: str = field(default_factory=os.getcwd)

    def __call__(self, _: DictConfig) -> None:
        """Keep a worker running until no trial is left for it: what a launcher's job does.

        Raises:
            StillbornError: Workers die before they take a trial.
            OSError: The disk is full.
        """
        from hydra.core.hydra_config import HydraConfig

        self.keep(threading.Event(), HydraConfig.get().job.num)

    def keep(self, closing: threading.Event, index: int) -> None:
        """Do so in a thread, until `closing` is set; then the worker is killed.

        Args:
            closing: Set when the driver ends.
            index: Of the worker among those of its launch.

        Raises:
            StillbornError: Workers die before they take a trial.
            OSError: The disk is full.
        """
        with worker_environment(index) as environment:
            self._keep(closing, environment)

    def _keep(self, closing: threading.Event, environment: dict[str, str]) -> None:
        stillborn, told = 0, []
        submitit = _listen(told) if os.getpid() != self.driver else None
        while not closing.is_set():
            process = self._start(environment)
            try:
                self._watch(process, closing, told)
            finally:
                process.kill()
                process.wait()
                assert process.stdin is not None
                with suppress(BrokenPipeError):
                    process.stdin.close()
            if (closing.is_set() or told) and self.heartbeat is not None:
                self._hand_back(process)  # else the driver lets all trials wait
            if told:
                _leave(told[0], submitit)
                return
            if process.returncode == 0:
                return
            if process.returncode == os.EX_IOERR:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.directory))
            if process.returncode != RECYCLE and not closing.is_set():
                stillborn = 0 if self._bury(process) else stillborn + 1
                if stillborn == MAX_STILLBORN:
                    raise StillbornError(
                        f"{stillborn} workers in a row {_end(process.returncode)} before their first trial"
                    )

    def _start(self, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        # A session of its own keeps Ctrl-C from it: the driver hears that, and lets the trials end in order.
        process = subprocess.Popen(
            [sys.executable, "-c", START.format(module=__name__), json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            env=environment,
            cwd=self.folder if os.path.isdir(self.folder) else None,
            start_new_session=True,
        )
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(len(self.payload).to_bytes(8, "little") + self.payload)
            process.stdin.flush()  # it stays open: its end tells the process that the keeper is dead
        return process

    def _watch(self, process: "subprocess.Popen[bytes]", closing: threading.Event, told: list[int]) -> None:
        """Wait for the process's end, and bring it about where a trial takes too long, or the job ends."""
        ending: float | None = None
        study: Study | None = None
        current: tuple[int, Any] | None = None
        since = 0.0
        while not closing.is_set():
            with suppress(subprocess.TimeoutExpired):
                process.wait(POLL)
                return
            if told and ending is None:
                process.terminate()  # its trial is saved at the next epoch, and waits
                ending = time.monotonic()
            if ending is not None and time.monotonic() - ending > SAVING:
                return
            if self.trial_timeout is None:
                continue
            study = study or self._open()
            running = _trial_of(study, process.pid)
            seen = running and (running.number, running.system_attrs[WORKER])
            if seen != current:
                current, since = seen, time.monotonic()
            elif running and time.monotonic() - since > self.trial_timeout:
                process.kill()
                fail(study, running._trial_id, f"ran longer than hydra.sweeper.trial_timeout={self.trial_timeout:g} s")
                return

    def _bury(self, process: "subprocess.Popen[bytes]") -> bool:
        """Settle the trial that the dead process was running; return whether it ever ran one."""
        study = self._open()
        trial = _trial_of(study, process.pid)
        if trial is not None:
            retry(study, trial, self.max_retries, f"its worker {_end(process.returncode)}")
        return any(_is_run_by(trial, process.pid) for trial in study.get_trials(deepcopy=False))

    def _hand_back(self, process: "subprocess.Popen[bytes]") -> None:
        """Let the trial of a process that was killed on purpose wait again."""
        study = self._open()
        if (trial := _trial_of(study, process.pid)) is not None:
            put_back(study, trial._trial_id)

    def _open(self) -> "Study":
        import optuna

        quieten_optuna()
        storage = open_storage(self.storage, self.directory, self.storage_patience, self.heartbeat, wait=True)
        return optuna.load_study(study_name=self.name, storage=storage)


def _listen(told: list[int]) -> Any:
    """Note the signals that end a job; return submitit's own answer to the one before its time is up, if any."""
    submitit = signal.getsignal(signal.SIGUSR2)
    with suppress(ValueError):  # a launcher's own thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
        if callable(submitit):
            signal.signal(signal.SIGUSR2, lambda number, _: told.append(number))
    return submitit


def _leave(number: int, submitit: Any) -> None:
    """End the job so that it queues again, where that is for the job to say."""
    if number == signal.SIGUSR2:
        submitit(number, None)
    elif "SLURM_JOB_ID" in os.environ:
        time.sleep(SAVING)  # Slurm takes the machine back: a job queues again that is there to be killed


def _trial_of(study: "Study", pid: int) -> "FrozenTrial | None":
    from optuna.trial import TrialState

    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return next((trial for trial in running if _is_run_by(trial, pid)), None)


def _is_run_by(trial: "FrozenTrial", pid: int) -> bool:
    return trial.system_attrs.get(WORKER, [])[:2] == [socket.gethostname(), pid]


def _end(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    name = signal.Signals(-status).name
    hint = "; the operating system may have been short of memory" if name == "SIGKILL" else ""
    return f"was killed by {name}{hint}"


def main() -> None:
    """Run the worker that the keeper sends; the worker's process starts here."""
    import cloudpickle
    from hydra.core.singleton import Singleton
    from hydra.core.utils import setup_globals

    from convsweep.workers.trial import stop_requested

    signal.signal(signal.SIGTERM, lambda *_: stop_requested.set())
    keeper = os.fdopen(os.dup(0), "rb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    payload = _read(keeper, int.from_bytes(_read(keeper, 8), "little"))
    threading.Thread(target=_end_with, args=(keeper,), daemon=True).start()
    setup_globals()
    singletons, worker = cloudpickle.loads(payload)
    Singleton.set_state(singletons)
    try:
        status = worker()
    except OSError as error:
        if not is_disk_full(error):
            raise
        status = os.EX_IOERR
    sys.exit(status)


def _read(file: Any, size: int) -> bytes:
    data = b""
    while len(data) < size:
        if not (more := file.read(size - len(data))):
            os._exit(1)
        data += more
    return data


def _end_with(keeper: Any) -> None:
    keeper.read()
    os._exit(1)
