"""Ctrl-C while a command is still importing is told in a word."""

import sys

import pytest

from src.process.interrupts import tell_interrupts_shortly

PROGRAMS = [
    ("-m", True), ("/usr/bin/convsweep", True), ("mine.py", False),
    ("/a/convsweep/__main__.py", True), ("/a/mine/__main__.py", False),
]  # fmt: skip


@pytest.mark.parametrize(("program", "short"), PROGRAMS)
def test_a_command_says_it_shortly_and_a_program_of_ones_own_as_ever(
    program: str, short: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "argv", [program])
    monkeypatch.setattr(sys, "excepthook", lambda kind, *_: seen.append(kind))
    tell_interrupts_shortly()
    for kind in (KeyboardInterrupt, ValueError):
        sys.excepthook(kind, kind(), None)
    assert seen == ([ValueError] if short else [KeyboardInterrupt, ValueError])
    assert capsys.readouterr().err == ("interrupted\n" if short else "")
