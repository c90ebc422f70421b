"""The command line before Hydra reads it: flags may stand anywhere."""

import pytest

from src.config.flags import flags_first


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (["a=1,2", "-m", "seed=1"], ["-m", "a=1,2", "seed=1"]),
        (["a=1", "--multirun", "b=2", "-cd", "x=1", "x=1"], ["--multirun", "-cd", "x=1", "a=1", "b=2", "x=1"]),
        (["a=1", "--cfg", "job", "b=2", "--resolve", "~c"], ["--cfg", "job", "--resolve", "a=1", "b=2", "~c"]),
        (["a=1", "-c", "job", "a=1", "-p", "model"], ["-c", "job", "-p", "model", "a=1", "a=1"]),
        (["-m"], ["-m"]),
        ([], []),
        (["a=1", "--cfg", "nowhere", "b=1"], ["a=1", "--cfg", "nowhere", "b=1"]),
        (["a=1", "--version", "b=1"], ["a=1", "--version", "b=1"]),
    ],
)  # fmt: skip
def test_hydra_gets_its_flags_before_all_overrides(
    typed: list[str], read: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert flags_first(typed) == read
    assert capsys.readouterr() == ("", "")


def test_a_flag_that_is_none_is_told_the_nearest() -> None:
    with pytest.raises(SystemExit) as caught:
        flags_first(["--dryrun", "a=1", "-x"])
    first, second = str(caught.value).splitlines()
    assert first.startswith("error: there is no flag --dryrun; there are --dry-run, --help, ")
    assert first.endswith("; did you mean --dry-run?")
    assert second.startswith("error: there is no flag -x; ")
