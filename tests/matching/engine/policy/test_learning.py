"""What decisions say of the weights: found where it is there, modest where it is not."""

import random
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from matching.engine import (
    CRITERIA,
    DEFAULT_POLICY,
    DEFAULT_WEIGHTS,
    WEIGHT_TOTAL,
    Criterion,
    Override,
    overrides_by_criterion,
    render,
    suggest_weights,
)
from matching.engine.policy.learning import LEAST_DECISIONS
from tests.kit.examples import examples

PLANTED = dict.fromkeys(CRITERIA, 0) | {
    Criterion.THEME: 150,
    Criterion.COST: 400,
    Criterion.LANGUAGE: 250,
    Criterion.DATES: 200,
}

values = st.dictionaries(st.sampled_from(CRITERIA), st.integers(0, 1000))
observations = st.lists(st.builds(Override, st.integers(0, 30).map(str), values, values, st.booleans()), max_size=40)
brief = settings(max_examples=examples(30), deadline=None)


def planted(number: int, weights: Mapping[Criterion, int]) -> list[Override]:
    """Decisions of somebody who weighs by `weights` and errs a little; the draws are the same each time."""
    draw = random.Random(7)
    found = []
    for decision in range(number):
        one, other = ({criterion: draw.randrange(1001) for criterion in CRITERIA} for _ in range(2))
        lead = sum(weights[criterion] * (one[criterion] - other[criterion]) for criterion in CRITERIA)
        first, second = (one, other) if lead + draw.randrange(-20_000, 20_000) > 0 else (other, one)
        found.append(Override(str(decision), first, second))
    return found


def distance(one: Mapping[Criterion, int], other: Mapping[Criterion, int]) -> int:
    return sum(abs(one[criterion] - other[criterion]) for criterion in CRITERIA)


def test_planted_weights_are_recovered_from_many_decisions() -> None:
    found = suggest_weights(planted(3000, PLANTED), DEFAULT_POLICY)
    assert distance(found.suggested, PLANTED) < distance(DEFAULT_WEIGHTS, PLANTED) // 4
    assert found.held_out_suggested is not None
    assert found.held_out_present is not None
    assert found.held_out_suggested > 930 > found.held_out_present
    assert found.sentences[0].code == "learning.better"
    first = render(found.sentences[1], "fr")
    assert "coût" in first


def test_few_decisions_move_the_weights_less_than_many() -> None:
    moved = [
        distance(suggest_weights(planted(number, PLANTED), DEFAULT_POLICY).suggested, DEFAULT_WEIGHTS)
        for number in (LEAST_DECISIONS, 100, 1000)
    ]
    assert 0 < moved[0] < moved[1] < moved[2]
    assert moved[0] < 200


def test_too_few_decisions_suggest_nothing() -> None:
    found = suggest_weights(planted(LEAST_DECISIONS - 1, PLANTED), DEFAULT_POLICY)
    assert not found.enough
    assert found.suggested == found.present == DEFAULT_WEIGHTS
    assert (found.held_out_suggested, found.held_out_present, found.folds) == (None, None, 0)
    assert render(found.sentences[0], "en") == ("Too few decisions to learn from: 9 are known, at least 10 are needed.")
    assert suggest_weights([], DEFAULT_POLICY).decisions == 0


def test_decisions_that_the_present_weights_would_make_do_not_claim_to_teach() -> None:
    agreeing = [
        Override(entry.decision_id, entry.chosen, entry.proposed, followed=True)
        for entry in planted(400, DEFAULT_WEIGHTS)
    ]
    found = suggest_weights(agreeing, DEFAULT_POLICY)
    assert found.overrides == 0
    assert distance(found.suggested, DEFAULT_WEIGHTS) < 250
    assert found.held_out_present is not None
    assert found.held_out_present > 900


def test_weights_without_any_difference_stay_as_they_are() -> None:
    same = dict.fromkeys(CRITERIA, 500)
    found = suggest_weights([Override(str(number), same, same) for number in range(20)], DEFAULT_POLICY)
    assert found.suggested == DEFAULT_WEIGHTS
    assert (found.held_out_suggested, found.held_out_present) == (500, 500)
    assert found.sentences[0].code == "learning.no_better"


@brief
@given(observations)
def test_weights_are_never_negative_and_sum_to_the_whole(rows: list[Override]) -> None:
    suggested = suggest_weights(rows, DEFAULT_POLICY).suggested
    assert list(suggested) == list(CRITERIA)
    assert min(suggested.values()) >= 0
    assert sum(suggested.values()) == WEIGHT_TOTAL


@brief
@given(observations, st.integers(0, 10_000))
def test_order_of_decisions_changes_nothing(rows: list[Override], seed: int) -> None:
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)
    assert suggest_weights(shuffled, DEFAULT_POLICY) == suggest_weights(rows, DEFAULT_POLICY)
    assert overrides_by_criterion(shuffled) == overrides_by_criterion(rows)


def test_overrides_by_criterion_counts_what_was_chosen_against_the_engine() -> None:
    rows = [
        Override("1", {Criterion.COST: 900}, {Criterion.COST: 400}),
        Override("2", {Criterion.COST: 300}, {Criterion.COST: 400}),
        Override("3", {Criterion.COST: 0}, {Criterion.COST: 1000}, followed=True),
    ]
    table = {entry.criterion: entry for entry in overrides_by_criterion(rows)}
    assert list(table) == list(CRITERIA)
    cost = table[Criterion.COST]
    assert (cost.better, cost.equal, cost.worse, cost.mean_difference) == (1, 0, 1, 200)
    theme = table[Criterion.THEME]
    assert (theme.better, theme.equal, theme.worse, theme.mean_difference) == (0, 2, 0, 0)
    assert overrides_by_criterion([])[0].equal == 0
