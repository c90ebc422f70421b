"""A printed command, typed, does what its line says: for each way a sweep ends, in each kind of app."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest

from convsweep.display.command import quoted, typed_command
from convsweep.storage.driver_lock import only_driver
from tests.helpers.command import ROOT, run_inside, start, toy

DAY = "hydra.sweep.dir='multirun/${now:%Y-%m-%d}/${now:%H-%M-%S-%f}'"  # Hydra's own default, and a bit finer
SPACE = "x=interval(0,4)"


def printed(out: str, word: str) -> list[str]:
    """Return the words of the command that stands in the last line after `word`, without Python's own."""
    line = out.splitlines()[-1]
    assert line.startswith(f"{word:<9}python "), out
    return shlex.split(line)[len(word.split()) + 1 :]


def counts(folder: Path) -> list[int]:
    """Return how many trials each study in the folder has, by their own folders."""
    return [len(list(path.parent.glob("trial-*"))) for path in sorted(folder.rglob("journal.log"))]


ENDINGS = [
    ("resume", ["hydra.sweeper.timeout=1", "seconds=1", "hydra.sweeper.n_trials=3"], 2),
    ("go on", ["hydra.sweeper.n_trials=2"], 4),
    ("go on", ["hydra.sweeper.n_trials=3", "hydra.sweeper.target=100"], 3),
    ("go on", ["hydra.sweeper.budget=600epochs", "hydra.sweeper.max_resource=3", "hydra.sweeper.n_trials=2"], 4),
    ("go on", ["hydra.sweeper.budget=2trials"], 4),
    ("go on", ["hydra.sweeper.budget=2trials", "hydra.sweeper.n_trials=2"], 4),
    ("go on", ["hydra.sweeper.budget=6epochs", "hydra.sweeper.max_resource=3"], 4),
    ("go on", ["hydra.sweeper.n_trials=3", "hydra.sweeper.target=100", "hydra.sweeper.patience=1"], 2),
    ("go on", ["hydra.sweeper.n_trials=4", "hydra.sweeper.patience=1", "+hydra.sweeper.enqueue=[{x:0},{x:1}]"], 4),
    ("go on", ["hydra.sweeper.n_trials=4", "fail_above=0", "hydra.sweeper.max_consecutive_failures=2"], 4),
    ("go on", ["hydra.sweeper.n_trials=12", "fail_above=0", "hydra.sweeper.max_failure_rate=0.1"], 12),
]


@pytest.mark.slow
@pytest.mark.parametrize(("word", "limits", "after"), ENDINGS[3:], ids=[" ".join(row[1]) for row in ENDINGS[3:]])
def test_rarer_endings_print_the_command_that_goes_beyond_them(
    tmp_path: Path, word: str, limits: list[str], after: int
) -> None:
    check_ending(tmp_path, word, limits, after)


@pytest.mark.slow
@pytest.mark.parametrize(("word", "limits", "after"), ENDINGS[:3], ids=[" ".join(row[1]) for row in ENDINGS[:3]])
def test_each_ending_prints_the_command_that_goes_beyond_it(
    tmp_path: Path, word: str, limits: list[str], after: int
) -> None:
    check_ending(tmp_path, word, limits, after)


def check_ending(tmp_path: Path, word: str, limits: list[str], after: int) -> None:
    first = toy(tmp_path, SPACE, DAY, "hydra/sweeper/pruner=none", *limits)
    before = counts(tmp_path)
    assert len(before) == 1
    assert before[0] < after
    done = run_inside(printed(first.stdout, word), tmp_path)
    (now,) = counts(tmp_path)
    # How much a second has room for depends on the machine.
    assert now == after or (word == "resume" and before[0] <= now < after), done.stdout + done.stderr


def test_a_finished_space_prints_no_command(tmp_path: Path) -> None:
    assert toy(tmp_path, "x=1,2").stdout.splitlines()[-1].startswith("results ")


def test_a_full_disk_prints_the_command_that_goes_on(tmp_path: Path) -> None:
    full = OSError(28, os.strerror(28))
    with mock.patch("convsweep.driver.driver.fill", side_effect=full):
        first = toy(tmp_path, SPACE, DAY, "hydra.sweeper.n_trials=2")
    assert first.returncode == 1
    done = run_inside(shlex.split(first.stderr.splitlines()[-1].partition("go on: python ")[2]), tmp_path)
    assert done.returncode == 0, done.stderr
    assert counts(tmp_path) == [2]


@pytest.mark.parametrize("folder", ["multirun/${hydra.sweeper.study_name}", "here"])
@pytest.mark.slow
def test_a_second_driver_prints_the_command_that_begins_another_study(tmp_path: Path, folder: str) -> None:
    command = ["x=1,2", f"hydra.sweep.dir={folder}"]
    assert toy(tmp_path, *command).returncode == 0
    (journal,) = tmp_path.rglob("journal.log")
    with only_driver(journal.parent / "driver.lock", journal.parent, ""):
        second = toy(tmp_path, *command)
        assert f"is being run by process {os.getpid()}" in second.stderr
        done = run_inside(shlex.split(second.stderr.strip().partition("another one: python ")[2]), tmp_path)
    assert done.returncode == 0, done.stderr
    assert counts(tmp_path) == [2, 2]


APP = """
import sys, time, hydra
sys.path.insert(0, "CONVSWEEP")
from convsweep import current_trial

def main():
    @hydra.main(version_base="1.3", config_path=None)
    def task(cfg):
        time.sleep(cfg.get("seconds", 0))
        return cfg.x
    task()

if __name__ == "__main__":
    main()
"""
# How an app can be called, and where its files then lie.
APPS = [
    ["python", "app.py"],
    ["python", "-m", "package.app"],
    ["python", "-m", "package"],
    ["python", "-c", "from package.app import main; main()"],
    ["python", "-X", "dev", "-W", "ignore", "./app.py"],
    ["./installed"],
]


@pytest.fixture
def apps(tmp_path: Path) -> Path:
    """Return a folder with an app in all its forms."""
    text = APP.replace("CONVSWEEP", str(ROOT))
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").touch()
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/some.yaml").write_text("who: nobody\n")
    for name in ("app.py", "package/app.py", "package/__main__.py"):
        (tmp_path / name).write_text(text)
    (tmp_path / "installed").write_text(f"#!{sys.executable}{text}")
    (tmp_path / "installed").chmod(0o755)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("app", APPS, ids=" ".join)
def test_each_kind_of_app_prints_what_can_be_pasted(apps: Path, app: list[str]) -> None:
    """With flags between and behind overrides, quotes, spaces, a line break, and no -m."""
    overrides = [
        "hydra/sweeper=convsweep", "hydra/launcher=basic", "hydra.mode=MULTIRUN", "+x=interval(0,4)",
        "who='it\\'s a\n$HOME \"line\"'", "hydra.sweeper.n_trials=1", "++hydra.sweeper.n_trials=2",
    ]  # fmt: skip
    command = shlex.join([*app, "--config-dir", "conf", *overrides, "--config-name", "some"])
    for expected in (2, 4, 8):
        out = paste(command, apps)
        assert [len(list(path.parent.glob("[0-9]*/.hydra"))) for path in apps.rglob("journal.log")] == [expected]
        command = out.splitlines()[-1].removeprefix("go on    ")
    assert f"hydra.sweep.dir=multirun/{time.strftime('%Y')}" in command


def paste(command: str, folder: Path) -> str:
    """Type a command into a plain shell; return what it prints."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "COLUMNS": "80"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_ctrl_c_prints_the_command_that_resumes(apps: Path) -> None:
    overrides = ["hydra/sweeper=convsweep", "hydra/launcher=joblib", "+x=range(0,3)", "+seconds=0.5"]
    process = start(["app.py", *overrides, "-m", "hydra.sweeper.n_jobs=1"][:-1], apps)
    with contextlib.suppress(StopIteration):
        while not next(apps.rglob("0/app.log"), None):
            time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    paste(out.splitlines()[-1].removeprefix("resume   "), apps)
    assert [len(list(path.parent.glob("[0-9]*/.hydra"))) for path in apps.rglob("journal.log")] == [3]


WORDS = ["a b", "it's", "x='a\nb'", "tab\there\\n", '$HOME `id` "q"', "ends in a break\n", "é\n", "%s %b 100%\n.", "*"]


@pytest.mark.parametrize("word", WORDS, ids=repr)
def test_a_quoted_word_is_the_word_again_in_a_plain_shell(word: str) -> None:
    typed = subprocess.run(["sh", "-c", f"printf %s {quoted(word)}"], capture_output=True, text=True)
    assert typed.stdout == word


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["app.py", "x=1", "-m"], "app.py x=1 n=2 -m"),
        (["app.py", "-m"], "app.py -m n=2"),
        (["app.py", "-m", "++n=1", "x=1", "n=5", "--config-name", "n"], "app.py -m x=1 n=2 --config-name n"),
        (["app.py", "-m", "x=1", "--own-flag", "3"], "app.py -m x=1 n=2 --own-flag 3"),
        (["app.py", "-c", "job"], "app.py -c job n=2"),
    ],
)
def test_an_override_stands_among_the_others(typed: list[str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", typed)
    monkeypatch.setattr(sys, "orig_argv", ["python3", *typed])
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(__spec__=None))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert typed_command("n=2") == f"python3 {expected}"


def test_where_modules_are_looked_for_is_part_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/some where")
    assert typed_command().startswith("PYTHONPATH='/some where' ")
    monkeypatch.setattr(Path, "read_bytes", lambda _: b"A=1\0PYTHONPATH=/some where\0")
    assert not typed_command().startswith("PYTHONPATH")
