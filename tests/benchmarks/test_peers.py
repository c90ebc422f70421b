"""The benchmark beside other ways to search: equal work for all, and a page that says who is ahead."""

import json
import os
import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

import benchmarks.peers.__main__ as peers
from benchmarks.peers import report, results, setting
from benchmarks.peers.measure import Journal, Measured, _logged
from benchmarks.peers.ways import WAYS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep results and page in a folder of the test's own."""
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    monkeypatch.setattr(report, "PAGE", tmp_path / "benchmarks.md")
    monkeypatch.setattr(report, "PICTURE", tmp_path / "benchmarks.png")
    monkeypatch.setattr(report, "ROOT", tmp_path)
    versions = {"python": {"python": "3.11"}, **{way.environment: {"keras": "3"} for way in WAYS.values()}}
    (tmp_path / "peers_setting.json").write_text(
        json.dumps({"date": "2026-01-01", "machine": "2 cores", "versions": versions, "seconds": 60.0})
    )
    return tmp_path


def test_all_ways_train_the_same_configurations() -> None:
    assert setting.configurations(3) == setting.configurations(3) != setting.configurations(4)
    command = WAYS["ours"].command(True, 3, 0.0)
    [enqueued] = [word for word in command if word.startswith("hydra.sweeper.enqueue=")]
    value = OverridesParser.create().parse_override(enqueued).value()
    assert isinstance(value, list)
    tried = [{str(key): setting for key, setting in one.items()} for one in value]
    assert [one["optimizer.learning_rate"] for one in tried] == [
        one["learning_rate"] for one in setting.configurations(3)
    ]
    assert [one["model.batch_norm"] for one in tried] == [one["batch_norm"] for one in setting.configurations(3)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fixed", [True, False])
def test_a_command_can_be_typed(way: str, fixed: bool) -> None:
    command = WAYS[way].command(fixed, 0, 60.0)
    assert command[0] == "-m"
    assert shlex.split(shlex.join(command)) == command


def test_results_are_kept_as_the_epochs_that_were_better_than_all_before(folder: Path) -> None:
    results.add("anytime", "ours", 1, Measured(60.0, 99.0, [(5.0, 0.5), (6.0, 0.4), (7.0, 0.6)]))
    assert results.read("anytime") == {("ours", 1): Measured(60.0, 99.0, [(5.0, 0.5), (7.0, 0.6)])}


def test_the_page_says_where_a_peer_is_ahead(folder: Path) -> None:
    for seed in (0, 1):
        results.add("fixed", "ours", seed, Measured(50.0, 90.0, [(9.0, 0.8)]))
        results.add("fixed", "raytune", seed, Measured(40.0, 80.0, [(9.0, 0.8)]))
        results.add("anytime", "ours", seed, Measured(60.0, 90.0, [(10.0, 0.7), (20.0, 0.9)]))
        results.add("anytime", "hyperband", seed, Measured(60.0, 90.0, [(5.0, 0.6), (40.0, 0.85)]))
    report.write()
    page = (folder / "benchmarks.md").read_text()
    assert "**Ahead of convsweep**: *Ray Tune, ASHA* did the same work in less time." in page
    assert "None of the others had the better accuracy after 60 s." in page
    assert "| Optuna by hand, TPE, Hyperband | 0.8500, 0.8500 | 40, 40 | 20, 20 | 0.50 | 0.33 |" in page
    assert (folder / "benchmarks.png").stat().st_size > 10_000


def test_what_was_never_reached_is_said(folder: Path) -> None:
    results.add("anytime", "ours", 0, Measured(60.0, 90.0, [(10.0, 0.7)]))
    results.add("anytime", "raytune", 0, Measured(60.0, 90.0, [(40.0, 0.85)]))
    report.write()
    assert "| Ray Tune, ASHA | 0.8500 | 40 | never | never | never |" in (folder / "benchmarks.md").read_text()


def test_results_of_another_machine_have_a_part_of_the_page_of_their_own(folder: Path) -> None:
    other = folder / "elsewhere"
    results.add("anytime", "ours", 0, Measured(60.0, 90.0, [(10.0, 0.7)]))
    results.add("anytime", "ours", 0, Measured(60.0, 90.0, [(5.0, 0.8)]), other)
    setting_there = json.loads((folder / results.SETTING).read_text()) | {"machine": "2 of 16 cores for each way, fast"}
    (other / results.SETTING).write_text(json.dumps(setting_there))
    report.write()
    here, there = (folder / "benchmarks.md").read_text().split("## 2 of 16 cores for each way, fast")
    assert "the ways ran in turn" in here and "0.7000" in here and "0.8000" not in here
    assert "the ways ran side by side" in there and "0.8000" in there and "0.7000" not in there
    assert "(benchmarks-elsewhere.png)" in there and (folder / "benchmarks-elsewhere.png").exists()


def test_side_by_side_each_way_needs_cores_of_its_own(folder: Path) -> None:
    run = peers.Round("anytime", 60.0, folder, folder)
    with pytest.raises(SystemExit, match=r"2 ways want \d+ cores each, \d+ are there; choose some by --only"):
        peers._measure_at_once(run, ["ours", "handwritten"], 0, len(os.sched_getaffinity(0)))


def test_epochs_are_read_from_a_journal_that_is_being_written_and_from_a_log(tmp_path: Path) -> None:
    journal, log = Journal(tmp_path / "journal.log", 0.0), tmp_path / "epochs"
    journal.read()
    journal.path.write_text('{"op_code": 1}\n{"intermediate_value": 0.5}\n{"intermediate_')
    journal.read()
    assert [value for _, value in journal.epochs] == [0.5]
    with journal.path.open("a") as file:
        file.write('value": 0.75}\n')
    journal.read()
    assert [value for _, value in journal.epochs] == [0.5, 0.75]
    log.write_text("1003.5 0.25\n")
    assert _logged(log, 1000.0) == [(3.5, 0.25)]
