"""What a sweep says at its end of what mattered can be typed, as it is printed."""

import shlex
from pathlib import Path

import pytest

from tests.helpers.command import TOY, run_inside, states, toy, trials


@pytest.mark.slow
def test_a_search_beyond_an_end_is_one_printed_command_away(tmp_path: Path) -> None:
    out = toy(tmp_path, "x=3,4,5,6", "+repeat=range(6)", "hydra.sweeper.n_trials=24").stdout
    assert "mattered x 100% (100% to 100%)\n" in out
    assert "advice   `x` at its lower end in 6 of the 8 best: type `x=2,3,4,5`" in out
    (line,) = [line for line in out.splitlines() if line.startswith("next     ")]
    name = next((tmp_path / "multirun").iterdir()).name
    words = shlex.split(line.partition(TOY)[2])
    assert words[-2:] == ["hydra.sweeper.on_change=new", f"hydra.sweeper.warm_start_from={name}"]
    assert "x=2,3,4,5" in words
    again = run_inside([TOY, *words], tmp_path)
    assert again.returncode == 0, again.stderr
    (other,) = {path.name for path in (tmp_path / "multirun").iterdir()} - {name}
    assert states(tmp_path, other) == {"COMPLETE": 24}
    assert min(trial.params["x"] for trial in trials(tmp_path, other)) == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hydra.sweeper.study_name=toy", "hydra.sweeper.study_name=null"])
@pytest.mark.parametrize(
    "folder",
    ["'out/${now:%H-%M-%S-%f}'", "out/fixed", "'out/${hydra.sweeper.study_name}'"],
    ids=["now", "fixed", "name"],
)
def test_and_is_a_study_of_its_own_wherever_the_first_one_lies(tmp_path: Path, folder: str, name: str) -> None:
    def type_what_follows(word: str, out: str, *more: str) -> str:
        (line,) = [line for line in out.splitlines() if line.startswith(f"{word:<9}")]
        done = run_inside([TOY, *shlex.split(line.partition(TOY)[2]), *more], tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    first = toy(
        tmp_path, "x=3,4,5,6", "+repeat=range(6)", "hydra.sweeper.n_trials=24", name, f"hydra.sweep.dir={folder}"
    )
    second = type_what_follows("next", first.stdout, "hydra.sweeper.n_trials=4")
    type_what_follows("go on", second)
    journals = tmp_path.rglob("journal.log")
    assert sorted(len(list(path.parent.glob("trial-*"))) for path in journals) == [8, 24]
