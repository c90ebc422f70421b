"""A worker's keeper: it runs the worker in a process of its own, and says what became of one that died.

The keeper is what a launcher launches, or on this machine a thread of the driver. It imports no application code:
whatever a trial does to its process, running out of memory, hanging, being killed, the keeper and its siblings
live, know whose trial it was, and start the next process.
"""

import errno
import math
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from convsweep.policy.work import WORKER
from convsweep.storage.opening import open_storage
from convsweep.study.optuna_logging import quieten_optuna
from convsweep.study.trial_states import count_stop, fail, put_back, retry
from convsweep.workers.devices import worker_environment
from convsweep.workers.fork_server import ForkServer, forking
from convsweep.workers.process import DONE, FULL, RECYCLE, STOPPED, FreshProcess, WorkerProcess
from convsweep.workers.trial import STOP

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

POLL = 0.2  # seconds between two looks at the process, and, when trials have a time limit, at its trial
SAVING = 100.0  # seconds at most that a trial has to be saved, and that a job of Slurm's waits to be killed
MAX_STILLBORN = 3  # processes in a row that died before they took a trial: it is not the trials' fault
LEAVING = 10.0  # seconds that a process has to end, once it has said that it does
ALONE = 1.0  # seconds in which a signal to all of them reaches the keeper, too


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
        sweep: The driver's id, under which it says in the study's attributes that its workers are to stop.
        heartbeat: Seconds between two signs of life of a trial, None where the driver knows of all workers.
        driver: Process id of the driver when keepers are its threads, else None.
        folder: Where the driver was started, which is what relative paths mean; an engine may start a job elsewhere.
        preload: What the process imports that a job's workers are forked from; none: each is a process of its own.
    """

    payload: bytes
    name: str
    storage: str | None
    directory: Path
    max_retries: int
    sweep: str
    trial_timeout: float | None = None
    storage_patience: float = 0.0
    heartbeat: float | None = None
    driver: int | None = None
    folder: str = field(default_factory=os.getcwd)
    preload: Sequence[str] = ()

    def __call__(self, _: DictConfig) -> None:
        """Keep a worker running until no trial is left for it: what a launcher's job does.

        Raises:
            StillbornError: Workers die before they take a trial.
            UserError: What is to be preloaded cannot be imported.
            OSError: The disk is full.
        """
        from hydra.core.hydra_config import HydraConfig

        with forking(self.preload) as forks:
            self.keep(threading.Event(), HydraConfig.get().job.num, forks)

    def keep(
        self,
        closing: threading.Event,
        index: int,
        forks: ForkServer | None = None,
        asked: Callable[[], bool] = lambda: False,
    ) -> None:
        """Do so in a thread, until `closing` is set; then the worker is killed.

        Args:
            closing: Set when the driver ends.
            index: Of the worker among those of its launch.
            forks: What its processes are forked from, if they are.
            asked: Whether no further trial is to start.

        Raises:
            StillbornError: Workers die before they take a trial.
            UserError: What is to be preloaded cannot be imported.
            OSError: The disk is full.
        """
        told: list[int] = []
        submitit = _listen(told) if os.getpid() != self.driver else None

        def start() -> WorkerProcess | None:
            if forks is None:
                return FreshProcess(environment, self.folder)
            return forks.fork(environment, self.folder, lambda: closing.is_set() or bool(told) or asked())

        with worker_environment(index) as environment:
            self._keep(closing, told, start)
        if told:
            _leave(told[0], submitit)

    def _keep(self, closing: threading.Event, told: list[int], start: Callable[[], WorkerProcess | None]) -> None:
        stillborn = 0
        while not closing.is_set() and (process := start()) is not None:
            process.send(self.payload)
            try:
                self._watch(process, closing, told)
            finally:
                process.kill()
                process.close()
            if (closing.is_set() or told) and self.heartbeat is not None:
                self._hand_back(process)  # else the driver lets all trials wait
            word, _, trial = (process.last_word or "").partition(" ")
            if word == DONE or closing.is_set() or told:
                return
            if word == FULL:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.directory))
            if word == STOPPED:
                self._count_stop(int(trial) if trial else None, closing, told)
            elif word != RECYCLE:
                stillborn = 0 if self._bury(process) else stillborn + 1
                if stillborn == MAX_STILLBORN:
                    raise StillbornError(
                        f"{stillborn} workers in a row {_end(process.status)} before their first trial"
                    )

    def _watch(self, process: WorkerProcess, closing: threading.Event, told: list[int]) -> None:
        """Wait for the process's end, and bring it about where a trial takes too long, or the job ends."""
        deadline: float | None = None
        stopped = False
        study: Study | None = None
        current: tuple[int, Any] | None = None
        since = 0.0
        while not closing.is_set() and not process.ended(POLL):
            now = time.monotonic()
            if told and not stopped:
                process.stop()  # its trial is saved at the next epoch, and waits
                stopped, deadline = True, now + SAVING
            if process.last_word is not None:  # what is left is what the app has left behind: its threads may hang
                deadline = min(deadline or math.inf, now + LEAVING)
            if deadline is not None and now > deadline:
                return
            if self.trial_timeout is None:
                continue
            study = study or self._open()
            running = _trial_of(study, process.pid)
            seen = running and (running.number, running.system_attrs[WORKER])
            if seen != current:
                current, since = seen, now
            elif running and now - since > self.trial_timeout:
                process.kill()
                fail(study, running._trial_id, f"ran longer than hydra.sweeper.trial_timeout={self.trial_timeout:g} s")
                return

    def _count_stop(self, trial_id: int | None, closing: threading.Event, told: list[int]) -> None:
        """Count a signal to stop that came to the worker alone as its trial's doing.

        Where the whole job is to end, or the sweep, the keeper or the driver hears of it in the same moment.
        """
        if closing.wait(ALONE) or told:
            return
        study = self._open()
        if trial_id is not None and STOP + self.sweep not in study.user_attrs:
            count_stop(study, trial_id, self.max_retries, "its worker was told to stop by SIGTERM")

    def _bury(self, process: WorkerProcess) -> bool:
        """Settle the trial that the dead process was running; return whether it ever ran one."""
        study = self._open()
        trial = _trial_of(study, process.pid)
        if trial is not None:
            retry(study, trial, self.max_retries, f"its worker {_end(process.status)}")
        return any(_is_run_by(trial, process.pid) for trial in study.get_trials(deepcopy=False))

    def _hand_back(self, process: WorkerProcess) -> None:
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


def _end(status: int | None) -> str:
    if status is None:
        return "died"
    if status >= 0:
        return f"ended with status {status}"
    name = signal.Signals(-status).name
    hint = "; the operating system may have been short of memory" if name == "SIGKILL" else ""
    return f"was killed by {name}{hint}"
