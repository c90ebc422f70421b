"""The run of a study."""

from src.tracking import Store, StudyRun


def test_a_study_taken_up_again_is_the_same_run(store: Store) -> None:
    first = StudyRun(store, "s", "command one")
    first.end(finished=False)
    assert store.client.get_run(first.run_id).info.status == "KILLED"
    second = StudyRun(store, "s", "command two", ["of another store", first.run_id])
    assert second.run_id == first.run_id
    assert store.client.get_run(first.run_id).info.status == "RUNNING"
    second.end(finished=True)
    assert store.client.get_run(first.run_id).info.status == "FINISHED"
    store.client.delete_run(first.run_id)
    assert StudyRun(store, "s", "command", [first.run_id]).run_id != first.run_id
    assert StudyRun(store, "s", "command", ["not there"]).run_id != first.run_id
