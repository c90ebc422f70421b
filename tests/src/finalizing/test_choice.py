"""Which of some configurations is to be used."""

import re
from dataclasses import replace

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import create_trial

from convsweep.policy.repeats import REPEATS
from convsweep.policy.ties import tie_key
from convsweep.study.metric_names import name_metrics
from src.finalizing import Candidate, candidates_of, choose, header_of, rows_of


def candidate(number: int, values: list[float], parameters: float = 1000, seconds: float = 10) -> Candidate:
    costs = {"parameters": parameters, "fit_seconds": seconds}
    return Candidate(number, {}, [dict(enumerate(values))], [0.9], costs)


BEST = candidate(7, [0.91, 0.92, 0.93], parameters=5000)


def test_the_best_is_chosen_where_it_is_better_by_more_than_noise() -> None:
    choice = choose([BEST, candidate(3, [0.89, 0.90, 0.911], parameters=10)], maximize=True)
    assert choice.winner is BEST
    assert choice.difference is not None and choice.difference.paired
    assert "trial 7 is better than 3: +0.0197" in choice.words


def test_the_cheaper_of_two_that_do_not_differ_is_chosen() -> None:
    other = candidate(3, [0.92, 0.90, 0.93], parameters=1000)
    choice = choose([BEST, other], maximize=True)
    assert choice.winner is other
    assert "costs more: 5,000 parameters against 1,000" in choice.words
    quick = candidate(4, [0.92, 0.90, 0.93], parameters=5000, seconds=5)
    assert choose([BEST, quick], maximize=True).winner is quick
    alike = candidate(5, [0.92, 0.90, 0.93], parameters=4900, seconds=9.9)
    assert choose([BEST, alike], maximize=True).winner is BEST


def test_what_no_seed_tells_apart_is_no_lack_of_seeds() -> None:
    words = choose([BEST, candidate(3, [0.91, 0.92, 0.93], parameters=5000)], maximize=True).words
    assert "whose mean equals that of 3 (the same with each seed): " in words
    assert "with too few seeds" in choose([candidate(1, [0.9]), candidate(2, [0.9])], maximize=True).words


def test_less_is_better_where_it_is_minimized() -> None:
    best, other = candidate(1, [0.1, 0.11, 0.12]), candidate(2, [0.2, 0.21, 0.221], parameters=1)
    choice = choose([best, other], maximize=False)
    assert choice.winner is best
    assert choice.difference is not None and choice.difference.value > 0


def test_no_interval_goes_beyond_what_the_objective_can_be() -> None:
    study, source = (optuna.create_study(direction="maximize") for _ in range(2))
    name_metrics(source, ["macro_f1"])
    source.add_trial(create_trial(value=0.9))
    for seed, value in enumerate((0.95, 0.85)):
        study.add_trial(create_trial(value=value, system_attrs={REPEATS: [0, seed]}))
    (found,) = candidates_of(study, source)
    mean = found.mean()
    assert (mean.high, round(mean.low, 3)) == (1, 0.265)
    assert rows_of([found])[0][1] == "0.9000 (0.2647 to 1.0000, 2 runs)"
    words = choose([found, replace(found, number=1, values=[{0: 0.1, 1: 0.8}])], maximize=True).words
    assert "95% interval -1.0000 to +1.0000" in words


def test_few_seeds_do_not_make_what_is_worse_the_choice() -> None:
    """No test of two seeds finds a difference; one above the spread is none to give away."""
    one, cheap = candidate(1, [0.9, 0.96]), candidate(2, [0.84, 0.80], parameters=1)
    choice = choose([one, cheap], maximize=True)
    assert choice.difference is not None and not choice.difference.is_real()
    assert choice.winner is one


@pytest.mark.parametrize(
    ("losses", "winner", "words"),
    [
        ((0.5, 0.4), 3, "whose mean equals that of 2 (.*): its validation loss is lower, 0.4 against 0.5"),
        ((None, 0.4), 3, "whose mean equals that of 2 (.*): it was the better one in the search"),
        ((0.4, 0.4), 3, "whose mean equals that of 2 (.*): it was the better one in the search"),
    ],
)
def test_of_equal_means_the_loss_decides_and_then_the_search(
    losses: tuple[float | None, float], winner: int, words: str
) -> None:
    source = optuna.create_study(direction="maximize")
    for value in (0.5, 0.6, 0.75, 0.89):
        space = {"x": FloatDistribution(0, 1)}
        source.add_trial(create_trial(value=value, params={"x": value}, distributions={**space}))
    study = optuna.create_study(direction="maximize")
    for number, values, loss in ((2, (0.8, 0.9), losses[0]), (3, (0.85000001, 0.85), losses[1])):
        for seed, value in enumerate(values):
            known = {REPEATS: [number, seed]} | ({} if loss is None else {tie_key(): loss})
            study.add_trial(create_trial(value=value, system_attrs=known))
    choice = choose(candidates_of(study, source), maximize=True)
    assert choice.winner.number == winner
    assert re.search(words.replace("(.*)", r"\(.*\)"), choice.words)
    assert "better mean" not in choice.words


def test_of_equal_means_the_cheaper_one_is_chosen() -> None:
    one, other = candidate(1, [0.8, 0.9], parameters=5000), candidate(2, [0.9, 0.8], parameters=1000)
    choice = choose([one, other], maximize=True)
    assert choice.winner is other
    assert "trial 2, for 1 has an equal mean (+0.0000" in choice.words
    assert "costs more: 5,000 parameters against 1,000" in choice.words


def test_one_seed_or_one_candidate_decides_nothing() -> None:
    one, cheap = candidate(1, [0.9]), candidate(2, [0.89], parameters=1)
    choice = choose([one, cheap], maximize=True)
    assert choice.winner is one and "too few seeds" in choice.words
    assert choose([one], maximize=True).winner is one


def test_a_table_has_a_row_a_candidate() -> None:
    front = Candidate(3, {}, [{0: 0.91}, {0: 6270.0}], [], {"parameters": 6270.0})
    assert rows_of([front]) == [["3", "0.9100 (one run)", "6,270 (one run)", "", "", "6,270", ""]]
    assert rows_of([BEST])[0][1:4] == ["0.9200 ± 0.0248 (3 runs)", "0.0100", "0.9000"]
    assert len(header_of(["val_accuracy"])) == len(rows_of([BEST])[0])
