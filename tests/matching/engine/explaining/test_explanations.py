# ruff: noqa: RUF001  (the apostrophe of French print is meant)
"""What sets one candidate apart from the next, what would put it first, and what would make a near miss eligible."""

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from matching.engine import (
    DEFAULT_POLICY,
    Budget,
    CandidateResult,
    Change,
    Cost,
    Need,
    Offer,
    PlaceWish,
    Ranking,
    Sentence,
    TrackRecord,
    apply_change,
    apply_offer_change,
    contrast,
    rank,
    relax,
    render,
)
from matching.engine.explaining.near_misses import MOST_CHANGES, MOST_WAYS
from matching.engine.sentences.templates.explanations import EXPLANATIONS
from tests.kit.examples import examples
from tests.matching.engine import golden, world

thorough = settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def said_by(change: Change, language: str = "en") -> str:
    return render(change.sentence, language)


def with_changes(need: Need, offers: list[Offer], offer_id: str, changes: tuple[Change, ...]) -> Ranking:
    """Rank again after the changes, made in the documented order."""
    for change in changes:
        if change.actor == "requester":
            need = apply_change(need, 1, change)
    by_id = {offer.id: offer for offer in offers}
    for change in changes:
        if change.actor != "requester":
            by_id[offer_id] = apply_offer_change(by_id[offer_id], need, 1, change, as_of=world.TODAY)
    return world.ranking(need, *by_id.values())


def candidates(ranking: Ranking) -> tuple[CandidateResult, ...]:
    return ranking.lines[0].candidates


def one(*offers: Offer, need: Need | None = None) -> tuple[CandidateResult, ...]:
    return candidates(world.ranking(need or world.need(), *offers))


# --- against the next ----------------------------------------------------------------------------------------------


@thorough
@given(world.needs(most_lines=3), world.catalogues())
def test_differences_to_the_next_add_up_to_the_difference_of_scores(need: Need, offers: list[Offer]) -> None:
    ranking = world.ranking(need, *offers)
    for line in ranking.lines:
        for mine, other in zip(line.candidates, line.candidates[1:], strict=False):
            found = mine.against_next
            assert found is not None
            assert (found.rank, found.offers) == (other.rank, (other.offer,))
            assert sum(share.contribution for share in found.criteria) == found.difference == mine.score - other.score
            mine_by, other_by = ({e.criterion: e.contribution for e in c.breakdown} for c in (mine, other))
            assert {s.criterion: s.contribution for s in found.criteria} == {
                name: mine_by[name] - other_by[name] for name in mine_by if mine_by[name] != other_by[name]
            }
    for proposal, following in zip(ranking.proposals, ranking.proposals[1:], strict=False):
        found = proposal.against_next
        assert found is not None
        assert sum(share.contribution for share in found.criteria) == found.difference
        assert found.difference == proposal.score - following.score
    if ranking.proposals:
        assert ranking.proposals[-1].against_next is None


def test_last_candidate_shown_is_compared_with_the_one_not_shown() -> None:
    offers = [world.offer(name) for name in "ABC"]
    catalogue = world.catalogue(*offers)
    ranking = rank(world.need(), catalogue, DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES, limit=2)
    assert [entry.against_next is None for entry in candidates(ranking)] == [False, False]
    assert candidates(ranking)[1].against_next.rank == 3  # type: ignore[union-attr]  # seen above


def test_decisive_criteria_are_the_fewest_that_make_up_the_lead() -> None:
    better = world.offer("A", themes=frozenset({"trafficking"}))
    worse = world.offer("B", themes=frozenset({"protection"}), cost=Cost(Decimal(100), Decimal(0), "USD"))
    need = world.need(budget=Budget(Decimal(12_000), "USD", "sought"))
    first = one(better, worse, need=need)[0]
    found = first.against_next
    assert first.offer == "A"
    assert found is not None
    assert found.difference > 0
    assert found.sentence.code == "contrast.ahead_in_spite"
    assert found.sentence.params["criteria"] == ("theme",)
    assert found.sentence.params["drawbacks"] == ("cost",)
    points = found.difference // 1000
    assert render(found.sentence, "en") == (
        f"{points} of 1,000 points ahead of number 2, by: theme; in spite of: cost."
    )
    assert render(found.sentence, "fr") == (
        f"{points} points sur 1\u202f000 d’avance sur le n° 2, grâce à : thème ; malgré : coût."
    )


def test_equal_scores_say_what_decides() -> None:
    assert one(world.offer("A"), world.offer("B"))[0].against_next.sentence.code == "contrast.same_draw"  # type: ignore[union-attr]
    later = world.offer("B", sessions=(world.session("S-B", start=date(2027, 5, 11)),))
    need = world.need()
    found = one(world.offer("A"), later, need=need)[0]
    assert found.offer == "A"
    assert found.against_next is not None
    assert found.against_next.difference == 0
    assert found.against_next.sentence.code == "contrast.same_start"


def test_proposal_that_covers_more_lines_says_so() -> None:
    need = world.need(lines=(world.line(1), world.line(2, theme="recruitment")))
    both = world.offer("A", themes=frozenset({"trafficking", "recruitment"}))
    ranking = world.ranking(need, both, world.offer("B"), world.offer("C", themes=frozenset({"recruitment"})))
    codes = [entry.against_next.sentence.code for entry in ranking.proposals if entry.against_next]
    assert "contrast.fewer_partners" in codes
    assert ranking.proposals[0].providers == ("P-A",)


def test_contrast_the_other_way_round_is_the_opposite() -> None:
    first, second = one(world.offer("A"), world.offer("B", themes=frozenset({"protection"})))
    mine, other = ({e.criterion: e.contribution for e in c.breakdown} for c in (first, second))
    ahead, behind = contrast(mine, other, rank=2), contrast(other, mine, rank=1)
    assert ahead.difference == -behind.difference > 0
    assert behind.sentence.code == "contrast.behind"
    assert contrast(mine, mine, rank=1).sentence.code == "contrast.equal"
    assert contrast(mine, mine, rank=1).criteria == ()


# --- what would put it first ---------------------------------------------------------------------------------------


@thorough
@given(world.needs(), world.catalogues())
def test_change_that_is_to_put_a_candidate_first_does_so_when_applied(need: Need, offers: list[Offer]) -> None:
    found = candidates(world.ranking(need, *offers))
    assert not found or found[0].to_first == ()
    for entry in found[1:]:
        for change in entry.to_first:
            assert change.actor == "provider"
            after = candidates(with_changes(need, offers, entry.offer, (change,)))
            assert after[0].offer == entry.offer, change


def less(change: Change, name: str) -> Change:
    """The same change, one unit smaller."""
    value = change.params[name]
    assert isinstance(value, int)
    return replace(change, params={**change.params, name: value - 1})


@thorough
@given(world.needs(), world.catalogues())
def test_one_day_or_seat_less_than_named_does_not_put_it_first(need: Need, offers: list[Offer]) -> None:
    for entry in candidates(world.ranking(need, *offers))[1:]:
        for change in entry.to_first:
            name = "days" if "days" in change.params else "seats"
            if change.params.get(name, 0) not in (0, 1):
                after = candidates(with_changes(need, offers, entry.offer, (less(change, name),)))
                assert after[0].offer != entry.offer, change


def dear(price: int = 10_000, name: str = "B", **changes: object) -> Offer:
    return world.offer(name, cost=Cost(Decimal(price), Decimal(0), "USD"), **changes)


SOUGHT = Budget(Decimal(12_000), "USD", "sought")


def test_price_named_is_the_highest_that_puts_it_first() -> None:
    need = world.need(budget=SOUGHT)
    offers = [dear(7_000, "A"), dear(10_000, "B")]
    second = one(*offers, need=need)[1]
    assert second.offer == "B"
    [lower] = [change for change in second.to_first if change.code == "lower_price"]
    price = Decimal(str(lower.params["price"]).split()[0])
    assert candidates(with_changes(need, offers, "B", (lower,)))[0].offer == "B"
    cent_more = replace(lower, params={**lower.params, "price": f"{price + Decimal('0.01')} USD"})
    assert candidates(with_changes(need, offers, "B", (cent_more,)))[0].offer == "A"
    assert str(lower.params["amount"]) == f"{Decimal(10_000) - price} USD"
    assert said_by(lower).startswith("lower the price by USD 3,")
    assert said_by(lower, "fr").startswith("baisser le prix de 3\u202f")


SESSION = world.session("S-B")
WORSE: list[tuple[str, dict[str, object], Need]] = [
    ("give_award", {"award": None}, world.need(award="completion")),
    ("serve_country", {}, world.need(lines=(world.line(country="GHA"),))),
    (
        "fix_days",
        {"sessions": (replace(SESSION, precision="quarter", start=date(2027, 2, 1), end=date(2027, 3, 31)),)},
        world.need(),
    ),
    ("close_later", {"sessions": (replace(SESSION, enrolment_deadline=date(2027, 2, 1)),)}, world.need()),
    ("add_seats", {"sessions": (replace(SESSION, seats_free=15, seats_total=15),)}, world.need()),
    ("state_price", {"cost": None}, world.need(budget=SOUGHT)),
    ("admit_audience", {"audiences": frozenset({"police"}), "customisable": True}, world.need()),
    ("teach_level", {"level": "advanced", "customisable": True}, world.need(lines=(world.line(level="introductory"),))),
    (
        "name_government_level",
        {"governance_levels": frozenset({"local"})},
        world.need(lines=(world.line(governance_level="national"),)),
    ),
    (
        "give_language",
        {
            "languages": frozenset({"es"}),
            "interpretation": True,
            "sessions": (replace(SESSION, languages=frozenset()),),
        },
        world.need(lines=(world.line(language="fr"),)),
    ),
]


@pytest.mark.parametrize(("code", "flaw", "need"), WORSE, ids=[entry[0] for entry in WORSE])
def test_what_holds_an_offer_back_is_what_it_is_told(code: str, flaw: dict[str, object], need: Need) -> None:
    # B has the newcomer's chance, so that without its flaw it would come first.
    best: dict[str, object] = {"record": TrackRecord(deliveries=3)}
    if code == "serve_country":
        best["countries"] = frozenset({"GHA"})
    if code == "teach_level":
        best["level"] = "introductory"
    if code == "give_language":
        best["sessions"] = (world.session("S-A", languages=frozenset()),)
    offers = [world.offer("A", **best), world.offer("B", **flaw)]
    [first, second] = one(*offers, need=need)
    assert (first.offer, second.offer) == ("A", "B")
    [change] = [entry for entry in second.to_first if entry.code == code]
    assert candidates(with_changes(need, offers, "B", (change,)))[0].offer == "B"
    assert said_by(change, "en") != said_by(change, "fr")


ON_REQUEST: list[tuple[str, dict[str, object]]] = [
    ("shorten_lead_time", {"lead_time_days": 190}),
    (
        "open_earlier",
        {"capacity": (world.window("C-0", free=0, end=date(2027, 7, 31)), world.window("C-B", start=date(2027, 8, 1)))},
    ),
    ("declare_capacity", {"capacity": ()}),
]


@pytest.mark.parametrize(("code", "flaw"), ON_REQUEST, ids=[entry[0] for entry in ON_REQUEST])
def test_dates_that_hold_an_offer_back_are_what_it_is_told(code: str, flaw: dict[str, object]) -> None:
    free: dict[str, object] = {"sessions": (), "on_request": True, "capacity": (world.window("C"),)}
    best = {"record": TrackRecord(deliveries=3)}
    need = world.need(window_end=date(2027, 8, 20))
    offers = [world.offer("A", **(free | best)), world.offer("B", **(free | flaw))]
    [first, second] = one(*offers, need=need)
    assert (first.offer, second.offer) == ("A", "B")
    found = {entry.code: entry for entry in second.to_first}
    assert code in found
    for change in found.values():
        assert candidates(with_changes(need, offers, "B", (change,)))[0].offer == "B"


# --- minimal change sets of near misses ------------------------------------------------------------------------------


@thorough
@given(world.needs(), world.catalogues())
def test_every_way_of_a_near_miss_flips_and_no_part_of_it_does(need: Need, offers: list[Offer]) -> None:
    for miss in world.ranking(need, *offers).lines[0].near_misses:
        assert 1 <= len(miss.ways) <= MOST_WAYS
        assert miss.ways[0].changes == miss.changes
        for way in miss.ways:
            assert 1 <= len(way.changes) <= MOST_CHANGES
            assert way.actors == tuple(dict.fromkeys(change.actor for change in way.changes))
            after = candidates(with_changes(need, offers, miss.offer, way.changes))
            assert miss.offer in {entry.offer for entry in after}
            for size in range(1, len(way.changes)):
                for part in combinations(way.changes, size):
                    still = candidates(with_changes(need, offers, miss.offer, part))
                    assert miss.offer not in {entry.offer for entry in still}


def test_near_miss_names_what_either_side_can_do() -> None:
    need = world.need(budget=Budget(Decimal(9_000), "USD", "secured"))
    [miss] = world.ranking(need, world.offer("A")).lines[0].near_misses
    said = [(way.actors, [change.code for change in way.changes]) for way in miss.ways]
    assert said == [(("requester",), ["raise_ceiling"]), (("provider",), ["lower_price"])]
    assert said_by(miss.ways[1].changes[0]) == "lower the price by USD 1,000, to USD 9,000 for a delivery"
    assert render(miss.ways[0].sentence, "en") == "The requester alone can bring it about, by 1 change."


def test_two_constraints_failed_give_every_pair_of_ways_out_once() -> None:
    need = world.need(
        lines=(world.line(language="ar"),), budget=Budget(Decimal(9_000), "USD", "secured"), place=PlaceWish()
    )
    [miss] = world.ranking(need, world.offer("A")).lines[0].near_misses
    said = {frozenset(change.code for change in way.changes) for way in miss.ways}
    assert said == {
        frozenset({"accept_language", "raise_ceiling"}),
        frozenset({"accept_language", "lower_price"}),
        frozenset({"give_language", "raise_ceiling"}),
        frozenset({"give_language", "lower_price"}),
    }
    assert miss.ways[0].actors == ("requester",)
    assert {render(way.sentence, "fr") for way in miss.ways} == {
        "Le demandeur peut y parvenir seul, par 2 changements.",
        "Le prestataire peut y parvenir seul, par 2 changements.",
        "Plusieurs doivent agir ensemble : 2 changements, dont aucun n’est superflu.",
    }


@settings(parent=thorough, max_examples=examples(25))
@given(world.needs(), world.catalogues())
def test_no_part_of_a_relaxation_opens_anything(need: Need, offers: list[Offer]) -> None:
    conflict = world.ranking(need, *offers).lines[0].conflict
    for entry in conflict.relaxations if conflict else ():
        bits = [1 << bit for bit in range(entry.mask.bit_length()) if entry.mask >> bit & 1]
        for size in range(1, min(len(bits), 4)):
            for part in combinations(bits, size):
                relaxed = relax(need, 1, sum(part), world.catalogue(*offers), as_of=world.TODAY)
                assert world.ranking(relaxed, *offers).lines[0].eligible == 0


# --- in words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("code", sorted(EXPLANATIONS))
def test_every_template_can_be_filled(code: str, language: str) -> None:
    names = {match[0] for match in re.findall(r"\{(\w+)(\?[^}]*)?\}", EXPLANATIONS[code][language])}
    known = {"themes": ("a",), "words": ("a",), "criteria": ("cost",), "drawbacks": ("theme",), "criterion": "cost"}
    money = {"amount": "10.00 USD", "price": "5.00 USD"}
    texts = {"theme": "a", "language": "en", "level": "b", "award": "c", "start": "2027-01-01", "end": "2027-01-02"}
    params = {name: (known | money | texts | {"government_level": "x"}).get(name, 2) for name in names}
    text = render(Sentence(code, params), language)  # type: ignore[arg-type]  # words, numbers and lists of words
    assert not re.search(r"[{}|]", text)
    other = "fr" if language == "en" else "en"
    assert names == {match[0] for match in re.findall(r"\{(\w+)(\?[^}]*)?\}", EXPLANATIONS[code][other])}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_explanation_of_the_demo_can_be_written(language: str) -> None:
    said: list[Sentence] = []
    for case in golden.demo()["expected_top"][:6]:
        ranking = golden.ranked(case["request"], date.fromisoformat(case["as_of"]))
        found = [entry for line in ranking.lines for entry in line.candidates]
        compared = [entry.against_next for entry in found] + [entry.against_next for entry in ranking.proposals]
        said += [entry.sentence for entry in compared if entry]
        said += [change.sentence for entry in found for change in entry.to_first]
        misses = [miss for line in ranking.lines for miss in line.near_misses]
        said += [
            sentence
            for miss in misses
            for way in miss.ways
            for sentence in (way.sentence, *(change.sentence for change in way.changes))
        ]
    assert len({sentence.code for sentence in said}) > 8
    assert not [text for text in (render(sentence, language) for sentence in said) if re.search(r"[{}|]", text)]


@pytest.mark.parametrize(
    ("asked", "offered", "reason"),
    [
        ({"level": "advanced"}, {"level": "introductory"}, "no_level"),
        ({}, {"award": "none"}, "no_award"),
        ({"minimum": 4, "maximum": 6}, {}, "group_too_small"),
    ],
)
def test_what_alone_stands_in_the_way_is_the_reason(
    asked: dict[str, Any], offered: dict[str, Any], reason: str
) -> None:
    found = world.ranking(world.need(world.line(**asked), award="completion"), world.offer(**offered))
    assert found.lines[0].conflict is not None
    assert found.lines[0].conflict.reasons == (reason,)
