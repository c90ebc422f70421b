"""Recorded curves in virtual time: the same policy gives what was recorded, another one what it would have given."""

from pathlib import Path

import numpy as np
import optuna
import pytest
from omegaconf import DictConfig, OmegaConf
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from convsweep.replay.curves import START, Curves, load, of_study, save
from convsweep.replay.honesty import intervals, too_high
from convsweep.replay.simulation import simulate
from convsweep.study.rules import BEFORE
from tests.helpers.command import load_study, results, run_inside, toy, trials

SPACE = ["x=interval(-5,5)", "y=a,b,c", "steps=20", "hydra.sweeper.max_resource=20"]
SWEEPER = {
    "sampler": {"_target_": "optuna.samplers.TPESampler"},
    "pruner": {"_target_": "optuna.pruners.NopPruner"},
    "scheduler": {},
    "budget": None,
    "n_trials": None,
    "n_jobs": 1,
    "max_resource": None,
    "target": None,
    "patience": None,
    "max_failure_rate": None,
    "max_consecutive_failures": None,
    "skip_duplicates": True,
}
ASHA = {"min_resource": 1, "reduction_factor": 3, "max_resource": None}


def sweeper(**changes: object) -> DictConfig:
    return OmegaConf.create(SWEEPER | changes)


@pytest.fixture
def curves() -> Curves:
    """Return 30 curves of 9 steps towards 1 - |x|, the first of them the worst and a hundred times slower."""
    study = optuna.create_study(direction="maximize")
    rng = np.random.default_rng(0)
    distributions = {"x": FloatDistribution(-1, 1), "y": CategoricalDistribution(["a", "b"])}
    for number, x in enumerate([1.0, *rng.uniform(-1, 1, 29)]):
        values = {step: 1 - abs(x) - 0.1 / step for step in range(1, 10)}
        seconds = START + 9 * (100 if number == 0 else 1)
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE,
                value=values[9],
                params={"x": x, "y": "ab"[number % 2]},
                distributions=distributions,
                intermediate_values=values,
                system_attrs={"convsweep:seconds": seconds},
            )
        )
    return of_study(study)


@pytest.mark.parametrize(
    "policy", [["hydra/sweeper/scheduler=asha"], pytest.param(["hydra/sweeper/pruner=median"], marks=pytest.mark.slow)]
)
def test_a_recorded_study_replays_to_its_recorded_result(tmp_path: Path, policy: list[str]) -> None:
    command = [*SPACE, *policy, "hydra.sweeper.n_trials=15", "hydra.sweeper.sampler.n_startup_trials=4"]
    assert toy(tmp_path, *command).returncode == 0
    found, study = trials(tmp_path), load_study(tmp_path, "toy")
    pruner = {"_target_": "optuna.pruners.MedianPruner", "n_startup_trials": 8, "n_warmup_steps": 3}
    scheduled = "asha" in policy[0]
    asked = sweeper(
        sampler={"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 4},
        n_trials=15,
        **(
            {"scheduler": dict.fromkeys(BEFORE) | {"reduction_factor": 3, "max_resource": 20}}
            if scheduled
            else {"pruner": pruner}
        ),
    )
    replay = simulate(of_study(study), asked, study.user_attrs["seed"])
    assert replay.best == results(tmp_path)["best_trial"]
    assert replay.steps == sum(len(trial.intermediate_values) for trial in found)
    assert replay.complete == sum(trial.state == TrialState.COMPLETE for trial in found)
    assert replay.trials == 15


def test_time_is_that_of_the_workers_beside_each_other(curves: Curves) -> None:
    one = simulate(curves, sweeper(n_trials=30), 0, recorded=True)
    assert one.seconds == pytest.approx(30 * START + 9 * 29 + 900)
    assert one.steps == 270
    assert one.value == pytest.approx(curves.best)
    # The slow trial takes one worker all the time; the other six share the rest.
    seven = simulate(curves, sweeper(n_trials=30, n_jobs=7), 0, recorded=True)
    assert seven.seconds == pytest.approx(START + 900)
    assert (seven.steps, seven.value) == (one.steps, one.value)


def test_a_slow_trial_holds_nobody_up_under_a_scheduler(curves: Curves) -> None:
    replay = simulate(curves, sweeper(n_trials=30, n_jobs=8, scheduler=ASHA), 0, recorded=True)
    assert replay.trials == 30
    assert replay.value == pytest.approx(curves.best)
    assert replay.steps < 120
    # The slow one, which is hopeless, took a step of 100 seconds; the others did not wait for it.
    assert replay.seconds < 100 + 30


def test_a_scheduler_finds_the_same_for_less(curves: Curves) -> None:
    for seed in range(5):
        replay = simulate(curves, sweeper(budget="90steps", scheduler=ASHA), seed)
        assert replay.steps <= 90
        assert replay.value == pytest.approx(curves.best), "these curves do not cross"


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_no_budget_of_epochs_is_exceeded_and_every_answer_is_whole(curves: Curves, n_jobs: int) -> None:
    for budget in range(9, 100, 7):
        for seed in range(3):
            asked = sweeper(budget=f"{budget}steps", scheduler=ASHA, n_jobs=n_jobs)
            replay = simulate(curves, asked, seed, recorded=True)
            assert replay.steps <= max(budget, 9 + n_jobs - 1), (budget, seed)
            assert replay.complete >= 1


def test_a_budget_of_time_is_one_of_virtual_time(curves: Curves) -> None:
    replay = simulate(curves, sweeper(budget="100s"), 1, recorded=True)
    assert 80 < replay.seconds < 120
    assert replay.complete == replay.trials


def test_a_table_is_what_was_saved(tmp_path: Path) -> None:
    assert toy(tmp_path, "x=interval(-5,5)", "y=a,b,c", "steps=4", "hydra.sweeper.n_trials=6").returncode == 0
    study = load_study(tmp_path, "toy")
    save(study, tmp_path / "curves.csv", "the command")
    saved, read = of_study(study), load(tmp_path / "curves.csv")
    assert list(read.params) == list(saved.params)
    for one, other in zip(saved.values, read.values, strict=True):
        np.testing.assert_allclose(one[0], other[0], rtol=1e-5)
    assert read.maximize is saved.maximize is False
    assert {n: p.distribution for n, p in read.space.parameters.items()} == {
        n: p.distribution for n, p in saved.space.parameters.items()
    }


def test_one_configuration_trained_twice_is_one_row_with_two_curves() -> None:
    study = optuna.create_study()
    space: dict[str, BaseDistribution] = {"x": FloatDistribution(0, 2)}
    for value in (3.0, 4.0):
        study.add_trial(
            create_trial(params={"x": 1.0}, distributions=space, intermediate_values={1: value}, value=value)
        )
    curves = of_study(study)
    assert [[curve.tolist() for curve in repeats] for repeats in curves.values] == [[[3.0], [4.0]]]
    assert {simulate(curves, sweeper(n_trials=1), seed).value for seed in range(4)} == {3.0, 4.0}


def noisy(curves: Curves) -> Curves:
    """Return the same curves, of which the first configuration was trained twice, 0.02 apart."""
    values = [list(runs) for runs in curves.values]
    values[0].append(values[0][0] + 0.02)
    return Curves(curves.space, curves.params, values, curves.seconds, curves.maximize)


def test_what_is_confirmed_is_reported_as_it_is(curves: Curves) -> None:
    """A search in the noise of seeds reports its luckiest; with the same budget, confirmed, it is nearly honest."""
    found = noisy(curves)
    assert found.noise == pytest.approx(0.02 / 2**0.5)
    plain, confirmed = (
        [simulate(found, sweeper(n_trials=24, confirm=confirm), seed, recorded=True, noise=0.1) for seed in range(10)]
        for confirm in (None, "3x2")
    )
    assert {(replay.trials, replay.again) for replay in plain} == {(24, 0)}
    assert {(replay.trials, replay.again) for replay in confirmed} == {(24, 6)}
    assert {replay.steps for replay in plain} == {replay.steps for replay in confirmed} == {216}
    before, after = ([replay.outcome for replay in replays if replay.outcome] for replays in (plain, confirmed))
    assert too_high(before) > 0.08
    assert abs(too_high(after)) < 0.6 * too_high(before), (too_high(before), too_high(after))
    assert intervals(before) is None
    held, count, _ = intervals(after) or (0, 0, 0.0)
    assert count == 10 and held >= 8
    for replay in confirmed:
        assert replay.outcome is not None and replay.outcome.mean is not None
        assert replay.value == replay.outcome.mean.value
        assert replay.outcome.true == found.truth[replay.best or 0] <= replay.outcome.best


@pytest.mark.parametrize(
    "asked",
    [
        {"budget": "100s", "n_jobs": 2},
        {"budget": "150steps", "scheduler": ASHA},
        {"n_trials": 20, "pruner": {"_target_": "optuna.pruners.MedianPruner"}},
        {"n_trials": 20, "target": 0.5},
    ],
    ids=str,
)
def test_what_ends_a_search_does_not_end_its_confirmation(curves: Curves, asked: dict[str, object]) -> None:
    replay = simulate(curves, sweeper(confirm="2x2", **asked), 1, recorded=True, noise=0.01)
    assert replay.again == 4
    assert replay.outcome is not None and replay.outcome.mean is not None
    assert replay.outcome.mean.count == 2
    if "steps" in str(asked.get("budget")):
        assert replay.steps <= 150


def test_a_loss_is_reported_too_good_where_it_is_too_low(curves: Curves) -> None:
    values = [[-run for run in runs] for runs in noisy(curves).values]
    loss = Curves(curves.space, curves.params, values, curves.seconds, maximize=False)
    found = [
        simulate(loss, sweeper(n_trials=24, confirm="2x2"), seed, recorded=True, noise=0.1).outcome for seed in range(9)
    ]
    for one in found:
        assert one is not None and one.mean is not None
        assert one.said == pytest.approx(one.mean.value)
        assert one.mean.low < one.mean.value < one.mean.high
        assert one.true in -loss.truth


@pytest.mark.slow
def test_the_command_line(tmp_path: Path) -> None:
    assert toy(tmp_path, *SPACE, "hydra/sweeper/pruner=none", "hydra.sweeper.n_trials=12").returncode == 0
    command = ["-m", "src.simulate", "toy", "hydra.sweeper.n_trials=12"]
    done = run_inside([*command, "vs", "hydra.sweeper.n_jobs=8", "hydra/sweeper/scheduler=asha"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "12 configurations, 20 steps" in done.stdout
    assert "| n_jobs=8 scheduler=asha" in done.stdout
    done = run_inside([*command[:3], "--seeds=2", "--budgets=2,5", "hydra/sweeper/sampler=random"], tmp_path)
    assert "2 full trainings | 5 full trainings" in done.stdout, done.stderr
    assert run_inside([*command[:3], "--save=curves.csv"], tmp_path).returncode == 0
    assert run_inside(["-m", "src.simulate", "curves.csv", "--markdown=page.md"], tmp_path).returncode == 0
    done = run_inside([*command, "hydra.sweeper.confirm=2x2"], tmp_path)
    assert done.returncode == 1
    assert "no configuration was trained twice; python -m src.finalize STUDY trains" in done.stderr
    text = (tmp_path / "curves.csv").read_text().splitlines()
    (tmp_path / "twice.csv").write_text("\n".join([*text, text[-1] + "1"]) + "\n")
    confirm = ["-m", "src.simulate", "twice.csv", "hydra.sweeper.n_trials=8", "hydra.sweeper.confirm=2x2"]
    done = run_inside([*confirm, "hydra/sweeper/scheduler=none"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "from one configuration that was trained more than once" in done.stdout
    rows = [line.split("|")[1:-1] for line in done.stdout.splitlines() if line.startswith("| n_trials")]
    assert [[cell.strip() for cell in row][-2] for row in rows] == ["8", "4 + 4"]
    done = run_inside([*confirm[:3], "--budgets=6", "--seeds=2", confirm[-1]], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "then by how much it is reported too good" in done.stdout
    done = run_inside([*confirm[:3], "--budgets=4", confirm[-1]], tmp_path)
    assert "`hydra.sweeper.confirm` must leave some" in done.stderr
    page = (tmp_path / "page.md").read_text()
    assert "    python -m src.simulate curves.csv --markdown=page.md\n\n12 configurations" in page
    assert page.splitlines()[-2].startswith("|--")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "no study nothing in multirun"),
        (["none.csv"], "none.csv is no table of learning curves"),
        (["toy.csv", "training.epochs=3"], "training.epochs=3 changes no search; type overrides of hydra.sweeper"),
        (["toy.csv", "hydra.sweeper.budget=soon"], "`hydra.sweeper.budget` must be"),
        (["toy.csv", "hydra.sweeper.n_trails=3"], "n_trails"),
    ],
)
def test_what_cannot_be_replayed_is_refused(tmp_path: Path, arguments: list[str], message: str) -> None:
    study = optuna.create_study()
    study.add_trial(
        create_trial(
            params={"x": 1.0}, distributions={"x": FloatDistribution(0, 2)}, intermediate_values={1: 1}, value=1
        )
    )
    save(study, tmp_path / "toy.csv", "")
    done = run_inside(["-m", "src.simulate", *arguments], tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
