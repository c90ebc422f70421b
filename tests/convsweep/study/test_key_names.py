"""Short names say which key they are."""

from convsweep.study.key_names import shortened


def test_a_key_is_called_by_its_last_part_and_a_place_in_a_list_with_the_list() -> None:
    found = shortened(["opt.betas.0", "opt.betas.1", "model.filters", "a.rate", "b.rate", "grid.0.1", "3"])
    assert found == {
        "opt.betas.0": "betas.0",
        "opt.betas.1": "betas.1",
        "model.filters": "filters",
        "a.rate": "a.rate",
        "b.rate": "b.rate",
        "grid.0.1": "grid.0.1",
        "3": "3",
    }
