"""Which store and which experiment are meant."""

from pathlib import Path

import pytest

from src.tracking import Address


@pytest.fixture(autouse=True)
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)


def test_the_database_of_a_relative_address_is_the_one_in_this_folder(tmp_path: Path) -> None:
    assert Address.of(None, None) == Address(f"sqlite:///{tmp_path}/mlflow.db", "convsweep")
    assert Address.of("mine", "sqlite:///sub/my.db").database == tmp_path / "sub/my.db"
    assert Address.of("mine", "http://server").database is None
    assert Address.of("mine", "http://server").is_server


def test_an_experiment_may_be_meant_by_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "12")
    assert Address.of(None, "http://server") == Address("http://server", "12", by_id=True)
    assert Address.of("mine", "http://server") == Address("http://server", "mine")
