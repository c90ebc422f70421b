"""Workers forked from one process that has imported what they need are what processes of their own would be."""

import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from hydra.core.singleton import Singleton

from convsweep.errors import UserError
from convsweep.workers.fork_server import ForkServer
from convsweep.workers.process import FreshProcess, WorkerProcess
from tests.helpers.command import ROOT, run, start, states, trials, wait_for

APP = str(ROOT / "tests/helpers/toy/app.py")


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def gone(pid: int) -> bool:
    for _ in range(100):
        if not is_alive(pid):
            return True
        time.sleep(0.1)
    return False


@pytest.fixture(scope="module")
def forks() -> Iterator[ForkServer]:
    with ForkServer(["tests.helpers.toy.chatty"]) as server:
        yield server


def forked(forks: ForkServer, task: Callable[[], str], folder: Path, **environment: str) -> WorkerProcess:
    process = forks.fork({**os.environ, **environment}, str(folder), lambda: False)
    assert process is not None
    process.send(cloudpickle.dumps((Singleton.get_state(), task)))
    return process


def sockets() -> Iterator[str]:
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the one that the folder was read by
            if "socket" in (target := os.readlink(f"/proc/self/fd/{name}")):
                yield target


def facts(file: str) -> str:
    """Write down what an app may see of its process."""
    seen: dict[str, Any] = {
        "argv": [sys.argv[0], len(sys.argv)],
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "session": os.getsid(0) == os.getpid(),
        "input": os.readlink("/proc/self/fd/0"),
        "main": sorted(vars(sys.modules["__main__"])),
        "handlers": {str(number): str(signal.getsignal(number)).split(" at ")[0] for number in range(1, 32)},
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "sockets": len(list(sockets())),
    }
    Path(file).write_text(json.dumps(seen))
    return "done"


def draws(file: str) -> str:
    import numpy as np

    Path(file).write_text(json.dumps([random.random(), float(np.random.rand())]))
    return "done"


def test_a_forked_process_is_as_one_of_its_own(forks: ForkServer, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "HOME"} | {"NEW": "of this worker"}
    own = FreshProcess(environment, str(tmp_path))
    own.send(cloudpickle.dumps((Singleton.get_state(), lambda: facts("own.json"))))
    other = forks.fork(environment, str(tmp_path), lambda: False)
    assert other is not None
    other.send(cloudpickle.dumps((Singleton.get_state(), lambda: facts("forked.json"))))
    for process in (own, other):
        assert process.ended(60)
        process.close()
        assert (process.last_word, process.status) == ("done", 0)
    seen = [json.loads((tmp_path / f"{name}.json").read_text()) for name in ("own", "forked")]
    assert seen[0] == seen[1]
    assert seen[0]["environment"]["NEW"] == "of this worker"
    assert "HOME" not in seen[0]["environment"]


def test_random_numbers_differ_from_child_to_child(forks: ForkServer, tmp_path: Path) -> None:
    processes = [forked(forks, lambda i=i: draws(f"{i}.json"), tmp_path) for i in range(2)]
    for process in processes:
        assert process.ended(60)
        process.close()
    one, other = (json.loads((tmp_path / f"{i}.json").read_text()) for i in range(2))
    assert one[0] != other[0]
    assert one[1] != other[1]


def test_deaths_are_told_and_replaced_at_once(forks: ForkServer, tmp_path: Path) -> None:
    process = forked(forks, lambda: time.sleep(1000) or "", tmp_path)
    began = time.monotonic()
    os.kill(process.pid, signal.SIGKILL)
    assert process.ended(5)
    assert (process.last_word, process.status) == (None, -signal.SIGKILL)
    process.close()
    assert not Path(f"/proc/{process.pid}").exists(), "it is reaped"
    after = forked(forks, lambda: os._exit(7), tmp_path)
    assert time.monotonic() - began < 2
    assert after.ended(20)
    assert (after.last_word, after.status) == (None, 7)
    after.close()


def test_a_process_that_is_not_wanted_any_more_is_not_waited_for() -> None:
    with ForkServer(["tests.helpers.toy.chatty"]) as server:
        assert server.fork(os.environ, ".", lambda: True) is None


def test_workers_live_on_when_the_process_that_forks_is_killed(tmp_path: Path) -> None:
    with ForkServer(["tests.helpers.toy.chatty"]) as server:
        process = forked(server, lambda: time.sleep(3) or "done", tmp_path)
        first = server._process.pid
        os.kill(first, signal.SIGKILL)
        after = forked(server, lambda: "recycle", tmp_path)
        assert server._process.pid != first
        for child, word, status in ((process, "done", None), (after, "recycle", 0)):
            assert child.ended(60)
            child.close()
            assert (child.last_word, child.status) == (word, status)


@pytest.mark.slow
def test_a_process_with_more_than_a_thousand_open_files_has_workers(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(1100):
                stack.enter_context(open(os.devnull))
            server = stack.enter_context(ForkServer(["tests.helpers.toy.chatty"]))
            process = forked(server, lambda: "done", tmp_path)
            assert process.ended(60)
            process.close()
            assert process.last_word == "done"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_it_is_not_started_for_ever(tmp_path: Path) -> None:
    (tmp_path / "crashing.py").write_text("import os\nos.abort()\n")
    sys.path.append(str(tmp_path))
    try:
        with ForkServer(["crashing"]) as server, pytest.raises(UserError, match="killed by SIGABRT, 3 times"):
            server.fork(os.environ, str(tmp_path), lambda: False)
    finally:
        sys.path.remove(str(tmp_path))


@pytest.mark.parametrize("importing", [True, False])
def test_all_end_with_a_keeper_that_is_killed(tmp_path: Path, importing: bool) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text("import os, time\nprint(os.getpid(), flush=True)\n" + "time.sleep(0.1)\n" * (1000 * importing))
    code = (
        "import os, cloudpickle, time\n"
        "from hydra.core.singleton import Singleton\n"
        "from convsweep.workers.fork_server import ForkServer\n"
        "server = ForkServer(['slow'])\n"
        "child = server.fork(os.environ, '.', lambda: False)\n"
        "child.send(cloudpickle.dumps((Singleton.get_state(), lambda: os.write(1, b'runs\\n') and time.sleep(1000))))\n"
        "os.write(1, f'{child.pid}\\n'.encode())\n"  # at once, whatever the child writes meanwhile
        "time.sleep(1000)\n"
    )
    keeper = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])},
    )
    assert keeper.stdout is not None
    with keeper.stdout:
        lines = [keeper.stdout.readline().strip() for _ in range(1 if importing else 3)]
        assert importing or "runs" in lines  # before its number is told, or after
        pids = [int(line) for line in lines if line != "runs"]
        assert all(map(is_alive, pids))
        keeper.kill()
        keeper.wait()
    assert all(map(gone, pids))


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("broken", "the library is not for this processor"),
        ("app.nothing", "ModuleNotFoundError"),
        pytest.param("threaded", "starts threads (listener)", marks=pytest.mark.slow),
    ],
)
def test_a_preload_that_fails_is_one_error(tmp_path: Path, module: str, reason: str) -> None:
    preload = f"hydra.sweeper.preload=[json,tests.helpers.toy.{module}]"
    done = run([APP, "-m", "x=1,2,3,4", "hydra.sweeper.n_jobs=4", preload], tmp_path)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if "error" in line.lower()]
    assert len(errors) == 1, done.stderr
    assert errors[0].startswith(f"error: `hydra.sweeper.preload`: tests.helpers.toy.{module} ")
    assert reason in errors[0]
    assert ("a note of native code" in done.stderr) == (module == "broken")
    assert states(tmp_path) == {"WAITING": 4}


def test_keepers_that_leave_an_answer_unread_are_gone_like_others() -> None:
    """As after Ctrl-C while the process says that it is ready."""
    code = (
        "import socket\n"
        "from convsweep.workers.forking import serve\n"
        "keepers, line = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
        "line.send(b'ready')\n"
        "keepers.close()\n"
        "serve(line)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_module_that_is_not_there_is_refused_before_anything_starts(tmp_path: Path) -> None:
    done = run([APP, "-m", "x=1,2", "hydra.sweeper.preload=[nothing,nowhere.at_all]"], tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("error: `hydra.sweeper.preload` must be a list of modules") == 2
    assert not (tmp_path / "multirun").exists()


def test_a_submodule_may_be_there_once_its_package_is_imported(tmp_path: Path) -> None:
    (tmp_path / "lazy.py").write_text("import json, sys\nsys.modules['lazy.inner'] = json\n")
    environment = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    done = run([APP, "-m", "x=1", "hydra.sweeper.preload=[lazy,lazy.inner]"], tmp_path, **environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_sweep_whose_workers_and_whose_forking_process_are_killed(tmp_path: Path) -> None:
    preload = "hydra.sweeper.preload=[tests.helpers.toy.chatty]"
    process = start(
        [APP, "-m", "x=range(0,16)", "seconds=0.6", "hydra.sweeper.n_jobs=2", preload, "hydra.sweeper.n_trials=16"],
        tmp_path,
    )
    wait_for(tmp_path, "COMPLETE", 1)
    (server,) = map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
    workers = list(map(int, Path(f"/proc/{server}/task/{server}/children").read_text().split()))
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    wait_for(tmp_path, "COMPLETE", 3)
    os.kill(server, signal.SIGKILL)
    wait_for(tmp_path, "COMPLETE", 5)
    os.kill(workers[1], signal.SIGKILL)  # its successor comes from the next process
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "a note of native code" not in err
    assert states(tmp_path) == {"COMPLETE": 16}
    ran_by = {trial.user_attrs["pid"] for trial in trials(tmp_path)}
    assert len(ran_by) >= 3, out
