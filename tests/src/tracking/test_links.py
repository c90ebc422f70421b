"""Links to MLflow's pages, and the port where they are served."""

import socket
from urllib.parse import unquote

import pytest

from src.tracking import Address, Store, find_port, links, page


def test_a_study_s_trials_come_best_first_on_the_page_for_trained_models(store: Store) -> None:
    link = page(store.address, "s", maximize=False, port=5001)
    assert link.startswith(
        f"http://127.0.0.1:5001/#/experiments/{store.experiment_id}/runs?workflowType=machine_learning&"
    )
    assert "searchFilter=tags.`convsweep.study` = 's' and tags.`convsweep.role` = 'trial'&" in unquote(link)
    assert unquote(link).endswith("orderByKey=metrics.`objective`&orderByAsc=true")
    assert page(store.address, run_id="abc", port=5001).endswith("/runs/abc?workflowType=machine_learning")
    assert page(Address(store.uri, "not there"), port=5001) == "http://127.0.0.1:5001/"
    assert page(Address("http://me:secret@127.0.0.1:1", "mine"), "s") == "http://127.0.0.1:1/", "which is away"


def test_the_port_is_the_first_that_is_free(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(links, "FIRST_PORT", taken.getsockname()[1])
        monkeypatch.setattr(links, "known_experiment", lambda address: None)
        assert find_port(store.address) != (taken.getsockname()[1], False)
        monkeypatch.setattr(links, "known_experiment", lambda address: ("1", "here"))
        assert find_port(store.address) == (taken.getsockname()[1], True), "a page of this very store"


def test_an_experiment_is_one_of_trained_models(store: Store) -> None:
    tags = store.client.get_experiment(store.experiment_id).tags
    assert tags == {"mlflow.experimentKind": "custom_model_development"}
