"""What Hydra's own pages type: groups and packages, experiments, folders and names of jobs, flags, resolvers."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.command import run_inside

APP = """
import json, os, hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

OmegaConf.register_new_resolver("plus", lambda a, b: a + b, replace=True)

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg):
    hydra_cfg = HydraConfig.get()
    told = {
        "cfg": OmegaConf.to_container(cfg, resolve=True), "num": hydra_cfg.job.num, "cwd": os.getcwd(),
        "dir": hydra_cfg.runtime.output_dir, "who": os.environ.get("WHO"), "mode": hydra_cfg.mode.name,
    }
    print("JOB", json.dumps(told))
    return float(cfg.x)

if __name__ == "__main__":
    main()
"""
FILES = {
    "app.py": APP,
    "conf/config.yaml": "defaults: [db: mysql, _self_, override hydra/sweeper: convsweep, "
    "override hydra/launcher: basic]\nx: 1\ny: ${plus:${x},1}\n",
    "conf/db/mysql.yaml": "name: mysql",
    "conf/db/pg.yaml": "name: pg",
    "conf/experiment/a.yaml": "# @package _global_\ndefaults: [override /db: pg]\nx: 5",
    "conf/experiment/b.yaml": "# @package _global_\nx: 7",
    "other/mine.yaml": "defaults: [config, _self_]\nx: 9\nz: 1",
}


def write(folder: Path) -> None:
    """Write the app."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def jobs(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Run the app, and return what its jobs have seen."""
    write(folder)
    done = run_inside(["app.py", *arguments], folder)
    assert done.returncode == 0, done.stderr
    return [json.loads(line[4:]) for line in done.stdout.splitlines() if line.startswith("JOB ")]


CONFIGS: list[tuple[list[str], list[dict[str, Any]]]] = [
    (["-m", "+experiment=a,b"], [{"x": 5, "y": 6, "db": {"name": "pg"}}, {"x": 7, "y": 8, "db": {"name": "mysql"}}]),
    (["-m", "+experiment=glob(*)", "x=3"], [{"x": 3, "db": {"name": "pg"}}, {"x": 3, "db": {"name": "mysql"}}]),
    (["-m", "+db@src.main=mysql,pg"], [{"src": {"main": {"name": "mysql"}}}, {"src": {"main": {"name": "pg"}}}]),
    (["-m", "~db=mysql", "++z.w=1,2"], [{"z": {"w": 1}}, {"z": {"w": 2}}]),
    (["--config-dir", "other", "--config-name", "mine", "--multirun", "z=1,2"], [{"x": 9, "z": 1}, {"x": 9, "z": 2}]),
    (["--config-path", "other", "-cn", "mine", "-m", "hydra.searchpath=[file://conf]"], [{"x": 9, "z": 1}]),
    (["x=1,2", "hydra.mode=MULTIRUN"], [{"x": 1}, {"x": 2}]),
]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [pytest.param(*row, marks=pytest.mark.slow if i else ()) for i, row in enumerate(CONFIGS)],
    ids=[" ".join(row[0]) for row in CONFIGS],
)
def test_configs_of_jobs(tmp_path: Path, arguments: list[str], expected: list[dict[str, Any]]) -> None:
    found = jobs(tmp_path, *arguments)
    assert len(found) == len(expected)
    for job, keys in zip(found, expected, strict=True):
        assert {key: job["cfg"][key] for key in keys} == keys
        assert job["mode"] == "MULTIRUN"


FOLDERS = [
    (["hydra.sweep.subdir=${hydra.job.num}"], "0", "1"),
    (["hydra.sweep.dir='out/${now:%Y}'", "hydra.sweep.subdir=${hydra:job.num}_${x}"], "0_1", "1_2"),
    (["hydra.sweep.subdir='${hydra.job.override_dirname}'", "db=pg"], "db=pg,x=1", "db=pg,x=2"),
    (
        ["hydra.sweep.subdir='${hydra.job.override_dirname}/${y}'", "db=pg",
         "hydra.job.config.override_dirname.exclude_keys=[db]"],
        "x=1/2", "x=2/3",
    ),
    (["hydra.sweep.dir='out/${hydra:sweeper.study_name}'", "hydra.sweeper.study_name=a/b"], "0", "1"),
    (["hydra.sweep.subdir='${plus:${hydra.job.num},10}'"], "10", "11"),
    (["hydra.sweep.dir=${hydra:runtime.cwd}/out", "hydra.job.name='j_${hydra.job.num}'"], "0", "1"),
    (["hydra.sweep.subdir=${hydra.runtime.choices.db}_${hydra.job.id}"], "mysql_trial-0000", "mysql_trial-0001"),
    (["hydra.job.chdir=true", "+hydra.job.env_set.WHO=${hydra.job.num}"], "0", "1"),
    (["hydra.output_subdir=null", "hydra/job_logging=none", "hydra/hydra_logging=none"], "0", "1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("overrides", "first", "second"),
    [pytest.param(*row, marks=pytest.mark.slow if i > 1 else ()) for i, row in enumerate(FOLDERS)],
    ids=[" ".join(row[0]) for row in FOLDERS],
)
def test_folders_of_jobs(tmp_path: Path, overrides: list[str], first: str, second: str) -> None:
    found = jobs(tmp_path, "-m", "x=1,2", *overrides)
    assert [job["num"] for job in found] == [0, 1]
    for job, name in zip(found, (first, second), strict=True):
        assert job["dir"].endswith(f"/{name}")
        assert Path(job["dir"]).is_relative_to(tmp_path)
        inside = "hydra.job.chdir=true" in overrides
        assert os.path.samefile(job["cwd"], job["dir"] if inside else tmp_path)
        assert job["who"] == (str(job["num"]) if inside else None)
        assert (Path(job["dir"]) / ".hydra").exists() == ("hydra.output_subdir=null" not in overrides)


WRONG = [
    ("hydra.sweep.dir=${nowhere}/x", "`hydra.sweep.dir`: Interpolation key 'nowhere' not found"),
    ("hydra.sweep.dir=${oc.env:NOBODY_SETS_THIS}", "`hydra.sweep.dir`: "),
    ("hydra.sweep.dir=multirun/${hydra.job.num}", "`hydra.sweep.dir`: hydra.job.num is a trial's own"),
]


@pytest.mark.parametrize(("override", "message"), WRONG, ids=[row[0] for row in WRONG])
def test_an_interpolation_that_leads_nowhere_is_one_line(tmp_path: Path, override: str, message: str) -> None:
    write(tmp_path)
    done = run_inside(["app.py", "-m", "x=1,2", override], tmp_path)
    assert done.returncode == 1
    (problem,) = done.stderr.splitlines()
    assert message in problem
