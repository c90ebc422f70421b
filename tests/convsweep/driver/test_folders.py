"""Each trial gets a folder of its own, or the sweep does not start."""

from pathlib import Path

import pytest

from tests.helpers.command import TOY, run_inside

ALL = "which all trials share"


CASES = [
    ("same", [], ALL),
    ("${x}", [], "which those that differ in y alone share"),
    ("'${hydra.job.override_dirname}'", ["hydra.sweeper.confirm=1x1"], "which those with the same values share"),
    ("'${hydra.job.override_dirname}'", [], None),
    ("${hydra.sweeper.study_name}", [], ALL),
    ("'${hydra.job.override_dirname}'", ["hydra.job.config.override_dirname.exclude_keys=[x,y]"], ALL),
    ("a/${hydra.job.id}/b", [], None),
    ("same", ["x=1", "y=2"], None),
]


@pytest.mark.parametrize(
    ("subdir", "more", "why"),
    [pytest.param(*row, marks=pytest.mark.slow if i > 3 else ()) for i, row in enumerate(CASES)],
)
def test_a_folder_that_trials_would_share_is_refused(
    tmp_path: Path, subdir: str, more: list[str], why: str | None
) -> None:
    values = [] if "x=1" in more else ["x=1,2", "y=3,4"]
    typed = [
        "-m",
        *values,
        "hydra/launcher=basic",
        "steps=1",
        f"hydra.sweep.subdir={subdir}",
        *more,
        "hydra.sweeper.dry_run=true",
    ]
    done = run_inside([TOY, *typed], tmp_path)
    if why is None:
        assert (done.returncode, done.stderr) == (0, "")
        return
    written = subdir.strip("'")
    assert done.stderr.splitlines() == [
        f"error: `hydra.sweep.subdir` must be another one for each trial, got {written}, {why}; "
        f"type e.g. hydra.sweep.subdir='{written}/${{hydra.job.num}}'"
    ]
    assert done.returncode == 1
    assert list(tmp_path.iterdir()) == []
