"""Each hard constraint by its code, one at a time, and what the policy's switches do to it."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from matching.engine import Budget, Cost, EngineError, Need, Offer, PlaceWish, Policy
from tests.matching.engine import world
from tests.matching.engine.world import failing, line, need, offer, session, window


def test_offer_that_meets_everything_fails_nothing() -> None:
    assert failing(need(), offer()) == ()


ONE_BY_ONE: list[tuple[str, Need, Offer]] = [
    ("offering_not_published", need(), offer(published=False)),
    ("not_bookable", need(), offer(bookable=False)),
    ("vetting_expired", need(), offer(vetted_until=date(2027, 1, 3))),
    ("vetting_expired", need(), offer(vetted_until=None)),
    ("provider_not_in_standing", need(), offer(provider_verified=False)),
    ("provider_not_in_standing", need(), offer(provider_verified_until=date(2027, 1, 3))),
    ("theme_mismatch", need(), offer(themes=frozenset({"labour"}))),
    ("theme_mismatch", need(), offer(themes=frozenset({"smuggling"}))),
    ("theme_mismatch", need(line(theme="victims")), offer(themes=frozenset({"protection"}))),
    ("form_mismatch", need(forms=frozenset({"workshop"})), offer()),
    ("modality_mismatch", need(modalities=frozenset({"online"})), offer()),
    ("modality_mismatch", need(place=PlaceWish("online")), offer()),
    ("audience_mismatch", need(line(audience="judges")), offer()),
    ("level_mismatch", need(line(level="advanced")), offer()),
    ("language_not_deliverable", need(line(language="ar")), offer()),
    ("country_not_served", need(), offer(worldwide=False, countries=frozenset({"MLI"}))),
    ("country_not_served", need(line(country=None, region="202")), offer(worldwide=False, regions=frozenset({"011"}))),
    ("award_unavailable", need(award="diploma_credit"), offer()),
    ("excluded_by_requester", need(excluded=frozenset({"O-A"})), offer()),
    ("conflict_of_interest", need(conflicts=frozenset({"P-A"})), offer()),
    ("not_visible", need(visible_to=frozenset({"O-B"})), offer()),
    ("turned_down", need(turned_down_by=frozenset({offer().id})), offer()),
    ("window_missed", need(), offer(sessions=(session(start=date(2027, 10, 1), end=date(2027, 10, 5)),))),
    ("window_missed", need(), offer(sessions=(session(start=date(2027, 9, 29), end=date(2027, 10, 2)),))),
    ("not_scheduled", need(), offer(sessions=())),
    ("not_scheduled", need(), offer(sessions=(session(bookable=False),))),
    ("not_scheduled", need(), offer(sessions=(session(enrolment_deadline=date(2027, 1, 3)),))),
    ("capacity_short", need(), offer(sessions=(session(seats_free=9, seats_min=1),))),
    ("capacity_short", need(), offer(sessions=(session(seats_free=0),))),
    ("group_too_small", need(line(minimum=5, maximum=8)), offer()),
    ("cost_over_ceiling", need(budget=Budget(Decimal(9999), "USD", "secured")), offer()),
    ("place_mismatch", need(place=PlaceWish("fixed", "NPL")), offer()),
    ("place_mismatch", need(place=PlaceWish("fixed", "GHA", "Tamale")), offer()),
]


@pytest.mark.parametrize(("code", "asked", "offered"), ONE_BY_ONE)
def test_constraint_not_met_is_named_alone(code: str, asked: Need, offered: Offer) -> None:
    assert failing(asked, offered) == (code,)


FITTING: list[tuple[str, Need, Offer]] = [
    ("narrower theme", need(line(theme="protection")), offer()),
    ("broader theme by one", need(line(theme="victims")), offer()),
    ("one of several themes", need(), offer(themes=frozenset({"labour", "trafficking"}))),
    ("adaptable audience", need(line(audience="judges")), offer(customisable=True)),
    ("adaptable level", need(line(level="advanced")), offer(customisable=True)),
    ("unknown level", need(), offer(level=None)),
    ("interpretation", need(line(language="ar")), offer(interpretation=True)),
    ("language of the offer on request", need(line(language="fr")), offer(sessions=(), on_request=True)),
    ("country named", need(), offer(worldwide=False, countries=frozenset({"GHA"}))),
    ("region around the country", need(), offer(worldwide=False, regions=frozenset({"202"}))),
    (
        "region asked within region served",
        need(line(country=None, region="011")),
        offer(worldwide=False, regions=frozenset({"002"})),
    ),
    ("higher award", need(award="participation"), offer(award="diploma_credit")),
    ("award not known", need(award="completion"), offer(award=None)),
    (
        "vague session touching the window",
        need(),
        offer(sessions=(session(start=date(2027, 9, 1), end=date(2027, 12, 31), precision="quarter"),)),
    ),
    ("group filled by those enrolled", need(line(minimum=2, maximum=4)), offer(sessions=(session(seats_free=22),))),
    ("no ceiling", need(budget=Budget(None, None, "none")), offer()),
    ("funding sought", need(budget=Budget(Decimal(1), "USD", "sought")), offer()),
    ("cost not known", need(budget=Budget(Decimal(1), "USD", "secured")), offer(cost=None)),
    (
        "no rate for its currency",
        need(budget=Budget(Decimal(1), "USD", "secured")),
        offer(cost=Cost(Decimal(9), Decimal(0), "XXX")),
    ),
    ("imposed place met", need(place=PlaceWish("fixed", "GHA", "Accra")), offer()),
    (
        "provider travels",
        need(place=PlaceWish("fixed", "GHA", "Tamale")),
        offer(sessions=(), in_country_on_request=True),
    ),
    ("open access has no date", need(), offer(sessions=(), form="online_self_paced")),
]


@pytest.mark.parametrize(("asked", "offered"), [pytest.param(*case[1:], id=case[0]) for case in FITTING])
def test_offer_that_fits_is_a_candidate(asked: Need, offered: Offer) -> None:
    assert failing(asked, offered) == ()


SWITCHES: list[tuple[str, Policy, Need, Offer]] = [
    ("theme_mismatch", Policy(accept_broader_theme=False), need(line(theme="victims")), offer()),
    (
        "language_not_deliverable",
        Policy(accept_interpretation=False),
        need(line(language="ar")),
        offer(interpretation=True),
    ),
]


@pytest.mark.parametrize(("code", "policy", "asked", "offered"), SWITCHES)
def test_switch_off_makes_the_constraint_bind(code: str, policy: Policy, asked: Need, offered: Offer) -> None:
    assert failing(asked, offered) == ()
    assert failing(asked, offered, policy) == (code,)


LOOSER: list[tuple[Policy, Need, Offer]] = [
    (Policy(enforce_ceiling=False), need(budget=Budget(Decimal(1), "USD", "secured")), offer()),
    (Policy(cost_tolerance_permille=100), need(budget=Budget(Decimal(9100), "USD", "secured")), offer()),
    (Policy(enforce_fixed_place=False), need(place=PlaceWish("fixed", "NPL")), offer()),
    (Policy(level_tolerance=1), need(line(level="advanced")), offer()),
    (
        Policy(window_tolerance_days=2),
        need(),
        offer(sessions=(session(start=date(2027, 9, 29), end=date(2027, 10, 2)),)),
    ),
]


@pytest.mark.parametrize(("policy", "asked", "offered"), LOOSER)
def test_tolerance_of_the_policy_lets_the_offer_in(policy: Policy, asked: Need, offered: Offer) -> None:
    assert failing(asked, offered) != ()
    assert failing(asked, offered, policy) == ()


def test_requester_who_rules_out_interpretation_is_heard() -> None:
    asked = need(line(language="ar"), interpretation_allowed=False)
    assert failing(asked, offer(interpretation=True)) == ("language_not_deliverable",)


def test_several_constraints_not_met_are_all_named() -> None:
    asked = need(line(audience="judges"), forms=frozenset({"workshop"}))
    assert failing(asked, offer()) == ("audience_mismatch", "form_mismatch")


def test_capacity_window_serves_only_what_is_delivered_on_request() -> None:
    assert failing(need(), offer(sessions=(), capacity=(window(),))) == ("not_scheduled",)
    assert failing(need(), offer(sessions=(), capacity=(window(),), on_request=True)) == ()


def test_declared_capacity_that_is_used_up_is_not_passed_by_as_unknown() -> None:
    full = offer(sessions=(), capacity=(window(free=0),), on_request=True)
    assert failing(need(), full) == ("capacity_short",)


def test_trainer_days_of_a_delivery_count_started_days() -> None:
    """13 hours are three trainer days: two left are not enough."""
    assert failing(need(), offer(sessions=(), hours=12, capacity=(window(free=2),), on_request=True)) == ()
    assert failing(need(), offer(sessions=(), hours=13, capacity=(window(free=2),), on_request=True)) == (
        "capacity_short",
    )


def test_lead_time_that_reaches_past_the_window_misses_it() -> None:
    asked = need(window_end=date(2027, 3, 10))
    late = offer(sessions=(), on_request=True, lead_time_days=70)
    assert failing(asked, late) == ("window_missed",)
    assert failing(asked, replace(late, lead_time_days=60)) == ()


def test_bad_instances_are_named() -> None:
    with pytest.raises(EngineError, match="bad_offer: A: participants"):
        offer(participants_min=0)
    with pytest.raises(EngineError, match="bad_offer: A: an offer has at least one theme"):
        offer(themes=frozenset())
    with pytest.raises(EngineError, match="bad_need: line 1: participants"):
        line(minimum=9, maximum=8)
    with pytest.raises(EngineError, match="the window ends before it begins"):
        need(window_end=date(2027, 1, 1))
    with pytest.raises(EngineError, match="a line number occurs twice"):
        need(line(1), line(1))
    with pytest.raises(EngineError, match="duplicate_offer"):
        world.catalogue(offer(), offer())
    with pytest.raises(EngineError, match="unknown_concept: cooking"):
        world.catalogue(offer(themes=frozenset({"cooking"})))
    with pytest.raises(EngineError, match="unknown_country: XXX"):
        world.catalogue(offer(countries=frozenset({"XXX"})))
    with pytest.raises(EngineError, match="unknown_concept: cooking"):
        world.ranking(need(line(theme="cooking")), offer())
