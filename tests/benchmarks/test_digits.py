"""The table of benchmarks.digits is what it goes on from."""

from pathlib import Path

import pytest


@pytest.mark.slow  # TensorFlow is imported
def test_it_goes_on_after_the_last_training_of_its_table(tmp_path: Path) -> None:
    from benchmarks.digits import TABLE, recorded

    lines = TABLE.read_text().splitlines()
    whole = list(recorded(TABLE))
    assert sum(bool(trial.intermediate_values) for trial in whole) == len(lines) - 2
    # Without the row of the first training and both of the fourth and the fifth: they diverged, as far as it knows.
    kept = [line for i, line in enumerate(lines) if i - 2 not in (0, *range(6, 10))]
    (tmp_path / "table.csv").write_text("\n".join(kept))
    found = list(recorded(tmp_path / "table.csv"))
    assert [trial.params for trial in found] == [trial.params for trial in whole]
    assert sum(bool(trial.intermediate_values) for trial in found) == len(kept) - 2
    (tmp_path / "other.csv").write_text("\n".join([*lines[:2], lines[2].replace("cosine", "constant")]))
    with pytest.raises(ValueError, match="is not drawn here"):
        list(recorded(tmp_path / "other.csv"))
