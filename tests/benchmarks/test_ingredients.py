"""The table of ingredients: results are read and written as they are, and compared seed by seed."""

from pathlib import Path

from benchmarks.ingredients import Data, Result, read, table, write

DATA = Data("fashion_mnist", 3000, 28)
RESULTS = {
    DATA.key("plain", 10, 0): Result(0.80, None, 0.5, 10.0),
    DATA.key("plain", 10, 1): Result(0.82, 0.825, 0.4, 12.0),
    DATA.key("muon", 10, 0): Result(0.81, 0.82, None, 20.0),
    DATA.key("muon", 10, 1): Result(0.85, 0.85, None, 22.0),
    DATA.key("airbench", 10, 0): Result(0.7, 0.7, 0.9, 5.0),
    DATA.key("airbench + resizing", 10, 0): Result(0.71, 0.7, 0.9, 5.0),
    Data("some/where/things", 3000, 48).key("plain", 10, 0): Result(0.5, 0.5, 1.0, 3.0),
}


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert read(tmp_path / "none.csv") == {}
    write(tmp_path / "some.csv", RESULTS)
    assert read(tmp_path / "some.csv") == RESULTS
    assert ("things", "plain", "10", "", "0") in RESULTS, "a folder goes by its name, whatever images= says"


def test_a_setting_is_compared_with_its_own_kind_seed_by_seed() -> None:
    lines = table(["plain", "muon", "airbench", "airbench + resizing", "unknown"], DATA, 10, 3, RESULTS).splitlines()
    assert lines[2:] == [
        "| `plain` | 0.8100 |  | +0.5 | 0.450 | 11 |",
        "| `muon` | 0.8300 | +2.0 ± 1.4 | +0.5 ± 0.7 |  | 21 |",
        "| `airbench` | 0.7000 | -10.0 | +0.0 | 0.900 | 5 |",
        "| `airbench + resizing` | 0.7100 | +1.0 | -1.0 | 0.900 | 5 |",
    ]
