"""The tables of benchmarks.harder are what it goes on from."""

from pathlib import Path

import pytest


@pytest.mark.slow  # TensorFlow is imported
@pytest.mark.parametrize("name", ["digits"])
def test_it_goes_on_with_what_its_table_lacks(tmp_path: Path, name: str) -> None:
    from benchmarks import harder

    table, path = harder.TABLES[name], Path(harder.__file__).parent / f"{name}_curves.csv"
    lines = path.read_text().splitlines()
    drawn = [harder.draw(table, number) for number in range(len(lines) // table.seeds + 100)]
    whole = harder.recorded(path, table, drawn)
    assert len(whole) > 0.9 * (len(lines) - 2)
    number, seed = min(whole)
    assert (seed, whole[number, 0].params) == (0, drawn[number])
    # Without the first training, the others of its configuration are made anew: of which seed is each?
    (tmp_path / "table.csv").write_text("\n".join([*lines[:2], *lines[3:]]))
    assert harder.recorded(tmp_path / "table.csv", table, drawn).keys() == whole.keys() - {
        (number, seed) for seed in range(table.seeds)
    }
    with pytest.raises(ValueError, match="not among the 3 drawn"):
        harder.recorded(path, table, drawn[:3])
    assert harder.recorded(tmp_path / "none.csv", table, drawn) == {}
