"""The app's task function, run so that what it does to its process ends with its trial."""

import functools
import inspect
import io
import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, TextIO

from hydra.types import TaskFunction
from omegaconf import DictConfig

from convsweep.storage.patience import giving_up
from convsweep.workers.app_log import send_log
from convsweep.workers.trial import current_trial

MOST = 1 << 20  # bytes, of one of the script's definitions

_stop_handler: Any = None  # this project's own handler of SIGTERM, as a trial finds it
_held = threading.local()  # the signals that are blocked anyway, while this thread forks


def _hold() -> None:
    _held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _release() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _held.mask)


def _release_child() -> None:
    """Give SIGTERM its usual effect in a process that a trial forks, where nobody looks at what the handler notes.

    Else `Process.terminate()` would not end it, and the end of a `multiprocessing.Pool` would wait for ever.
    """
    if callable(_stop_handler) and signal.getsignal(signal.SIGTERM) is _stop_handler:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _release()


os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_release_child)


def definitions(task_function: TaskFunction) -> dict[str, bytes]:
    """Return what the app's script defines, pickled by name; nothing where the task function is in a module.

    The task function itself takes along what it refers to. A config may name something else: `_target_: __main__.Net`.
    """
    import cloudpickle

    found: dict[str, bytes] = {}
    for name, value in _globals_of_script(task_function).items():
        if callable(value) and not name.startswith("__"):
            kept = _Bounded()
            with suppress(Exception):  # it cannot be pickled: it is missed only by whoever asks for it
                cloudpickle.dump(value, kept)
                found[name] = kept.getvalue()
    return found


class _Bounded(io.BytesIO):
    """A file that takes so much and no more: a function may refer to a whole data set."""

    def write(self, data: Any) -> int:
        if self.tell() + memoryview(data).nbytes > MOST:
            raise ValueError
        return super().write(data)


def _globals_of_script(task_function: TaskFunction) -> dict[str, Any]:
    known = getattr(inspect.unwrap(task_function), "__globals__", {})
    return known if known.get("__name__") == "__main__" else {}


def stand_for_script(task_function: TaskFunction, defined: Mapping[str, bytes]) -> None:
    """Let what the app's script defines be found in `__main__`: by a config, by pickle, and by what a trial spawns.

    The task function of a script has come by value, with all that it refers to; the rest is `defined`.
    """
    known = _globals_of_script(task_function)
    if not known:
        return
    script = sys.modules["__main__"]
    vars(script).update(known)

    def find(name: str) -> Any:
        if name not in defined:
            raise AttributeError(f"module '__main__' has no attribute {name!r}")
        vars(script)[name] = pickle.loads(defined[name])
        return vars(script)[name]

    vars(script)["__getattr__"] = find
    if package := known.get("__package__"):  # of `python -m package.module`; a script alone is found by its path
        script.__spec__ = ModuleSpec(f"{package}.{Path(known['__file__']).stem}", None)


class Ended(Exception):
    """Stands for what is no Exception, such as SystemExit: it would end the process, and the trial would run again."""


@dataclass
class App:
    """The task function as Hydra's `run_job` gets it.

    Attributes:
        task_function: The app's own.
        in_driver: Whether it runs in the driver's process, where Ctrl-C is the user's.
    """

    task_function: TaskFunction
    in_driver: bool = False
    _process: int = field(default_factory=os.getpid, init=False)
    _heard: Any = field(default_factory=functools.partial(signal.getsignal, signal.SIGINT), init=False)

    def __call__(self, config: DictConfig) -> Any:
        """Run it.

        Raises:
            Exception: The app's own; Ended, caused by it, for one that is no Exception.
            KeyboardInterrupt: The user wants the driver to end at once.
        """
        trial = current_trial()
        if trial is not None and not self.in_driver:
            send_log(trial.driver, trial.number)
        self._heard = signal.getsignal(signal.SIGINT)
        with self._surroundings():
            try:
                return self.task_function(config)
            except Exception:
                raise
            except BaseException as error:
                if self.is_the_users(error):
                    raise
                raise Ended from error

    def is_the_users(self, error: BaseException) -> bool:
        """Whether it is the user's Ctrl-C, and not the app's own doing."""
        if not isinstance(error, KeyboardInterrupt):
            return False
        # An app that has taken the signal over gets the user's as well.
        return giving_up.is_set() or (self.in_driver and signal.getsignal(signal.SIGINT) is not self._heard)

    @contextmanager
    def _surroundings(self) -> Iterator[None]:
        """Give the app a process as it expects it, and the next trial the same."""
        global _stop_handler
        folder = os.getcwd()
        handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
        _stop_handler = handlers[signal.SIGTERM]
        streams = {name: getattr(sys, name) for name in ("stdin", "stdout", "stderr")}
        copies = {}
        for number in range(3):
            with suppress(OSError):
                copies[number] = os.dup(number)
        if not self.in_driver:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            yield
        finally:
            if os.getpid() != self._process:  # a child that the app forked and let run on is no worker
                os._exit(0)
            with suppress(OSError):
                os.chdir(folder)
            _set_handlers(handlers)
            if not self.in_driver:
                signal.setitimer(signal.ITIMER_REAL, 0)  # an alarm would go off in the next trial
            for number, (name, stream) in enumerate(streams.items()):
                setattr(sys, name, _open_again(number, stream, copies.get(number)))
            for copy in copies.values():
                os.close(copy)


def _set_handlers(handlers: dict[Any, Any]) -> None:
    for number, handler in handlers.items():
        if handler is not None and signal.getsignal(number) is not handler:
            with suppress(OSError, ValueError):  # not every signal can be had
                signal.signal(number, handler)


def _open_again(number: int, stream: TextIO | None, copy: int | None) -> TextIO | None:
    """Return a standard stream as it was; if it was closed, one to the same place."""
    closed = stream is not None and stream.closed
    if copy is not None:
        try:
            os.fstat(number)
            lost = closed
        except OSError:
            lost = True
        if lost:
            os.dup2(copy, number)
    return open(number, "w" if number else "r", errors="backslashreplace", closefd=False) if closed else stream
