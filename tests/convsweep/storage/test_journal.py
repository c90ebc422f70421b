"""What is written together to a journal is there as a whole, or not at all."""

from pathlib import Path
from unittest import mock

import optuna
import pytest
from optuna.distributions import FloatDistribution

from convsweep.space.parameter import Parameter
from convsweep.space.space import Space
from convsweep.storage.journal import together
from convsweep.storage.opening import open_storage
from convsweep.study.queue import fill


def test_what_is_written_together_waits_for_the_disk_once(tmp_path: Path) -> None:
    storage = open_storage(None, tmp_path)
    study = optuna.create_study(storage=storage)
    study.set_user_attr("seed", 1)
    with mock.patch("os.fsync") as synced:
        fill(study, Space({"x": Parameter("x", "x", FloatDistribution(0, 1), None)}), 1000)
    assert synced.call_count == 2
    for opened in (storage, open_storage(None, tmp_path)):
        trials = opened.get_all_trials(study._study_id)
        assert [trial.number for trial in trials] == list(range(1000))
        assert {trial.state.name for trial in trials} == {"WAITING"}


def test_nothing_is_written_where_not_all_can_be(tmp_path: Path) -> None:
    storage = open_storage(None, tmp_path)
    study = optuna.create_study(storage=storage)
    with pytest.raises(ZeroDivisionError), together(storage):
        study.set_user_attr("a", 1)
        raise ZeroDivisionError
    study.set_user_attr("b", 2)
    assert study.user_attrs == {"b": 2}
    assert optuna.load_study(study_name=None, storage=open_storage(None, tmp_path)).user_attrs == {"b": 2}
