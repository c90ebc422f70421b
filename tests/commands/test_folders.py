"""A study's folder is its own: another study's trials would go on from its trials' files."""

from pathlib import Path

import pytest

from tests.helpers.command import run_inside, states, toy

HERE = ["hydra.sweep.dir=multirun/here", "x=1,2", "hydra.sweeper.n_trials=2"]


def test_another_study_in_the_folder_of_one_is_refused(tmp_path: Path) -> None:
    first = toy(tmp_path, *HERE, "hydra.sweeper.study_name=here")
    assert first.returncode == 0, first.stderr
    other = toy(tmp_path, *HERE, "hydra.sweeper.study_name=other")
    assert other.returncode == 1
    assert "own, got multirun/here, where here keeps its trials' files; type" in other.stderr
    assert "type hydra.sweep.dir='multirun/${hydra.sweeper.study_name}'" in other.stderr
    new = toy(tmp_path, *HERE, "hydra.sweeper.study_name=here", "hydra.sweeper.on_change=new", "steps=5", "x=2,3")
    assert "study   here-2: minimize, in multirun/here-2" in new.stdout, new.stderr
    newer = toy(tmp_path, *HERE, "hydra.sweeper.study_name=here", "hydra.sweeper.on_change=new", "steps=6", "x=3,4")
    assert "study   here-3: minimize, in multirun/here-3" in newer.stdout, newer.stderr
    again = toy(tmp_path, *HERE, "hydra.sweeper.study_name=here")
    assert again.returncode == 0
    assert states(tmp_path, "here") == {"COMPLETE": 2}


@pytest.mark.slow
def test_two_studies_of_a_database_do_not_find_each_others_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import hydra\n"
        "from convsweep import current_trial\n"
        "@hydra.main(version_base=None, config_path=None)\n"
        "def main(cfg):\n"
        "    checkpoint = current_trial().directory / 'checkpoint'\n"
        "    assert not checkpoint.exists()\n"
        "    checkpoint.touch()\n"
        "    return cfg.x\n"
        "main()\n"
    )
    command = ["app.py", "-m", "hydra/sweeper=convsweep", "hydra/launcher=basic", "+x=1,2", "hydra.sweep.dir=here"]

    def run(name: str, storage: str = "sqlite:///a.db", *more: str) -> str:
        asked = [f"hydra.sweeper.study_name={name}", f"hydra.sweeper.storage={storage}"]
        done = run_inside([*command, *asked, *more], tmp_path)
        assert (done.returncode == 0) == (not done.stderr), done.stdout
        return done.stderr

    assert run("one") == ""
    for other in (run("two"), run("two", "null"), run("one", "null")):
        assert "must be a folder of the study's own, got here, where one keeps its trials' files" in other
    assert run("one") == "", "it is taken up"
    assert run("two", "sqlite:///a.db", "hydra.sweep.subdir='${hydra.sweeper.study_name}/${hydra.job.num}'") == ""
