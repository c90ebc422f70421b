"""A study's folder is its own: another study's trials would go on from its trials' files."""

from pathlib import Path

from tests.helpers.command import states, toy

HERE = ["hydra.sweep.dir=multirun/here", "x=1,2", "hydra.sweeper.n_trials=2"]


def test_another_study_in_the_folder_of_one_is_refused(tmp_path: Path) -> None:
    first = toy(tmp_path, *HERE, "hydra.sweeper.study_name=here")
    assert first.returncode == 0, first.stderr
    for other in (["hydra.sweeper.study_name=other"], ["hydra.sweeper.on_change=new", "steps=5", "x=1,2,3"]):
        done = toy(tmp_path, *HERE, "hydra.sweeper.study_name=here", *other)
        assert done.returncode == 1
        assert "own, got multirun/here, where here keeps its trials' files; type" in done.stderr
        assert "type hydra.sweep.dir='multirun/${hydra.sweeper.study_name}'" in done.stderr
    again = toy(tmp_path, *HERE, "hydra.sweeper.study_name=here")
    assert again.returncode == 0
    assert states(tmp_path, "here") == {"COMPLETE": 2}
