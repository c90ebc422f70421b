"""What a process leaves that is killed in the midst of its writing, at each place where that can be."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock


def killed_at_each_step(write: Callable[[int], Any]) -> Iterator[int]:
    """Yield each time that a process was killed that wrote, later and later, until one comes to its end.

    It dies before its n-th rename, or after the first half of the n-th text, counted from 0; `write` is told n. It must
    compute nothing with TensorFlow.
    """
    step = 0
    while True:
        if not (pid := os.fork()):
            status = 1
            try:
                with _deadly(step):
                    write(step)
                status = 0
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status == 0:
            assert step, "nothing was written"
            return
        assert status == -signal.SIGKILL, f"it failed by itself: {status}"
        yield step
        step += 1


def _deadly(step: int) -> Any:
    left = step
    replace, rename, write_text = os.replace, os.rename, Path.write_text

    def count() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    def die(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def written(self: Path, data: str, *arguments: Any, **named: Any) -> int:
        if count():
            write_text(self, data[: len(data) // 2], *arguments, **named)
            die()
        return write_text(self, data, *arguments, **named)

    patch = mock.patch.multiple(
        os,
        replace=lambda *names: die() if count() else replace(*names),
        rename=lambda *names: die() if count() else rename(*names),
    )
    Path.write_text = written  # pyright: ignore[reportAttributeAccessIssue] - in a process that ends with this
    return patch
