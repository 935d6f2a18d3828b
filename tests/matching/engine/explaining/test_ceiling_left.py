"""What other lines of a request have taken of its ceiling: the lines left are ranked by the rest, and told so."""

from dataclasses import replace
from decimal import Decimal

import pytest

from matching.engine import Budget, Cost, Need, Offer, Sentence, apply_change, canonical, digest, plain, render
from matching.engine.keeping.reading import _reader
from tests.matching.engine import world
from tests.matching.engine.planning.test_together import planned


def budget(ceiling: int, committed: int | None, *, state: str = "secured") -> Budget:
    return Budget(Decimal(ceiling), "USD", state, None if committed is None else Decimal(committed))


def need(ceiling: int, committed: int | None, *, state: str = "secured") -> Need:
    return world.need(budget=budget(ceiling, committed, state=state))


def offers() -> tuple[Offer, ...]:
    return tuple(world.offer(name, cost=Cost(Decimal(cost), Decimal(0), "USD")) for name, cost in costs.items())


costs = {"A": 4_000, "B": 8_000, "C": 12_000}


def said(sentences: tuple[Sentence, ...], code: str) -> dict[str, str]:
    [found] = [sentence for sentence in sentences if sentence.code == code]
    return worded(found)


def worded(sentence: Sentence) -> dict[str, str]:
    """Render with plain spaces and apostrophes."""
    plainly = str.maketrans({"\u202f": " ", "\u2019": "'"})
    return {language: render(sentence, language).translate(plainly) for language in ("en", "fr")}


@pytest.mark.parametrize("state", ["secured", "sought"])
def test_rest_of_a_ceiling_ranks_as_a_ceiling_of_that_size_does(state: str) -> None:
    rest, whole = (world.ranking(need(*facts, state=state), *offers()) for facts in ((20_000, 10_000), (10_000, None)))
    scores = [
        [(one.offer, one.score, [entry.value for entry in one.breakdown]) for one in found.lines[0].candidates]
        for found in (rest, whole)
    ]
    assert scores[0] == scores[1]
    assert ("C" in {name for name, *_ in scores[0]}) == (state == "sought")


def test_rest_is_told_with_the_cost_and_the_proposal_in_both_languages() -> None:
    found = world.ranking(need(20_000, 10_000), *offers())
    [cost] = [one.sentence for one in found.lines[0].candidates[0].breakdown if one.criterion == "cost"]
    assert worded(cost) == {
        "en": "Estimated at USD 4,000, within the USD 10,000 that other lines of the request leave of the ceiling of USD 20,000.",
        "fr": "Coût estimé à 4 000 USD, dans la limite des 10 000 USD que d'autres lignes de la demande laissent du plafond de 20 000 USD.",
    }
    assert said(found.proposals[0].sentences, "proposal.ceiling_left") == {
        "en": "Of the ceiling of USD 20,000, USD 10,000 is asked for or agreed for other lines of the request; USD 10,000 is left.",
        "fr": "Du plafond de 20 000 USD, 10 000 USD sont demandés ou convenus pour d'autres lignes de la demande ; il reste 10 000 USD.",
    }


def test_line_for_which_too_little_is_left_says_so_and_raising_the_ceiling_as_said_opens_it() -> None:
    asked, dear = need(20_000, 17_000), offers()[1]
    [line] = world.ranking(asked, dear).lines
    assert line.conflict is not None
    assert line.conflict.reasons == ("no_funding",)
    assert said(line.conflict.relaxations[0].sentences, "relax.cost_over_left")["en"] == (
        "Raise the ceiling of USD 20,000: USD 17,000 of it is asked for or agreed for other lines, USD 3,000 is left."
    )
    [change] = line.near_misses[0].ways[0].changes
    assert (change.code, change.params["cents"]) == ("raise_ceiling", 500_000)
    raised = apply_change(asked, 1, change)
    assert [one.offer for one in world.ranking(raised, dear).lines[0].candidates] == ["B"]
    short = replace(raised, budget=replace(raised.budget, ceiling=Decimal("24999.99")))
    assert world.ranking(short, dear).outcome == "no_solution"


def test_nothing_is_left_when_all_is_taken_and_what_costs_nothing_still_fits() -> None:
    free = world.offer("D", cost=Cost(Decimal(0), Decimal(0), "USD"))
    assert [one.offer for one in world.ranking(need(20_000, 30_000), *offers(), free).lines[0].candidates] == ["D"]


def test_plan_leaves_a_line_open_for_which_too_little_is_left() -> None:
    plan = planned(need(20_000, 17_000), offers()[1])
    [line] = plan.lines
    assert (line.outcome, line.unmet_reason) == ("unmet", "no_funding")
    assert said(line.sentences, "proposal.ceiling_left")["en"].endswith("USD 3,000 is left.")
    assert planned(need(20_000, 12_000), offers()[1]).lines[0].outcome == "served"


def test_budget_without_anything_taken_is_kept_as_before_and_read_both_ways() -> None:
    untouched, taken = budget(20_000, None), budget(20_000, 5_000)
    assert plain(untouched) == {"ceiling": "20000", "currency": "USD", "funding_state": "secured"}
    assert plain(taken) == {"ceiling": "20000", "committed": "5000", "currency": "USD", "funding_state": "secured"}
    read = _reader(Budget)
    assert [read(plain(entry)) for entry in (untouched, taken)] == [untouched, taken]
    assert digest(canonical(untouched)) != digest(canonical(taken))
