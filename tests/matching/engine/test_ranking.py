"""Scores, reasons, order and flags of candidates."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from matching.engine import (
    DEFAULT_WEIGHTS,
    NO_SOLUTION,
    Budget,
    CandidateResult,
    Cost,
    Criterion,
    CriterionResult,
    EngineError,
    Need,
    Offer,
    PlaceWish,
    Policy,
    TrackRecord,
    render,
)
from tests.matching.engine import world
from tests.matching.engine.world import line, need, offer, ranking, session, window


def first(asked: Need, *offers: Offer, policy: Policy | None = None) -> CandidateResult:
    return ranking(asked, *offers, policy=policy or Policy()).lines[0].candidates[0]


def entry(candidate: CandidateResult, criterion: Criterion) -> CriterionResult:
    return next(result for result in candidate.breakdown if result.criterion is criterion)


def value(asked: Need, offered: Offer, criterion: Criterion) -> int:
    return entry(first(asked, offered), criterion).value


def test_exact_theme_is_worth_more_than_part_than_whole_field() -> None:
    exact = value(need(), offer(), Criterion.THEME)
    narrower = value(need(), offer(themes=frozenset({"victims"})), Criterion.THEME)
    broader = value(need(line(theme="victims")), offer(), Criterion.THEME)
    diluted = value(need(), offer(themes=frozenset({"trafficking", "labour", "recruitment"})), Criterion.THEME)
    assert exact > narrower
    assert exact > broader
    assert exact > diluted


def test_offer_covering_the_parts_of_a_theme_as_well_is_worth_more() -> None:
    parts = frozenset({"trafficking", "victims", "prosecution"})
    assert value(need(), offer(themes=parts), Criterion.THEME) == 1000 > value(need(), offer(), Criterion.THEME)


def test_coverage_falls_from_country_to_region_to_world() -> None:
    def covering(**facts: object) -> int:
        return value(need(), offer("A", **({"worldwide": False} | facts)), Criterion.PLACE)

    named = covering(countries=frozenset({"GHA"}))
    nearest = covering(regions=frozenset({"011"}))
    wider = covering(regions=frozenset({"202"}))
    world_wide = covering(worldwide=True)
    assert named > nearest > wider > world_wide


def test_delivery_in_the_country_is_worth_more_where_it_is_wished() -> None:
    asked = need(place=PlaceWish("in_country"))
    there = value(asked, offer(), Criterion.PLACE)
    away = value(asked, offer(sessions=(session(country="NPL"),)), Criterion.PLACE)
    assert there > away


def test_peer_of_the_region_and_experience_there_count() -> None:
    stranger = value(need(), offer(home_country="NPL"), Criterion.PLACE)
    peer = value(need(), offer(home_country="MLI"), Criterion.PLACE)
    experienced = value(need(), offer(home_country="NPL", delivered_countries=frozenset({"GHA"})), Criterion.PLACE)
    assert experienced > peer > stranger


def test_adaptation_is_flagged_and_worth_less_than_a_fit() -> None:
    asked = need(line(audience="judges", level="advanced"))
    adapted = first(asked, offer(customisable=True))
    assert {"adaptation_needed", "adapt_audience", "adapt_level"} <= set(adapted.flags)
    fitting = first(asked, offer(audiences=frozenset({"judges"}), level="advanced"))
    assert entry(adapted, Criterion.AUDIENCE).value < entry(fitting, Criterion.AUDIENCE).value
    assert "adaptation_needed" not in fitting.flags


def test_length_is_adapted_where_the_offer_allows_it() -> None:
    asked = need(window_start=date(2027, 3, 1), window_end=date(2027, 3, 5))
    long = offer(sessions=(), on_request=True, customisable=True, hours=48)
    assert {"adapt_length", "adaptation_needed"} <= set(first(asked, long).flags)
    assert ranking(asked, replace(long, customisable=False)).outcome == NO_SOLUTION


def test_interpretation_is_flagged_and_worth_less() -> None:
    candidate = first(need(line(language="ar")), offer(interpretation=True))
    assert "interpretation_needed" in candidate.flags
    assert entry(candidate, Criterion.LANGUAGE).value == 400


def test_session_in_the_language_is_chosen_before_an_earlier_one_that_is_not() -> None:
    early, late = (
        session("early", start=date(2027, 4, 5), end=date(2027, 4, 9)),
        session("late", languages=frozenset({"fr"})),
    )
    candidate = first(need(line(language="fr")), offer(sessions=(early, late)))
    assert candidate.slot.code == "late"


def test_seats_are_the_smaller_of_maximum_and_free() -> None:
    assert first(need(), offer()).slot.seats == 20
    few = first(need(), offer(sessions=(session(seats_free=15),)))
    assert few.slot.seats == 15
    assert entry(few, Criterion.GROUP).value == 750
    assert "fewer_than_wished" in few.flags


def test_large_group_is_split_over_deliveries_and_trainer_days_counted() -> None:
    asked = need(line(minimum=40, maximum=70), budget=Budget(None, None, "none"))
    candidate = first(asked, offer(sessions=(), on_request=True, capacity=(window(free=20),)))
    assert (candidate.slot.seats, candidate.slot.deliveries, candidate.slot.trainer_days) == (70, 3, 6)
    assert candidate.cost == Decimal(30000)


def test_last_delivery_too_small_for_its_group_is_left_out() -> None:
    """35 participants at 30 and 30 at least 20 each: one delivery of 30."""
    asked = need(line(minimum=25, maximum=35), budget=Budget(None, None, "none"))
    candidate = first(asked, offer(participants_min=20, sessions=(), on_request=True, capacity=(window(),)))
    assert (candidate.slot.seats, candidate.slot.deliveries) == (30, 1)


def test_number_is_reduced_where_only_the_smallest_is_affordable() -> None:
    asked = need(budget=Budget(Decimal(1500), "USD", "secured"))
    candidate = first(asked, offer(cost=Cost(Decimal(0), Decimal(100), "USD")))
    assert (candidate.slot.seats, candidate.cost) == (10, Decimal(1000))
    assert "reduced_to_budget" in candidate.flags


def test_cost_is_converted_by_the_stored_rate() -> None:
    asked = need(budget=Budget(Decimal(20000), "EUR", "secured"))
    candidate = first(asked, offer(cost=Cost(Decimal(11000), Decimal(0), "USD")))
    assert (candidate.cost, candidate.currency) == (Decimal("10000.00"), "EUR")
    assert entry(candidate, Criterion.COST).value == 1000


@pytest.mark.parametrize(("ceiling", "expected"), [(20000, 1000), (10000, 600), (8000, 450), (5000, 0)])
def test_cost_value_falls_against_the_ceiling(ceiling: int, expected: int) -> None:
    assert value(need(budget=Budget(Decimal(ceiling), "USD", "sought")), offer(), Criterion.COST) == expected


def test_what_is_not_known_is_neutral_flagged_and_outside_the_evidence() -> None:
    candidate = first(need(budget=Budget()), offer(cost=None, award=None))
    for criterion in (Criterion.COST, Criterion.AWARD):
        assert (entry(candidate, criterion).value, entry(candidate, criterion).known) == (500, False)
    assert {"cost_unknown", "funding_to_be_found"} <= set(candidate.flags)
    unknown = (Criterion.COST, Criterion.AWARD, Criterion.PLACE, Criterion.TRACK_RECORD)
    assert candidate.evidence == 1000 - sum(DEFAULT_WEIGHTS[criterion] for criterion in unknown)


def test_on_request_without_declared_capacity_is_flagged() -> None:
    candidate = first(need(), offer(sessions=(), on_request=True))
    assert candidate.slot.kind == "on_request"
    assert "capacity_unknown" in candidate.flags
    assert entry(candidate, Criterion.DATES).value == 500


def test_track_record_of_few_is_shrunk_to_the_prior() -> None:
    def recorded(evaluations: int) -> int:
        others = [offer(f"B{n}", record=TrackRecord(700, 100)) for n in range(5)]  # the form's mean
        one = offer(record=TrackRecord(1000, evaluations))
        found = ranking(need(), one, *others).lines[0].candidates
        return entry(next(c for c in found if c.offer == "A"), Criterion.TRACK_RECORD).value

    assert recorded(0) in (699, 700)
    assert recorded(0) < recorded(1) < recorded(10) < recorded(100)
    assert recorded(1) < 740


def test_newcomer_is_not_punished() -> None:
    fresh = first(need(), offer())
    old = first(need(), offer(record=TrackRecord(700, 10, 9)))
    assert fresh.score >= old.score
    assert "newcomer" in fresh.flags


def test_requester_among_the_partners_is_flagged_not_ruled_out() -> None:
    assert "requester_is_partner" in first(need(requester="O-A"), offer()).flags
    assert "requester_is_partner" not in first(need(), offer()).flags


def test_tie_goes_to_the_earlier_start_then_to_the_lower_load_then_to_the_hash() -> None:
    later = (session(start=date(2027, 6, 7), end=date(2027, 6, 11)),)
    assert [c.offer for c in ranking(need(), offer("A", sessions=later), offer("B")).lines[0].candidates] == ["B", "A"]
    no_load = Policy(weights={**DEFAULT_WEIGHTS, Criterion.LOAD: 0, Criterion.THEME: 250})
    fuller = (session(seats_free=25),)
    ranked = ranking(need(), offer("A", sessions=fuller), offer("B"), policy=no_load).lines[0].candidates
    assert [c.offer for c in ranked] == ["B", "A"]
    assert ranked[0].score == ranked[1].score
    orders = {
        tuple(c.offer for c in ranking(need(id=f"R-{n}"), offer("A"), offer("B")).lines[0].candidates)
        for n in range(20)
    }
    assert orders == {("A", "B"), ("B", "A")}


def test_text_finds_the_offer_that_speaks_of_the_matter_but_never_outweighs_the_theme() -> None:
    alike = offer("A", texts={"en": "Officials recognize trafficking"}, themes=frozenset({"victims"}))
    exact = offer("B", texts={"en": "Something else altogether"})
    candidates = {c.offer: c for c in ranking(need(), alike, exact).lines[0].candidates}
    assert entry(candidates["A"], Criterion.TEXT).value > entry(candidates["B"], Criterion.TEXT).value
    assert candidates["B"].rank == 1


def test_french_need_finds_the_offer_described_in_english_by_its_concept() -> None:
    candidate = first(need(texts={"fr": "Reconnaître la traite des personnes"}), offer())
    assert entry(candidate, Criterion.THEME).value == value(need(), offer(), Criterion.THEME)
    assert (entry(candidate, Criterion.TEXT).value, entry(candidate, Criterion.TEXT).known) == (500, False)


def test_limit_cuts_the_list_and_empty_catalogue_has_no_solution() -> None:
    from matching.engine import rank

    many = world.catalogue(*(offer(f"O{n:02}") for n in range(9)))
    short = rank(need(), many, Policy(), as_of=world.TODAY, rates=world.RATES, limit=3)
    assert [len(short.lines[0].candidates), short.lines[0].eligible, len(short.proposals)] == [3, 9, 3]
    nothing = ranking(need())
    assert nothing.outcome == NO_SOLUTION
    assert nothing.lines[0].conflict is not None


def test_weights_must_be_whole_and_sum_to_a_thousand() -> None:
    with pytest.raises(EngineError, match="bad_weights"):
        Policy(weights={**DEFAULT_WEIGHTS, Criterion.THEME: 221})
    with pytest.raises(EngineError, match="bad_weights"):
        Policy(weights={Criterion.THEME: 1000})
    with pytest.raises(EngineError, match="bad_policy"):
        Policy(max_partners=0)


def test_reasons_read_in_both_languages() -> None:
    candidate = first(need(), offer())
    cost = entry(candidate, Criterion.COST).sentence
    assert render(cost, "en") == "Estimated at USD 10,000, within the ceiling."
    assert render(cost, "fr") == "Coût estimé à 10\u202f000 USD, dans la limite du plafond."
    theme = entry(candidate, Criterion.THEME).sentence
    labels = {"themes": {"trafficking": "traite des personnes"}}
    assert render(theme, "fr", labels) == "Elle porte sur le thème demandé : traite des personnes."
