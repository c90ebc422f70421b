"""Any name is a study's name: it has a folder of its own inside, and is found again by every command."""

from pathlib import Path

import pytest

from convsweep.space.values import as_override_value
from convsweep.storage.folder import folder_name
from convsweep.study.finding import find_study
from tests.helpers.command import run_inside, toy

NAMES = ["a b", "lr/batch size", "../../escaped", "/tmp/escaped", "..", 'it\'s "q", x=1', "résumé 10%", "x" * 300]


@pytest.mark.parametrize(
    "name", [*NAMES[1:3], *(pytest.param(n, marks=pytest.mark.slow) for n in NAMES[:1] + NAMES[3:])]
)
@pytest.mark.slow
def test_a_study_of_any_name_is_kept_inside_and_found_again(tmp_path: Path, name: str) -> None:
    home = tmp_path / "deep/home"
    home.mkdir(parents=True)
    typed = f"hydra.sweeper.study_name={as_override_value(name)}"
    for count in (1, 2):
        done = toy(home, "x=interval(0,1)", f"hydra.sweeper.n_trials={count}", typed)
        assert done.returncode == 0, done.stderr
    assert {path.relative_to(tmp_path).parts[:3] for path in tmp_path.rglob("journal.log")} == {
        ("deep", "home", "multirun")
    }
    assert len(list((home / "multirun").iterdir())) == 1
    study = find_study(name, home / "multirun", None)
    assert study.study_name == name
    assert len(study.trials) == 2
    shown = run_inside(["-m", "src.status", name], home)
    assert f"study    {name}" in shown.stdout, shown.stderr
    new = toy(
        home, "x=interval(0,1)", "hydra.sweeper.n_trials=1", f"hydra.sweeper.warm_start_from={as_override_value(name)}"
    )
    assert new.returncode == 0, new.stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_is_one_part_of_a_path_and_the_names_own(name: str) -> None:
    found = folder_name(name)
    assert Path(found).parts == (found,)
    assert found not in (".", "..")
    assert not found.startswith(".")
    assert len(found.encode()) < 210
    assert folder_name(name + "/") != found
    assert found == name or folder_name(found) == found


def test_plain_names_are_their_folders() -> None:
    for name in ("toy", "app-x-d74f6a", "résumé", "2.5+a@b", "a b"):
        assert folder_name(name) == name
    assert len({folder_name(name) for name in ("a/b", "a_b", "a//b", "a\\b", "a/b/")}) == 5
