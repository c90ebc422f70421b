"""The command `convsweep`: all commands under one name, from any folder, completed by a shell."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from convsweep.display.command import typed_command
from src.completion import BASH, FISH, ZSH
from src.console import COMMANDS
from tests.helpers.command import ROOT, run, run_inside
from tests.test_fences import COMMANDS as FILES
from tests.test_fences import COMMANDS_IN_ROOMS


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


def convsweep(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run_inside(["-m", "convsweep", *arguments], folder)


def test_help_names_every_command_in_a_line(tmp_path: Path) -> None:
    rooms = {f"{Path(path).parent.name}.py" for path in COMMANDS_IN_ROOMS}
    assert {f"{name}.py" for name in COMMANDS} == FILES | rooms
    for arguments in (["--help"], []):
        done = convsweep(tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
        assert [line for line in done.stdout.splitlines() if line.split()[:1] in [[name] for name in COMMANDS]]
        assert all(f"  {name} " in done.stdout and words in done.stdout for name, words in COMMANDS.items())
        assert max(map(len, done.stdout.splitlines())) <= 90


def test_an_unknown_command_is_told_the_nearest(tmp_path: Path) -> None:
    done = convsweep(tmp_path, "swep", "-m")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("error: convsweep has no command swep; there are ")
    assert line.endswith("; did you mean sweep?")


def test_a_command_is_the_module_of_its_name(tmp_path: Path) -> None:
    for name, arguments in (("status", []), ("sweep", ["--cfg", "job", "--package", "dataset"]), ("sweep", ["x=1"])):
        ours = convsweep(tmp_path, name, *arguments)
        module = run_inside(["-m", f"src.{name}", *arguments], tmp_path)
        assert (ours.returncode, ours.stdout, ours.stderr) == (module.returncode, module.stdout, module.stderr)


def test_a_folder_src_of_the_user_s_is_not_in_the_way_and_his_modules_are_found(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/__init__.py").write_text("raise RuntimeError('his own')")
    (tmp_path / "my_nets.py").write_text("def build_model(units: int = 3):\n    '''A network.'''\n")
    done = run(
        ["-m", "convsweep", "sweep", "-m", "model=custom", "model.build=my_nets.build_modle", "optimizer=adam,sgd"],
        tmp_path,
        PYTHONPATH=str(ROOT),
    )
    assert done.returncode == 1
    assert "his own" not in done.stderr
    assert "build_model" in done.stderr, "what his module has"


def test_the_command_that_goes_on_is_printed_as_it_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    script = str(Path(sys.executable).with_name("pytest"))  # an executable of this environment
    monkeypatch.setattr(sys, "argv", ["/somewhere/src/sweep.py", "-m", "x=1,2"])
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, script, "sweep", "-m", "x=1,2"])
    words = typed_command("y=1").split()
    assert words[-4:] == ["sweep", "-m", "x=1,2", "y=1"]
    assert Path(words[-5]).name == "pytest"
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "convsweep", "sweep", "-m", "x=1,2"])
    assert typed_command().endswith("python -m convsweep sweep -m x=1,2")


def test_help_and_messages_name_the_command_that_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "/venv/bin/convsweep"])
    for name in COMMANDS:
        monkeypatch.delitem(sys.modules, f"src.{name}", raising=False)  # another test may have imported it
        said = convsweep(tmp_path, name, "--help").stdout
        assert "convsweep" in said
        assert "-m src." not in said, name
    monkeypatch.delitem(sys.modules, "src.predict", raising=False)
    assert "train first, e.g. convsweep sweep, go to" in convsweep(tmp_path, "predict", "fit", "1.png").stderr


def complete(folder: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> list[str]:
    monkeypatch.setenv("COMP_LINE", line)
    done = convsweep(folder, "--complete")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("convsweep s", ["sweep", "status", "simulate"]),
        ("convsweep sweep -m optim", ["optimizer=", "optimizer."]),
        ("convsweep sweep -m optimizer=ad", ["optimizer=adam", "optimizer=adamw"]),
        ("convsweep sweep -m optimizer=adam,rm", ["optimizer=adam,rmsprop"]),
        ("convsweep sweep -m space=[optimizer,arch", ["space=[optimizer,architecture"]),
        ("convsweep sweep model=resnet model.de", ["model.depth="]),
        ("convsweep sweep -m hydra/sweeper/sampler=t", ["hydra/sweeper/sampler=tpe"]),
        ("convsweep sweep -m hydra.sweeper.n_t", ["hydra.sweeper.n_trials="]),
        ("convsweep sweep --dry", ["--dry-run"]),
        ("convsweep status --st", ["--storage"]),
        ("convsweep status my", ["my_study"]),
        ("convsweep simulate ", ["my_study"]),
    ],
)
def test_commands_studies_options_and_overrides_are_completed(
    line: str, some: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "multirun/my_study").mkdir(parents=True)
    (tmp_path / "multirun/my_study/journal.log").touch()
    found = complete(tmp_path, monkeypatch, line)
    assert set(some) <= set(found)
    assert all(candidate.startswith(line.split(" ")[-1]) for candidate in found)


def test_each_shell_has_a_script_and_a_line_that_installs_it(tmp_path: Path) -> None:
    lines = convsweep(tmp_path, "--completion").stdout
    for shell in ("bash", "zsh", "fish"):
        assert f"convsweep --completion {shell}" in lines
        assert "convsweep --complete" in convsweep(tmp_path, "--completion", shell).stdout
    done = convsweep(tmp_path, "--completion", "tcsh")
    assert done.stderr == "error: `--completion` must be one of bash, zsh, fish, got tcsh\n"


@pytest.mark.parametrize(
    ("line", "word", "reply"),
    [
        ("convsweep sta", "sta", ["status "]),
        ("convsweep sweep -m optimizer=adam,rm", "adam,rm", ["adam,rmsprop"]),
        ("convsweep sweep -m optimizer=", "=", ["adam", "rmsprop"]),
    ],
)
def test_bash_replaces_the_part_of_the_word_that_it_splits_off(line: str, word: str, reply: list[str]) -> None:
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    whole = line.split(" ")[-1].removesuffix(word if word != "=" else "")
    candidates = "\n".join(whole + one.strip() for one in reply)
    code = f"""
convsweep() {{ printf '%s\\n' '{candidates}'; }}
{BASH}
COMP_LINE='{line}' COMP_POINT={len(line)} COMP_WORDS=('{word}') COMP_CWORD=0
_convsweep; printf '%s|' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout.split("|")[:-1] == reply


def of_shell(shell: str, code: str) -> list[str]:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    done = subprocess.run([shell, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_zsh_gets_candidates_without_the_quote_that_it_has_itself() -> None:
    code = f"""
compdef() {{ }}
compadd() {{ print -rl -- "$@" }}
convsweep() {{ print -rl -- "'model.filters=" "'model.fit="; print -r -- "$COMP_LINE" >&3 }}
{ZSH}
words=(convsweep sweep "'model.f") CURRENT=3
{{ _convsweep }} 3>&1
"""
    asked, *given = of_shell("zsh", code)
    assert asked == "convsweep sweep 'model.f"
    assert given == ["-S", "", "--", "model.filters=", "model.fit="]


def test_fish_gets_them_so_too_and_files_where_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = f"""
function convsweep
    string match -q '* predict *' -- "$COMP_LINE"; or printf '%s\\n' "'model.filters=" "model.fit="
end
{FISH}
complete -C "convsweep sweep model.f"
complete -C "convsweep predict rose"
"""
    (tmp_path / "rose.png").touch()
    monkeypatch.chdir(tmp_path)
    assert of_shell("fish", code) == ["model.filters=", "model.fit=", "rose.png"]
