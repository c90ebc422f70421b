"""What a study searches beyond the grammar: conditions, custom spaces, configurations to try first, earlier studies."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from optuna.trial import FrozenTrial, TrialState

from convsweep.errors import UserError
from convsweep.sampling.draw import draw
from convsweep.sampling.instantiate import make_sampler
from convsweep.sampling.sampler_view import SamplerView
from convsweep.space.conditions import restrict
from convsweep.space.grammar import parse
from convsweep.space.space import Space
from convsweep.study.queue import fill, parse_enqueue
from convsweep.study.warm_start import find_earlier, remember
from src.config import register
from tests.command import ROOT, toy, trials

CHAIN = {"b": "a=2,3", "c": ["b=true", "a=3"]}


def space(*overrides: str, conditions: Mapping[str, Any] = CHAIN) -> Space:
    config = {"fixed": 1.5, "nested": {"flag": True}, "hydra": {"runtime": {"choices": {"model": "cnn"}}}}
    return restrict(parse(overrides, {}), conditions, lambda _: OmegaConf.create(config))


def chain() -> Space:
    return space("c=x,y", "a=1,2,3", "b=true,false")


# Conditions


def test_each_active_combination_is_listed_and_counted_once() -> None:
    found = chain()
    expected = [
        {"a": 1}, {"a": 2, "b": True}, {"a": 2, "b": False},
        {"a": 3, "b": True, "c": "x"}, {"a": 3, "b": True, "c": "y"}, {"a": 3, "b": False},
    ]  # fmt: skip
    assert list(found.combinations(seed=0)) == expected
    assert found.size == 6


def test_examples_show_every_value_in_combinations_that_exist() -> None:
    found = chain()
    examples = list(found.examples())
    assert all(example in found.combinations(0) for example in examples)
    assert {(n, v) for e in examples for n, v in e.items()} >= {("a", 1), ("b", False), ("c", "x"), ("c", "y")}
    assert len(examples) == 4


def test_a_space_of_billions_is_counted_at_once() -> None:
    keys = [f"k{i}=range(0,10)" for i in range(12)]
    found = space("a=1,2", *keys, conditions={f"k{i}": "a=2" for i in range(11)})
    assert found.size == 10 + 10**12


def test_a_key_says_on_what_it_depends() -> None:
    assert chain().describe() == {"a": "{1, 2, 3}", "b": "{True, False} if a=2,3", "c": "{x, y} if b=true and a=3"}


FIXED = [
    ("model=cnn", True),
    ("model=mlp,cnn", True),
    ("model=resnet", False),
    ("fixed=1.5", True),
    ("fixed='1.5'", False),
    ("nested.flag=true", True),
    ("nested.flag=1", False),
    ("a=range(2,5)", True),
    ("a=7", False),
]


@pytest.mark.parametrize(("condition", "possible"), FIXED, ids=[row[0] for row in FIXED])
def test_a_condition_on_what_is_not_searched_is_settled_beforehand(condition: str, possible: bool) -> None:
    found = space("a=1,2", "b=5,6", "c=7,8", conditions={"b": condition, "c": "b=5"})
    assert ("b" in found.parameters) == ("c" in found.parameters) == possible
    asks = "a=" in condition and possible
    assert found.describe().get("b", "") == ("{5, 6}" if possible else "") + (f" if {condition}" if asks else "")


def test_a_condition_of_a_key_that_is_fixed_on_the_command_line_is_void() -> None:
    assert space("a=1,2", "b=true", conditions={"b": "a=2"}).size == 2


def test_conditions_on_the_command_line_may_nest() -> None:
    found = space("a=1,2", "m.k=3,5", conditions={"m": {"k": "a=2"}})
    assert found.describe()["m.k"] == "{3, 5} if a=2"


WRONG = [
    ({"z": "a=1"}, "`hydra.sweeper.conditions.z`: `z` is not searched; searched are a, b"),
    ({"b": "z=1"}, "`hydra.sweeper.conditions.b`: `z=1`: `z` is neither searched nor in the config; there are a, b"),
    ({"b": "modl=cnn"}, "did you mean model?"),
    ({"b": 3}, "`hydra.sweeper.conditions.b` must be key=value[,value...], `3` cannot be read"),
    ({"b": "a=interval(0,1)"}, "`a=interval(0,1)` lists no values; type e.g. a=1,2"),
    ({"b": "b=1"}, "`hydra.sweeper.conditions.b` must not depend on itself: b if b"),
    ({"a": "b=5", "b": "a=1"}, "must not depend on itself: a if b if a; take one of them out"),
]


@pytest.mark.parametrize(("conditions", "message"), WRONG, ids=[str(row[0]) for row in WRONG])
def test_a_wrong_condition_is_refused(conditions: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        space("a=1,2", "b=5,6", conditions=conditions)
    assert message in str(caught.value)


def test_all_wrong_conditions_are_named_at_once() -> None:
    with pytest.raises(UserError) as caught:
        space("a=1,2", "b=5,6", conditions={"z": "a=1", "b": ["a", "y=1"]})
    assert len(caught.value.problems) == 3


def study_of(found: Space, n_trials: int = 0, **kept: Any) -> optuna.Study:
    study = optuna.create_study(**kept)
    study.set_user_attr("seed", 3)
    fill(study, found, n_trials)
    return study


SWEEPER = OmegaConf.create(
    {
        "sampler": {"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 4},
        "skip_duplicates": True,
        "scheduler": {},
    }
)


def run(study: optuna.Study, found: Space, sweeper: DictConfig = SWEEPER) -> list[dict[str, Any]]:
    """Draw and tell all waiting trials, the objective being how far the numbers are from 0."""
    for trial in study.get_trials(states=(TrialState.WAITING,)):
        study._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
        params = draw(study, study.trials[trial.number], found, sweeper, lambda _: OmegaConf.create())
        assert params == study.trials[trial.number].params
        study.tell(trial.number, sum(abs(v) for v in params.values() if isinstance(v, (int, float))))
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize(
    "sampler", ["TPE", *(pytest.param(name, marks=pytest.mark.slow) for name in ("Random", "NSGAII", "QMC"))]
)
def test_drawn_trials_have_the_keys_that_their_values_ask_for(sampler: str) -> None:
    found = space("m=u,v", "x=interval(0,1)", "k=1,2,3", conditions={"x": "m=u", "k": "m=v"})
    sweeper = OmegaConf.create({**SWEEPER, "sampler": {"_target_": f"optuna.samplers.{sampler}Sampler"}})
    params = run(study_of(found, 16), found, sweeper)
    assert {p["m"]: set(p) for p in params} == {"u": {"m", "x"}, "v": {"m", "k"}}
    assert sum(p["m"] == "v" for p in params) >= 3


def test_what_is_not_active_makes_no_difference_between_two_trials() -> None:
    found = space("a=1,2", "k=range(0,20)", conditions={"k": "a=2"})
    sweeper = OmegaConf.create({**SWEEPER, "sampler": {"_target_": "optuna.samplers.RandomSampler"}})
    params = run(study_of(found, 15), found, sweeper)
    assert len({tuple(p.items()) for p in params}) == 15
    assert sum(p == {"a": 1} for p in params) == 1


def test_tpe_looks_at_groups_of_keys_where_there_are_conditions_unless_told_otherwise() -> None:
    def grouped(conditional: bool, **given: Any) -> Any:
        config = OmegaConf.create({"_target_": "optuna.samplers.TPESampler", **given})
        return getattr(make_sampler(config, 0, 0, conditional=conditional), "_group")  # noqa: B009

    assert [grouped(True), grouped(True, group=None), grouped(False)] == [True, True, False]
    assert [grouped(True, group=False), grouped(True, multivariate=False)] == [False, False]


def test_conditions_in_a_sweep(tmp_path: Path) -> None:
    command = ["group=low,high", "y=1,2,3", "++hydra.sweeper.conditions={y:'group=high'}"]
    done = toy(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    assert "group {low, high}  y {1, 2, 3} if group=high" in done.stdout
    found = trials(tmp_path)
    assert [t.params for t in found] == [{"group": "low"}, *({"group": "high", "y": y} for y in (1, 2, 3))]
    assert [t.user_attrs["seen"]["y"] for t in found] == [None, 1, 2, 3]


@pytest.mark.slow
def test_conditions_are_part_of_what_a_study_is(tmp_path: Path) -> None:
    command = ["group=low,high", "y=1,2,3", "++hydra.sweeper.conditions={y:'group=high'}"]
    assert [toy(tmp_path, *command).returncode for _ in range(2)] == [0, 0]
    assert len(trials(tmp_path)) == 4
    refused = toy(tmp_path, *command[:2], "++hydra.sweeper.conditions={y:'gruop=high'}", "hydra.sweeper.n_trials=0")
    assert "did you mean group?" in refused.stderr
    assert "`hydra.sweeper.n_trials` must be 1 or more" in refused.stderr
    other = toy(tmp_path, *command[:2], "++hydra.sweeper.conditions={y:'group=low'}")
    assert other.returncode == 1
    assert "if group=high" in other.stderr


def test_the_architecture_space_suits_several_architectures() -> None:
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("config", ["space=[architecture]"], return_hydra_config=True)
    sweeper: Any = OmegaConf.to_container(OmegaConf.masked_copy(config.hydra.sweeper, ["params", "conditions"]))

    def sizes(*models: str) -> list[int | None]:
        searched = (parse([f"model={model}"], sweeper["params"]) for model in models)
        return [restrict(found, sweeper["conditions"], lambda _: config).size for found in searched]

    assert sizes("cnn,resnet", "cnn,mlp", "vgg,resnet") == [4 * (36 + 1), 4 * (36 + 9), 4 * 2]


# Custom search spaces


def custom_study(folder: Path, name: str, *budgets: int) -> list[FrozenTrial]:
    for n_trials in budgets:
        done = toy(
            folder, "x=interval(-2,2)", "hydra.sweeper.custom_search_space=tests.toy.search.near_x",
            "hydra.sweeper.sampler.n_startup_trials=3",
            f"hydra.sweeper.study_name={name}", f"hydra.sweeper.n_trials={n_trials}",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "custom_search_space tests.toy.search.near_x" in done.stdout
    return trials(folder, name)


def test_a_custom_space_suggests_more(tmp_path: Path) -> None:
    found = custom_study(tmp_path, "whole", 3)
    assert all(abs(t.params["x"] - t.params["y"]) <= 0.5 for t in found)
    assert {t.params["x"] > 0 for t in found} == {("+extra" in t.params) for t in found} == {True, False}
    for trial in found:
        seen = trial.user_attrs["seen"]
        assert (seen["y"], seen.get("extra")) == (trial.params["y"], trial.params.get("+extra"))


@pytest.mark.slow
def test_a_custom_space_resumes_as_if_unbroken(tmp_path: Path) -> None:
    whole = custom_study(tmp_path, "whole", 6)
    assert [t.params for t in custom_study(tmp_path, "broken", 4, 6)] == [t.params for t in whole]


@pytest.mark.parametrize("storage", [None, pytest.param("sqlite://", marks=pytest.mark.slow)])
def test_a_trial_taken_up_again_is_suggested_what_it_was(storage: str | None) -> None:
    found = Space(parse(["x=interval(-2,2)"], {}).parameters, custom="tests.toy.search.near_x")

    def compose(overrides: list[str]) -> DictConfig:
        return OmegaConf.from_dotlist([*overrides, "hydra.job.name=app"])

    def values(*known: str) -> dict[str, Any]:
        study = study_of(found, 1, storage=storage)
        study._storage.set_trial_state_values(study.trials[0]._trial_id, TrialState.RUNNING)
        for name in known:
            parameter = found.parameters[name]
            study._storage.set_trial_param(study.trials[0]._trial_id, name, whole[name], parameter.distribution)
        return draw(study, study.trials[0], found, SWEEPER, compose)

    whole: dict[str, Any] = values()
    assert whole.keys() >= {"x", "y"}
    assert values("x") == whole


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("tests.toy.search.near_y", "got tests.toy.search.near_y: "),
        ("no_such_module.configure", "No module named 'no_such_module'"),
        (".search.near_x", "got .search.near_x"),
        ("__main__.configure", "a worker has another __main__; type the script's own name"),
        ("tests.toy.search.not_a_function", "it is 3, which cannot be called"),
    ],
)
def test_a_wrong_path_is_refused_beforehand(tmp_path: Path, path: str, message: str) -> None:
    done = toy(tmp_path, "x=1,2", f"hydra.sweeper.custom_search_space={path}", "hydra.sweeper.n_trials=0")
    assert done.returncode == 1
    assert "`hydra.sweeper.custom_search_space` must be the dotted path of a function" in done.stderr
    assert message in done.stderr
    assert "`hydra.sweeper.n_trials` must be" in done.stderr
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_what_goes_wrong_in_a_custom_space_fails_the_trial(tmp_path: Path) -> None:
    custom = "hydra.sweeper.custom_search_space=tests.toy.search."
    done = toy(tmp_path, "x=-1,1", f"{custom}takes_no_positive", "hydra.sweeper.n_trials=2")
    assert done.returncode == 0, done.stderr
    failed = next(t for t in trials(tmp_path) if t.params["x"] == 1)
    assert failed.user_attrs["error"] == "ValueError: no positive x, please"
    assert "search.py" in failed.user_attrs["traceback"]
    assert "every combination" not in done.stdout


@pytest.mark.slow
def test_a_custom_space_that_suggests_a_fixed_key_fails_the_trial(tmp_path: Path) -> None:
    custom = "hydra.sweeper.custom_search_space=tests.toy.search."
    fixed = [
        "x=1,2",
        "steps=2",
        f"{custom}suggests_fixed",
        "hydra.sweeper.study_name=fixed",
        "hydra.sweeper.n_trials=1",
    ]
    assert "must not suggest what the command line fixes, got steps" in toy(tmp_path, *fixed).stdout


# Configurations to try first


def test_enqueued_configurations_come_first_and_once() -> None:
    found = space("m=u,v", "x=interval(0,1)", "k=1,2,3", conditions={"x": "m=u", "k": "m=v"})
    first = parse_enqueue([{"m": "v", "k": 3}, {"m": "u"}, {"m": "u", "x": 1}, {"m": "v", "k": 3}], found, 8)
    study = study_of(found)
    assert not fill(study, found, 6, first)
    params = run(study, found)
    assert len(params) == 6
    assert [params[0], params[1]["m"], params[2]] == [{"m": "v", "k": 3}, "u", {"m": "u", "x": 1.0}]
    assert type(params[2]["x"]) is float
    fill(study, found, 8, [*first, {"m": "u", "x": 0.5}])
    assert run(study, found)[:6] == params
    assert study.trials[6].params == {"m": "u", "x": 0.5}
    assert len(study.trials) == 8


def test_enqueued_configurations_of_an_enumerated_space_only_come_first() -> None:
    found = chain()
    study = study_of(found)
    assert fill(study, found, 10, [{"a": 3, "b": True}, {"a": 2, "b": False}])
    params = run(study, found)
    assert params[:3] == [{"a": 3, "b": True, "c": "x"}, {"a": 2, "b": False}, {"a": 1}]
    assert len(params) == 6
    assert all(combination in params for combination in found.combinations(0))


def test_trials_that_wait_take_what_is_enqueued_later() -> None:
    found = space("x=interval(0,1)", conditions={})
    study = study_of(found, 3)
    fill(study, found, 3, [{"x": 0.25}])
    assert [params["x"] == 0.25 for params in run(study, found)] == [True, False, False]


MISFITS = [
    ({"x": 2}, "enqueue[0].x` must be in 0..1, got 2"),
    ({"x": "a"}, "enqueue[0].x` must be in 0..1, got a"),
    ({"n": 1.5}, "enqueue[0].n` must be in 1..3, got 1.5"),
    ({"m": "w"}, "enqueue[0].m` must be in {u, v}, got w"),
    ({"y": 1}, "enqueue[0].y` is not searched; searched are m, x, n, k"),
    ({"m": "u", "k": 1}, "enqueue[0].k` is searched only if m=v, got m: u; take one of them out, or set both"),
    ({"k": 1}, "enqueue[0].k` is searched only if m=v, got m: none in this entry"),
    (7, "enqueue[0]` must map searched keys to values, got 7"),
]


@pytest.mark.parametrize(("entry", "message"), MISFITS, ids=[str(row[0]) for row in MISFITS])
def test_what_does_not_lie_in_the_space_is_refused(entry: Any, message: str) -> None:
    found = space("m=u,v", "x=interval(0,1)", "n=int(interval(1,3))", "k=1,2,3", conditions={"k": "m=v"})
    with pytest.raises(UserError) as caught:
        parse_enqueue([entry, {"nothing": 1}], found, 1)
    assert message in str(caught.value)
    assert len(caught.value.problems) == 3
    assert "more configurations than there are trials, got 2" in caught.value.problems[-1]


def test_enqueue_in_a_sweep(tmp_path: Path) -> None:
    enqueue = "hydra.sweeper.enqueue=[{x:0.5,group:high},{group:low}]"
    command = ["x=interval(-5,5)", "group=low,high", enqueue]
    done = toy(tmp_path, *command, "hydra.sweeper.n_trials=3")
    assert done.returncode == 0, done.stderr
    found = trials(tmp_path)
    assert [found[0].params, found[1].params["group"], len(found)] == [{"x": 0.5, "group": "high"}, "low", 3]
    refused = toy(tmp_path, "x=interval(-5,5)", "hydra.sweeper.enqueue=[{x:0.5},{x:7}]")
    assert "`hydra.sweeper.enqueue[1].x` must be in -5..5, got 7" in refused.stderr


# Earlier studies, and what samplers learn from


def finish(study: optuna.Study, found: Space, x: float, value: float | None = None, **constraints: float) -> None:
    """Add a trial: complete with a value, else failed."""
    state = TrialState.FAIL if value is None else TrialState.COMPLETE
    distributions = {"x": found.parameters["x"].distribution}
    study.add_trial(
        optuna.trial.create_trial(
            state=state, value=value, params={"x": x}, distributions=distributions, constraints=constraints
        )
    )


def test_tpe_learns_to_avoid_what_diverged() -> None:
    found = space("x=interval(0,1)", conditions={})

    def drawn(diverged: dict[str, float]) -> list[float]:
        study = study_of(found)
        for i in range(12):
            finish(study, found, x=0.3 + i / 60, value=0.0)
            finish(study, found, x=0.5 + i / 24, **diverged)
        fill(study, found, 34)
        return [params["x"] for params in run(study, found)[24:]]

    assert sum(x > 0.55 for x in drawn({"diverged": 1.0})) < sum(x > 0.55 for x in drawn({}))
    study = study_of(found)
    finish(study, found, x=0.5, diverged=1.0)
    finish(study, found, x=0.6)
    (shown,) = SamplerView(study, study.sampler)._get_trials(states=(TrialState.PRUNED,))
    assert (shown.number, shown.params) == (0, {"x": 0.5})
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.FAIL]


@pytest.mark.parametrize("sampler", ["TPE", "NSGAII"])
def test_samplers_draw_from_an_earlier_study_that_is_not_part_of_this_one(sampler: str) -> None:
    found = space("x=interval(0,1)", conditions={})
    earlier = study_of(found)
    for i in range(30):
        finish(earlier, found, x=i / 30, value=abs(i / 30 - 0.2))
    finish(earlier, found, x=0.9, diverged=1.0)
    finish(earlier, found, x=0.9)
    study = study_of(found)
    assert remember(study, [earlier], found) == [{"x": 0.2}]
    arguments = {"population_size": 10, "mutation_prob": 0.0} if sampler == "NSGAII" else {}
    sampler_config = {"_target_": f"optuna.samplers.{sampler}Sampler", **arguments}
    view = SamplerView(study, make_sampler(OmegaConf.create(sampler_config), 0, 0))
    assert Counter(t.state.name for t in view.trials) == {"COMPLETE": 30, "PRUNED": 1}
    assert [t.number for t in view.trials] == list(range(-31, 0))
    assert study.trials == []
    fill(study, found, 8)
    near = [params["x"] for params in run(study, found, OmegaConf.create({**SWEEPER, "sampler": sampler_config}))]
    assert [t.number for t in study.trials] == list(range(8))
    assert sum(abs(x - 0.2) < 0.2 for x in near) >= 6


def test_only_what_agrees_is_taken_over() -> None:
    earlier = study_of(space("x=interval(0,1)", conditions={}))
    finish(earlier, space("x=interval(0,1)", conditions={}), x=0.9, value=1.0)
    narrower, wider = space("x=interval(0,0.5)", conditions={}), space("x=interval(0,2)", "y=1,2", conditions={})
    assert remember(study_of(narrower), [earlier], narrower) == []
    new = study_of(wider)
    assert remember(new, [earlier], wider) == [{"x": 0.9}]
    assert SamplerView(new, new.sampler).trials == []
    other_way = study_of(wider, direction="maximize")
    remember(other_way, [earlier], space("x=interval(0,2)", conditions={}))
    assert SamplerView(other_way, other_way.sampler).trials == []


def test_warm_start_from_in_sweeps(tmp_path: Path) -> None:
    first = ["x=interval(-5,5)", "hydra.sweeper.study_name=first", "hydra.sweeper.n_trials=2"]
    assert toy(tmp_path, *first).returncode == 0
    best = min(trials(tmp_path, "first"), key=lambda trial: trial.value or 0.0)
    warm = ["x=interval(-5,5)", "hydra.sweeper.warm_start_from=first", "hydra.sweeper.n_trials=2"]
    done = toy(tmp_path, *warm)
    assert done.returncode == 0, done.stderr
    found = trials(tmp_path)
    assert [t.number for t in found] == [0, 1]
    assert found[0].params == best.params
    assert all(t.params != best.params for t in found[1:])
    refused = toy(tmp_path, *warm, "hydra.sweeper.study_name=third", "hydra.sweeper.warm_start_from=[first,frist]")
    assert refused.returncode == 1
    expected = "`hydra.sweeper.warm_start_from` must name earlier studies, got frist; there are first, toy; did you"
    assert expected in refused.stderr
    assert not (tmp_path / "multirun/third").exists()


@pytest.mark.slow
def test_earlier_studies_in_the_same_database(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/studies.db"
    earlier = study_of(chain(), storage=storage, study_name="earlier")
    assert [s.study_name for s in find_earlier("earlier", storage, tmp_path / "new", "new")] == ["earlier"]
    with pytest.raises(UserError, match="got other; there are earlier"):
        find_earlier(["other"], storage, tmp_path / "new", "new")
    assert find_earlier(None, storage, tmp_path / "new", "new") == []
    fill(earlier, chain(), 1)
    assert find_earlier("gone", storage, tmp_path / "new", "earlier") == []
