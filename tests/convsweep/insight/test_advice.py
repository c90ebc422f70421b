"""What is said of made-up studies, in which it is known what mattered; and how often wrongly."""

import re
import shlex
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from convsweep.insight import as_lines, as_markdown, in_brief, look_back
from convsweep.insight.advice import Advice, advice_on_keys, is_more_than_chance
from convsweep.insight.findings import chances
from convsweep.insight.standing import standings
from convsweep.space.grammar import parse
from convsweep.study.rules import MORE
from tests.helpers.command import toy
from tests.helpers.made_up import SPACE, made_up


def advice(study: optuna.Study, key: str | None = None) -> list[Advice]:
    return [one for one in look_back(study).advice if key is None or one.key == key]


def only(study: optuna.Study, kind: str) -> Advice:
    (found,) = [one for one in advice(study) if one.kind == kind]
    return found


def test_of_pure_noise_hardly_anything_is_said_that_is_wrong() -> None:
    """No end is better, no value worse and no key more than chance: at most 5% of the studies may say so."""
    seeds = 60
    edges, groups, keys = 0, 0, 0
    for seed in range(seeds):
        (standing,) = standings(made_up(lambda _: 0.0, seed=seed))
        chance = chances(standing)
        found = advice_on_keys(standing, chance)
        edges += any(one.kind == "edge" for one in found)
        groups += any(one.kind == "within noise" for one in found)
        keys += any(is_more_than_chance(p, len(chance)) for p in chance.values())
    assert edges <= 0.04 * seeds
    assert groups <= 0.04 * seeds
    assert keys <= 0.04 * seeds


def test_a_key_that_mattered_is_seldom_said_to_make_no_difference() -> None:
    wrong = 0
    for seed in range(30):
        (standing,) = standings(made_up(lambda p: 1.2 * (p["optimizer"] == "sgd"), seed=seed))
        found = advice_on_keys(standing, chances(standing))
        wrong += any(one.kind == "no difference" and one.key == "optimizer" for one in found)
    assert wrong <= 1


def test_the_best_values_at_an_end_are_said_with_what_to_type() -> None:
    study = made_up(lambda p: p["model.filters"] / 8)
    found = only(study, "edge")
    assert found.text == "`model.filters` at its upper end in 10 of the 10 best: type `model.filters=32,64,128`"
    assert found.overrides == ("model.filters=32,64,128",)
    importances = look_back(study).importances["value"]
    assert importances[0].key == "model.filters"
    assert importances[0].sure
    assert importances[0].low <= importances[0].share <= importances[0].high
    assert sum(one.share for one in importances) == pytest.approx(1)


@pytest.mark.parametrize(
    ("distribution", "sign", "typed"),
    [
        (CategoricalDistribution((32, 64)), 1, "x=32,64,128"),
        (CategoricalDistribution((0.25, 0.5)), 1, "x=0.25,0.5,0.75"),
        (CategoricalDistribution((0.1, 0.2, 0.3)), -1, "x=0.05,0.1,0.2"),
        (CategoricalDistribution((1e-4, 1e-3, 1e-2)), -1, "x=1e-05,0.0001,0.001"),
        (IntDistribution(1, 3), 1, "x=2,3,4"),
        (IntDistribution(1, 3), -1, None),  # no layer before the first
        (IntDistribution(2, 8, step=2), 1, "x=4,6,8,10"),
        (IntDistribution(1, 64), 1, "x=int(interval(32,96))"),
        (IntDistribution(2, 512, log=True), 1, "x=tag(log,int(interval(32,8192)))"),
        (FloatDistribution(0, 0.5), 1, "x=interval(0.25,0.75)"),
        (FloatDistribution(0, 0.5), -1, None),  # no share of less than nothing
        (FloatDistribution(0, 0.9), 1, "x=interval(0.45,0.95)"),
        (FloatDistribution(1e-4, 1e-2, log=True), -1, "x=tag(log,interval(1e-05,0.001))"),
        (FloatDistribution(0, 1, step=0.25), 1, None),  # no share of more than all
        (CategoricalDistribution(("a", "b")), 1, None),
        (CategoricalDistribution((True, False)), 1, None),
    ],
    ids=str,
)
def test_what_lies_beyond_an_end(distribution: Any, sign: int, typed: str | None) -> None:
    study = made_up(lambda p: sign * float(p["x"] if p["x"] not in ("a", "b") else p["x"] == "a"),
                    trials=90, space={"x": distribution}, noise=1e-6)  # fmt: skip
    found = [override for one in advice(study, "x") if one.kind == "edge" for override in one.overrides]
    assert found == ([typed] if typed else [])
    for override in found:
        parameter = parse([override], {}).parameters["x"]
        assert isinstance(parameter.distribution, (CategoricalDistribution, type(distribution)))


def test_a_key_without_a_difference_is_said_to_make_none() -> None:
    found = only(made_up(lambda p: float(p["model.depth"]), trials=120), "edge")
    assert found.key == "model.depth"
    none = [one for one in advice(made_up(lambda p: p["model.depth"], trials=120)) if one.kind == "no difference"]
    assert none
    for one in none:
        assert one.key != "model.depth"
        (typed,) = one.overrides
        assert one.text == f"`{one.key}` made no difference that 120 trials show: type `{shlex.quote(typed)}`"
        assert not parse([typed], {}).parameters


def test_two_values_of_three_within_noise_are_named_with_their_means() -> None:
    space = {"optimizer": SPACE["optimizer"]}
    study = made_up(lambda p: -9.0 * (p["optimizer"] == "sgd"), space=space, noise=0.5, seed=2)
    found = only(study, "within noise")
    assert found.overrides == ("optimizer=adam,nadam", "+repeat=range(3)")
    assert found.text.startswith("`optimizer`: `")
    assert "are within noise of each other: to tell them apart type `optimizer=adam,nadam '+repeat=range(3)'`" in (
        found.text
    )


def test_why_most_trials_were_infeasible_and_what_to_leave_out() -> None:
    study = optuna.create_study()
    space = {"filters": CategoricalDistribution((16, 32, 64, 128)), "rate": FloatDistribution(0, 1)}
    for number in range(24):
        filters = (16, 32, 64, 128)[number % 4]
        state, more = TrialState.COMPLETE, {}
        if filters > 16:
            state = TrialState.PRUNED
            more = {"user_attrs": {"infeasible": f"parameters is {number}"}, "constraints": {"parameters<=9": 1.0}}
        study.add_trial(
            create_trial(
                state=state, value=1.0 if filters == 16 else None, params={"filters": filters, "rate": number / 24},
                distributions=space, **more,
            )
        )  # fmt: skip
    found = only(study, "kept out")
    assert found.text == (
        "18 of 24 trials were infeasible, 18 of them because of `parameters<=9`; all 18 with `filters` `32` or `64` or "
        "`128`: type `filters=16`"
    )


def test_failures_are_counted_by_what_they_say_and_an_interval_is_cut() -> None:
    study = optuna.create_study()
    for number in range(20):
        params: dict[str, Any] = {"x": number / 20}
        distributions: dict[str, BaseDistribution] = {"x": FloatDistribution(0, 1)}
        failed = number >= 8
        error = {"error": f"RuntimeError: no memory for {number} MB"} if failed else {}
        state, value = (TrialState.FAIL, None) if failed else (TrialState.COMPLETE, 0.0)
        study.add_trial(
            create_trial(state=state, value=value, params=params, distributions=distributions, user_attrs=error)
        )
    found = only(study, "kept out")
    assert found.overrides == ("x=interval(0.0,0.35)",)
    assert found.text.startswith(
        "12 of 20 trials failed, 12 of them because of reasons like `RuntimeError: no memory for 8 MB`; "
    )


@pytest.mark.parametrize(
    "error",
    [
        "InternalError: cudaSetDevice() on GPU:0 failed. Status: out of memory",
        "InternalError: Graph execution error: No BLAS for stream.",
        "NotFoundError: No algorithm worked! Profiling failure on CUDNN engine eng1{}: RESOURCE_EXHAUSTED: ...",
        "OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB",
    ],
)
def test_a_gpu_without_memory_is_named_instead_of_a_searched_value(error: str) -> None:
    study = made_up(lambda _: 0.0, trials=2)
    for number in range(8):
        attrs = {"error": error}
        given = {"params": {"x": number}, "distributions": {"x": IntDistribution(0, 7)}}
        study.add_trial(create_trial(state=TrialState.FAIL, user_attrs=attrs, **given))
    found = only(study, "kept out")
    assert found.text.endswith("workers take less with a smaller `hydra.sweeper.n_jobs`")
    assert not found.overrides


def few(count: int, failed: int = 0, infeasible: int = 0, listed: bool = False) -> optuna.Study:
    """Return a study with so many trials that can be compared, and so many that cannot."""
    study = made_up(lambda _: 0.0, trials=0)
    given: dict[str, Any] = {"params": {"x": 1}, "distributions": {"x": IntDistribution(0, 1)}}
    given |= {"system_attrs": {"fixed_params": {"x": 1}}} if listed else {}
    study.add_trials([create_trial(value=0.0, **given)] * count)
    study.add_trials([create_trial(state=TrialState.FAIL, **given)] * failed)
    study.add_trials([create_trial(value=0.0, constraints={"size": 1.0}, **given)] * infeasible)
    return study


@pytest.mark.parametrize("count", [1, 4])
def test_too_few_trials_say_so(count: int) -> None:
    study = few(count, failed=1)
    found = look_back(study)
    assert found.importances == {}
    assert [one.kind for one in found.advice] == ["too few"]
    assert found.advice[0].overrides == ("hydra.sweeper.n_trials=20",)
    study.set_user_attr(MORE, "hydra.sweeper.budget=80epochs")
    assert advice(study)[0].overrides == ("hydra.sweeper.budget=80epochs",)
    study.enqueue_trial({"x": 1})
    assert advice(study) == [], "there are more to come"


@pytest.mark.parametrize(
    "study",
    [few(0, failed=8), few(1, failed=3), few(1, 1, 1), few(0, 2, listed=True), few(0, 0, 2, listed=True)],
    ids=["all failed", "most", "half and half", "a grid that failed", "a grid that broke a limit"],
)
def test_more_trials_are_no_help_where_most_failed(study: optuna.Study) -> None:
    assert "too few" not in [one.kind for one in advice(study)]


def test_where_every_combination_was_tried_once_it_is_to_be_repeated() -> None:
    study = optuna.create_study()
    both = CategoricalDistribution(("adam", "sgd"))
    for name in ("adam", "sgd"):
        study.add_trial(
            create_trial(
                value=0.0, params={"optimizer": name}, distributions={"optimizer": both},
                system_attrs={"fixed_params": {"optimizer": name}},
            )
        )  # fmt: skip
    (found,) = advice(study)
    assert found.text == "only 2 trials can be compared: too few to tell what mattered; type `'+repeat=range(5)'`"


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        "hydra.sweeper.n_trials=3 hydra.sweeper.storage=sqlite:///a.db",
        "hydra.sweeper.n_trials=1 hydra.sweeper.try_defaults=true",
    ],
)
def test_what_was_drawn_or_described_is_no_grid_to_be_repeated(tmp_path: Path, more: str) -> None:
    """A database keeps what was drawn as if it had been prescribed, as is the one trial that the config describes."""
    done = toy(tmp_path, "x=interval(0,1)", *more.split())
    assert "too few to tell what mattered; type `hydra.sweeper.n_trials=20`" in done.stdout
    assert "hydra.sweeper.n_trials=20" in toy(tmp_path, "x=interval(0,1)", *more.split()).stdout


def test_a_study_without_anything_searched_says_nothing() -> None:
    study = optuna.create_study()
    assert look_back(study).advice == []
    study.add_trial(create_trial(value=1.0))
    assert as_markdown(look_back(study)) == ""


def test_of_two_objectives_each_has_its_importances() -> None:
    study = made_up(lambda p: p["model.filters"], trials=90, directions=("maximize", "minimize"), noise=1)
    found = look_back(study)
    assert list(found.importances) == ["value 0", "value 1"]
    assert [one.kind for one in found.advice] == []
    assert [lines[0].key for lines in found.importances.values()] == ["model.filters"] * 2
    assert [line.partition(" model")[0] for line in as_lines(found)] == ["mattered value 0:", "mattered value 1:"]


def test_trials_that_were_stopped_stand_behind_those_that_went_on() -> None:
    study = optuna.create_study(direction="maximize")
    for last, value in ((1, 0.9), (3, 0.5), (3, 0.6), (1, 0.1)):
        study.add_trial(create_trial(state=TrialState.PRUNED, intermediate_values={1: 0.2, last: value}))
    study.add_trial(create_trial(value=0.3))
    (standing,) = standings(study)
    assert [trial.number for trial in standing.trials] == [4, 2, 1, 0, 3]
    assert not standing.whole


def test_names_are_no_markup() -> None:
    name = "<img src=x onerror=alert(1)>|`*"
    space = {name: CategoricalDistribution((16, 32, 64)), "y": SPACE["model.dropout"]}
    text = as_markdown(look_back(made_up(lambda p: p[name], space=space, trials=30)))
    table, _, sentences = text.partition("**Advice**")
    assert "<" not in table
    assert "\\|" in table
    assert "`<img src=x onerror=alert(1)>|'*` at its upper end" in sentences


def test_a_key_that_the_config_does_not_have_is_typed_with_its_plus() -> None:
    study = made_up(lambda p: p["model.filters"] / 8)
    (found,) = [one for one in look_back(study, {"model.filters": "+model.filters"}).advice if one.kind == "edge"]
    assert found.text.endswith("in 10 of the 10 best: type `+model.filters=32,64,128`")
    assert found.overrides == ("+model.filters=32,64,128",)


def test_odd_choices_and_keys_that_only_some_trials_have_are_borne() -> None:
    space: dict[str, BaseDistribution] = {
        "model": CategoricalDistribution(("cnn", "resnet")),
        "lists": CategoricalDistribution(([1, 2], [3], None)),  # pyright: ignore[reportArgumentType]
        "maps": CategoricalDistribution(({"a": 1}, {"a": 2})),  # pyright: ignore[reportArgumentType]
        "nan": CategoricalDistribution((float("nan"), 1.0, float("inf"))),
        "large": IntDistribution(1, 10**15, log=True),
        "one": CategoricalDistribution((7,)),
    }
    study = made_up(lambda p: 3.0 * (p["model"] == "cnn"), trials=30, space=space)
    for value in range(12):
        params: dict[str, Any] = {"model": "cnn", "depth": value % 3}
        some: dict[str, BaseDistribution] = {"model": space["model"], "depth": IntDistribution(0, 2)}
        study.add_trial(create_trial(value=float(value % 3), params=params, distributions=some))
    study.add_trial(
        create_trial(value=float("-inf"), params={"depth": 9}, distributions={"depth": IntDistribution(0, 9)})
    )
    found = look_back(study)
    assert {one.key for one in found.importances["value"]} == {"model", "lists", "maps", "nan", "large", "depth"}
    assert found.importances["value"][0].key == "model"
    assert "not known" not in {one.kind for one in found.advice}


def test_what_nobody_thought_of_does_not_lose_the_end_of_a_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise TypeError("odd")

    monkeypatch.setattr("convsweep.insight.findings.standings", fails)
    (found,) = look_back(made_up(lambda _: 0.0, trials=1)).advice
    assert found.text == "what mattered is not known (TypeError: odd)"


def test_in_brief_there_are_few_keys_without_intervals() -> None:
    study = made_up(lambda p: p["model.filters"] + p["model.depth"] / 10, trials=30)
    mattered, *advice = in_brief(look_back(study))
    assert re.match(r"mattered filters \d+%[,;] ", mattered)
    assert mattered.count("%") == 3
    assert " to " not in mattered
    assert all(line.startswith("advice ") for line in advice)


@pytest.mark.parametrize("value", [0.5, 0.0, float("inf")])
def test_of_equal_values_nothing_is_called_important(value: float) -> None:
    found = look_back(made_up(lambda _: value, trials=12, noise=0.0))
    assert not any(found.importances.values())
    assert [one.text for one in found.advice] == [
        f"all 12 trials came to {value:.5g}: nothing tells their values apart"
    ]
