"""The sweeper on a Hydra app that knows no Keras, from the command line."""

from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.command import ROOT, load_study, results, run_inside, states, toy, toy_workers, trials


def test_a_finite_space_is_enumerated_once(tmp_path: Path) -> None:
    done = toy_workers(tmp_path, "x=1,2,3", "group=low,high", "hydra.sweeper.n_trials=50")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = trials(tmp_path)
    assert [(t.params["x"], t.params["group"]) for t in found] == [(x, g) for x in (1, 2, 3) for g in ("low", "high")]
    assert [t.value for t in found] == [1, 11, 4, 14, 9, 19]
    assert results(tmp_path)["best_params"] == {"x": 1, "group": "low"}
    assert results(tmp_path)["best_trial"] == 0
    assert sorted(p.name for p in (tmp_path / "multirun/toy").glob("trial-*")) == [f"trial-{i:04d}" for i in range(6)]
    assert "every combination once, no pruning; 2 workers" in done.stdout


@pytest.mark.slow
def test_budget_holds_exactly_with_eight_workers_and_counts_what_is_done(tmp_path: Path) -> None:
    command = ["x=interval(-5,5)", "hydra/sweeper/sampler=random"]
    assert toy_workers(tmp_path, *command, "hydra.sweeper.n_jobs=8", "hydra.sweeper.n_trials=20").returncode == 0
    first = trials(tmp_path)
    assert len(first) == 20
    assert all(trial.state.is_finished() for trial in first)
    assert len({trial.user_attrs["pid"] for trial in first}) > 1
    assert toy(tmp_path, *command, "hydra.sweeper.n_trials=22").returncode == 0
    second = trials(tmp_path)
    assert len(second) == 22
    assert [t.params for t in second[:20]] == [t.params for t in first]
    again = toy(tmp_path, *command, "hydra.sweeper.n_trials=22")
    assert again.returncode == 0
    assert "22 of them done" in again.stdout
    assert len(trials(tmp_path)) == 22


def test_values_keep_their_types_from_command_line_to_app_and_storage(tmp_path: Path) -> None:
    done = toy(tmp_path, "y=null,[1,2],'1',1,1.5,false,'a,b'")
    assert done.returncode == 0, done.stderr
    expected = [None, [1, 2], "1", 1, 1.5, False, "a,b"]
    found = trials(tmp_path)
    assert [t.params["y"] for t in found] == expected
    assert [t.user_attrs["seen"]["y"] for t in found] == expected
    assert [type(t.user_attrs["seen"]["y"]) for t in found] == [type(value) for value in expected]


def test_glob_plus_and_deletion(tmp_path: Path) -> None:
    done = toy(tmp_path, "group=glob(hi*)", "+extra=1,2", "++x=2", "~steps", "+steps=2")
    assert done.returncode == 0, done.stderr
    seen = [trial.user_attrs["seen"] for trial in trials(tmp_path)]
    assert [(s["group"]["offset"], s["extra"], s["x"], s["steps"]) for s in seen] == [
        (10, 1, 2, 2), (10, 2, 2, 2), (100, 1, 2, 2), (100, 2, 2, 2),
    ]  # fmt: skip


def test_params_are_searched_and_the_command_line_wins(tmp_path: Path) -> None:
    params = ["+hydra.sweeper.params.x='1,2'", "+hydra.sweeper.params.y='5,6'"]
    done = toy(tmp_path, *params, "y=7")
    assert done.returncode == 0, done.stderr
    assert [t.params for t in trials(tmp_path)] == [{"x": 1}, {"x": 2}]
    assert {t.user_attrs["seen"]["y"] for t in trials(tmp_path)} == {7}


def test_pruning_cuts_the_worse_trials(tmp_path: Path) -> None:
    done = toy(tmp_path, "x=interval(-5,5)", "steps=9", "hydra.sweeper.n_trials=20")
    assert done.returncode == 0, done.stderr
    found = trials(tmp_path)
    pruned = [t for t in found if t.state.name == "PRUNED"]
    assert pruned
    assert all(len(t.intermediate_values) in (3, 9) for t in pruned)
    assert min(t.value for t in found if t.value is not None) == results(tmp_path)["best_value"]


@pytest.mark.slow
def test_pruning_is_off_for_an_enumeration_unless_asked_for(tmp_path: Path) -> None:
    assert toy(tmp_path, "x=1,2,3,4,5,6", "steps=9").returncode == 0
    assert states(tmp_path) == {"COMPLETE": 6}
    name = "hydra.sweeper.study_name=pruned"
    asked = ["hydra/sweeper/pruner=successive_halving", name]
    assert toy(tmp_path, "x=1,2,3,4,5,6", "steps=9", *asked).returncode == 0
    assert Counter(t.state.name for t in trials(tmp_path, "pruned"))["PRUNED"] > 0


@pytest.mark.slow
def test_a_drawn_combination_is_not_run_twice(tmp_path: Path) -> None:
    space = ["x=range(0,4)", "y=range(0,3)", "hydra.sweeper.n_trials=10"]
    assert toy(tmp_path, *space).returncode == 0
    found = [tuple(t.params.items()) for t in trials(tmp_path)]
    assert len(set(found)) == len(found) == 10
    again = ["hydra.sweeper.skip_duplicates=false", "hydra.sweeper.study_name=free", "hydra/sweeper/sampler=random"]
    assert toy(tmp_path, *space, *again).returncode == 0
    found = [tuple(t.params.items()) for t in trials(tmp_path, "free")]
    assert len(set(found)) < len(found) == 10


def test_several_objectives_give_a_pareto_front(tmp_path: Path) -> None:
    done = toy(tmp_path, "x=-1,0,1,2", "several=true", "hydra.sweeper.direction=[minimize,minimize]")
    assert done.returncode == 0, done.stderr
    solutions = results(tmp_path)["solutions"]
    assert [(s["params"]["x"], s["values"]) for s in solutions] == [(0, [0, 0]), (1, [1, -1]), (2, [4, -2])]


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "cmaes", "gp", "cqr", "nsgaii"])
def test_sampler_options(tmp_path: Path, sampler: str) -> None:
    if sampler == "gp":
        pytest.importorskip("torch", reason="sampler=gp needs PyTorch")
    n_trials = 12 if sampler in ("tpe", "cqr") else 5  # past the first ten, which are random
    space = ["x=interval(-5,5)", "group=low,high", f"hydra.sweeper.n_trials={n_trials}"]
    done = toy(tmp_path, *space, f"hydra/sweeper/sampler={sampler}")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(trials(tmp_path)) == n_trials


@pytest.mark.slow
@pytest.mark.parametrize(
    "pruner", ["none", "median", "hyperband", "successive_halving", "patient", "threshold hydra.sweeper.pruner.upper=3"]
)
def test_pruner_options(tmp_path: Path, pruner: str) -> None:
    space = ["x=interval(-5,5)", "steps=9", "hydra.sweeper.n_trials=12"]
    done = toy(tmp_path, *space, *f"hydra/sweeper/pruner={pruner}".split())
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(trials(tmp_path)) == 12
    assert (states(tmp_path)["PRUNED"] > 0) == (pruner not in ("none", "patient"))


def test_basic_launcher_and_sqlite_with_one_worker(tmp_path: Path) -> None:
    storage = "hydra.sweeper.storage=sqlite:///study.db"
    done = toy(tmp_path, "x=1,2", storage, "hydra/launcher=basic")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "study.db").exists()
    assert results(tmp_path)["best_value"] == 1
    several = run_inside(
        [str(ROOT / "tests/helpers/toy/app.py"), "-m", "x=1,2", storage, "hydra.sweeper.n_jobs=2"], tmp_path
    )
    assert several.returncode == 1
    assert "must not be SQLite with more than one worker" in several.stderr


BAD = [
    (["x=interval(5,1)"], "low <= high must hold"),
    (["x=interval(2,2)"], "the interval is empty"),
    (["x=tag(log,interval(0,1))"], "must start above 0"),
    (["x=1,2", "hydra.sweeper.n_trials=0"], "`hydra.sweeper.n_trials` must be 1 or more, got 0"),
    (["x=1,2", "hydra.sweeper.n_jobs=-1"], "`hydra.sweeper.n_jobs` must be 1 or more"),
    (["x=1,2", "hydra.sweeper.direction=up"], "`hydra.sweeper.direction` must be minimize or maximize"),
    (["x=1,2", "hydra.sweeper.timeout=0"], "`hydra.sweeper.timeout` must be a number of seconds above 0"),
    (["x=1,2", "hydra.sweeper.storage=nosuch://host/db"], "`hydra.sweeper.storage` cannot"),
    (["x=1,2", "hydra.sweep.dir=/proc/nowhere"], "`hydra.sweep.dir` must be a folder that can be written to"),
    (["z=1,2"], "`z` does not exist"),
    (["x=1,2", "hydra.sweeper.ntrials=3"], "`hydra.sweeper.ntrials` does not exist"),
    (["x=1,2", "hydra.sweeper.sampler.n_startup=3"], "or, where a config has it, type ~hydra.sweeper.sampler.n_"),
    (["x=1,2", "hydra.sweeper.scheduler.min_resource=3"], "got none and min_resource of one; type hydra/sweeper/sched"),
    (["x=1,2", "hydra/launcher=joblib", "+hydra.launcher.njobs=3"], "`hydra.launcher.njobs` does not exist"),
    (["group=low,hgih"], "did you mean high?"),
    (["x=1,2", "hydra.sweeper.pruner.nothing=1"], "nothing"),
    (["x=1,2", "hydra/sweeper/sampler=tpee"], "tpe"),
    (["x=1,2", "hydra/sweeper/pruner=threshold"], "`hydra.sweeper.pruner` cannot be made"),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "message"), BAD, ids=[" ".join(row[0]) for row in BAD])
def test_bad_input_is_refused_and_leaves_nothing_behind(tmp_path: Path, overrides: list[str], message: str) -> None:
    done = toy(tmp_path, *overrides)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    left = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert not left


def test_a_param_that_cannot_be_read_hides_nothing_beside_it(tmp_path: Path) -> None:
    done = toy(tmp_path, '++hydra.sweeper.params={x:"interval(1,2",z:"1,2",stpes:3,group:"low,high"}')
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 3, done.stderr
    assert "`x=interval(1,2` cannot be read" in errors[0]
    assert {"`stpes` does not exist" in line or "`z` does not exist" in line for line in errors[1:]} == {True}
    assert "did you mean steps?" in done.stderr


def test_the_example_without_keras(tmp_path: Path) -> None:
    space = ["x=interval(-5,5)", "hydra.sweeper.n_trials=12", "hydra/launcher=basic"]
    done = run_inside([str(ROOT / "examples/minimal/app.py"), "-m", *space], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    (name,) = [path.name for path in (tmp_path / "multirun").iterdir()]
    assert len(load_study(tmp_path, name).trials) == 12


@pytest.mark.parametrize("columns", [pytest.param(200, marks=pytest.mark.slow), 60])
def test_the_best_trials_are_readable_in_wide_and_narrow_terminals(tmp_path: Path, columns: int) -> None:
    space = ["x=1,2", "+some.group.with_a_long_name=0.123,0.5", "+another.key_to_search=abcdefgh,ijk"]
    done = run_inside([str(ROOT / "tests/helpers/toy/app.py"), "-m", "hydra/launcher=basic", *space], tmp_path, columns)
    assert done.returncode == 0, done.stderr
    table = done.stdout.partition("best trials")[2].partition("advice  ")[0]
    assert "…" not in table
    assert all(len(line) <= columns for line in table.splitlines())
    for value in ("0.123", "abcdefgh"):
        assert value in table.replace("\n", "")
