"""A callback that fails, at once or at the end, is named in a line of bounded, escaped words."""

from pathlib import Path

import pytest

from tests.helpers.command import toy, trials

BROKEN = "+hydra.sweeper.callbacks.broken={{_target_:tests.helpers.toy.callbacks.Broken,moment:{},leave:{}}}"


@pytest.mark.parametrize(
    ("moment", "leave", "words"),
    [
        ("start", False, "RuntimeError: \\x1b[31mredzz"),
        ("start", True, "SystemExit: 0"),
        ("end", False, "RuntimeError: \\x1b[31mredzz"),
        ("end", True, "SystemExit: 0"),
    ],
)
def test_a_broken_callback_is_named(tmp_path: Path, moment: str, leave: bool, words: str) -> None:
    done = toy(tmp_path, "x=interval(0,1)", "hydra.sweeper.n_trials=2", BROKEN.format(moment, str(leave).lower()))
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: `hydra.sweeper.callbacks`: {words}")
    assert len(done.stderr) < 400
    if moment == "end":
        assert [trial.state.name for trial in trials(tmp_path)] == ["COMPLETE"] * 2
        assert "go on    " in done.stdout, "what else there is to say is said"
