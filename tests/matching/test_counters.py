"""Other terms: within the limits of the request, agreed by both sides, and then taken over whole."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from marketplace.kernel.errors import ErrorCode
from matching import operations, queries
from matching.models import Counter, MatchProposal, ProposalPart
from matching.operations import CounterTerms
from matching.operations.limits import spread
from providers.models import CapacityHold, CapacityWindow, Session
from requests_app.models import LineClaim, RequestLine, TrainingRequest
from tests.factories.accounts import AT, member
from tests.factories.matching import MarketScene, accepted, approved, later, market, ranked, refused, work
from tests.factories.providers import CapacityWindowFactory, SessionFactory
from tests.kit.copies import copied
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db


@copied
def asked(**changes: Any) -> tuple[MarketScene, ProposalPart]:
    """One partner is asked."""
    scene = ranked(**changes)
    [part] = scene.parts(approved(scene))
    return scene, part


@copied
def on_window(*, quantity: int = 20, unit: str = "trainer_days") -> tuple[MarketScene, ProposalPart, CapacityWindow]:
    """One partner is asked for trainers of a declared capacity."""
    scene = market(offerings_per_theme=1, with_sessions=False)
    window = CapacityWindowFactory.create(provider=scene.offerings[0].provider, quantity=quantity, unit=unit)
    work()
    [part] = scene.parts(approved(scene))
    assert part.slot_kind == "capacity_window"
    return scene, part, window


def counter(scene: MarketScene, part: ProposalPart, *, at: Any = AT, reason: str = "", **terms: Any) -> MatchProposal:
    actor = scene.provider(part.offering)
    return operations.counter_part(actor=actor, at=at, part_id=part.pk, terms=CounterTerms(**terms), reason=reason)


def agree(scene: MarketScene, part: ProposalPart, *, at: Any = AT) -> MatchProposal:
    operations.consent_counter(actor=scene.focal, at=at, part_id=part.pk, agree=True)
    return operations.consent_counter(actor=scene.officer, at=at, part_id=part.pk, agree=True)


# --- consent ------------------------------------------------------------------------------------------------------


def test_counter_waits_for_requester_and_secretariat_and_keeps_what_is_held() -> None:
    scene, part = asked()
    counter(scene, part, cost_amount=Decimal("19500.00"), cost_currency="USD", reason="Travel is dearer")
    part.refresh_from_db()
    assert (part.state, part.waiting_for, part.step) == (
        "countered",
        "requester_and_secretariat",
        "proposal.counter_consent",
    )
    assert CapacityHold.objects.get(holder=part.public_id).state == "held"
    assert LineClaim.objects.filter(claimant=part.public_id, released_at=None).exists()


def test_one_consent_is_not_enough_and_both_make_it_accepted() -> None:
    scene, part = asked()
    counter(scene, part, cost_amount=Decimal("19500.00"), cost_currency="USD")
    half = operations.consent_counter(actor=scene.focal, at=AT, part_id=part.pk, agree=True)
    part.refresh_from_db()
    assert (half.state, part.state) == ("approved", "countered")
    with refusal(ErrorCode.ALREADY_ANSWERED):
        operations.consent_counter(actor=scene.focal, at=AT, part_id=part.pk, agree=True)
    done = operations.consent_counter(actor=scene.officer, at=AT, part_id=part.pk, agree=True)
    part.refresh_from_db()
    assert (done.state, part.state) == ("confirmed", "accepted")
    assert (part.cost_amount, part.cost_currency) == (Decimal("19500.00"), "USD")
    [terms] = queries.agreed_terms(done.pk).parts
    assert (terms.cost, terms.currency) == (Decimal("19500.00"), "USD")
    assert Counter.objects.get(part=part).outcome == "agreed"


def test_nobody_but_the_two_sides_consents() -> None:
    scene, part = asked()
    counter(scene, part, terms="Two trainers instead of three")
    for actor in (scene.provider(part.offering), member(scene.requester, "viewer")):
        with refusal(ErrorCode.PERMISSION_DENIED):
            operations.consent_counter(actor=actor, at=AT, part_id=part.pk, agree=True)


def test_dissent_puts_the_first_question_again_for_five_more_days() -> None:
    scene, part = asked()
    counter(scene, part, cost_amount=Decimal("30000.00"), cost_currency="USD")
    operations.consent_counter(actor=scene.officer, at=AT, part_id=part.pk, agree=False, reason_text="Too dear")
    part.refresh_from_db()
    assert (part.state, part.waiting_for, part.due_at) == ("asked", "provider", later(7))
    assert Counter.objects.get(part=part).outcome == "rejected"
    hold = CapacityHold.objects.get(holder=part.public_id)
    assert hold.expires_at is not None
    assert hold.expires_at > later(7)
    assert accepted(scene, part).state == "confirmed"
    part.refresh_from_db()
    assert part.cost_amount != Decimal("30000.00")


def test_counter_that_nobody_answers_lapses_and_the_question_stands_for_five_more_days() -> None:
    scene, part = asked()
    counter(scene, part, terms="Other trainers")
    work(later(8))
    part.refresh_from_db()
    assert (part.state, Counter.objects.get(part=part).outcome) == ("asked", "lapsed")
    assert part.due_at == later(15)  # five working days after the Tuesday
    work(later(16))
    part.refresh_from_db()
    assert part.state == "lapsed"


def test_partner_may_still_refuse_after_a_counter() -> None:
    scene, part = asked()
    counter(scene, part, terms="Other trainers")
    refused(scene, part)
    part.refresh_from_db()
    assert (part.state, Counter.objects.get(part=part).outcome) == ("refused", "withdrawn")


def test_counter_is_an_answer_so_the_approval_can_no_longer_be_taken_back() -> None:
    scene, part = asked()
    counter(scene, part, terms="Other trainers")
    with refusal(ErrorCode.ALREADY_ANSWERED):
        operations.retract_approval(actor=scene.officer, at=AT, proposal_id=part.proposal_id)


# --- terms taken over ---------------------------------------------------------------------------------------------


def test_other_session_moves_the_seats_and_brings_its_dates_and_place() -> None:
    scene, part = asked(offerings_per_theme=1)
    other = SessionFactory.create(
        offering=part.offering,
        city="Kayes",
        country="MLI",
        seats_total=40,
        start_on=date(2027, 5, 3),
        end_on=date(2027, 5, 5),
    )
    former = part.session_id
    counter(scene, part, session_id=other.pk)
    assert Session.objects.get(pk=other.pk).seats_held == 0  # nothing moves before the consent
    assert agree(scene, part).state == "confirmed"
    part.refresh_from_db()
    assert (part.session_id, part.start_on, part.end_on) == (other.pk, date(2027, 5, 3), date(2027, 5, 5))
    assert part.place == {"country": "MLI", "city": "Kayes"}
    assert Session.objects.get(pk=former or 0).seats_held == 0
    assert Session.objects.get(pk=other.pk).seats_held == part.participants


def test_session_that_filled_up_before_the_consent_leaves_all_as_it_was() -> None:
    scene, part = asked(offerings_per_theme=1)
    other = SessionFactory.create(
        offering=part.offering, seats_total=40, start_on=date(2027, 5, 3), end_on="2027-05-05"
    )
    counter(scene, part, session_id=other.pk)
    Session.objects.filter(pk=other.pk).update(seats_confirmed=35)
    operations.consent_counter(actor=scene.focal, at=AT, part_id=part.pk, agree=True)
    with refusal(ErrorCode.CAPACITY_EXHAUSTED):
        operations.consent_counter(actor=scene.officer, at=AT, part_id=part.pk, agree=True)
    former = part.session_id
    part.refresh_from_db()
    assert (part.state, part.session_id) == ("countered", former)
    assert Session.objects.get(pk=former or 0).seats_held == part.participants


def test_fewer_participants_give_seats_and_the_rest_of_the_line_back() -> None:
    scene, part = asked(offerings_per_theme=1)
    counter(scene, part, participants=18)
    agree(scene, part)
    part.refresh_from_db()
    assert (part.participants, part.capacity_wanted, part.lines.get().participants) == (18, 18, 18)
    assert Session.objects.get(pk=part.session_id or 0).seats_held == 18
    assert RequestLine.objects.get(request=scene.request).claimed == 18


def test_terms_of_a_part_on_request_are_taken_over_without_any_capacity() -> None:
    scene, part = asked(with_sessions=False)
    assert part.slot_kind == "on_request"
    counter(scene, part, start_on=date(2027, 4, 12), end_on=date(2027, 4, 14), language="fr")
    assert agree(scene, part).state == "confirmed"
    part.refresh_from_db()
    assert (part.start_on, part.end_on, part.language) == (date(2027, 4, 12), date(2027, 4, 14), "fr")
    assert not CapacityHold.objects.exists()


def test_part_on_request_may_move_to_a_session() -> None:
    scene, part = asked(with_sessions=False)
    session = SessionFactory.create(offering=part.offering, seats_total=40)
    counter(scene, part, session_id=session.pk)
    assert agree(scene, part).state == "confirmed"
    assert Session.objects.get(pk=session.pk).seats_held == part.participants


def test_other_numbers_change_the_trainer_days_of_a_window() -> None:
    scene, part, window = on_window()
    window.refresh_from_db()
    assert (part.participants, part.deliveries, window.held) == (30, 1, 3)  # 14 hours are three days of a trainer
    counter(scene, part, participants=20)
    agree(scene, part)
    window.refresh_from_db()
    assert window.held == 3


def test_move_from_a_window_to_a_session_gives_the_trainer_days_back() -> None:
    scene, part, window = on_window()
    session = SessionFactory.create(offering=part.offering, seats_total=40)
    counter(scene, part, session_id=session.pk)
    agree(scene, part)
    window.refresh_from_db()
    assert window.held == 0
    assert Session.objects.get(pk=session.pk).seats_held == part.participants


# --- limits -------------------------------------------------------------------------------------------------------

FROM_SESSION: list[tuple[dict[str, Any], str, str]] = [
    ({}, "", "nothing_countered"),
    ({"start_on": date(2027, 4, 1), "end_on": date(2027, 4, 3)}, "/period", "session_has_dates"),
    ({"start_on": date(2027, 4, 1)}, "/period", "dates_incomplete"),
    ({"start_on": date(2027, 4, 3), "end_on": date(2027, 4, 1)}, "/period", "dates_reversed"),
    ({"session_id": 0}, "/session", "session_not_bookable"),
    ({"language": "ar"}, "/language", "language_not_asked"),
    ({"participants": 31}, "/participants", "participants_out_of_range"),
    ({"participants": 14}, "/participants", "participants_out_of_range"),
    ({"cost_amount": Decimal(10), "cost_currency": ""}, "/cost/currency", "currency_missing"),
    ({"cost_amount": Decimal("45000.01"), "cost_currency": "USD"}, "/cost", "over_ceiling"),
]


@pytest.mark.parametrize(("terms", "pointer", "code"), FROM_SESSION, ids=[code for _, _, code in FROM_SESSION])
def test_terms_beyond_the_limits_are_refused_with_their_place(terms: dict[str, Any], pointer: str, code: str) -> None:
    scene, part = asked(funding_state="secured")
    if terms.get("session_id") == 0:
        terms = {"session_id": SessionFactory.create(offering=part.offering, state="cancelled").pk}
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        counter(scene, part, **terms)
    assert [(error.pointer, error.code) for error in caught.value.errors] == [(pointer, code)]
    part.refresh_from_db()
    assert part.state == "asked"
    assert not Counter.objects.exists()


def test_every_term_beyond_the_limits_is_named_at_once() -> None:
    scene, part = asked(with_sessions=False, funding_state="secured")
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        counter(
            scene,
            part,
            start_on=date(2027, 7, 1),
            end_on=date(2027, 7, 2),
            language="ar",
            participants=99,
            cost_amount=Decimal(90000),
            cost_currency="USD",
        )
    assert [error.code for error in caught.value.errors] == [
        "outside_window",
        "language_not_asked",
        "participants_out_of_range",
        "over_ceiling",
    ]


def test_session_of_another_offering_or_outside_the_window_is_refused() -> None:
    scene, part = asked(offerings_per_theme=1)
    late = SessionFactory.create(offering=part.offering, start_on=date(2027, 8, 2), end_on=date(2027, 8, 4))
    small = SessionFactory.create(offering=part.offering, seats_total=20)
    found = []
    for session in (SessionFactory.create(), late, small):
        with refusal(ErrorCode.RULE_BROKEN) as caught:
            counter(scene, part, session_id=session.pk)
        found.append([error.code for error in caught.value.errors])
    assert found == [["session_not_bookable"], ["outside_window"], ["too_few_seats"]]


def test_days_beyond_the_declared_capacity_are_refused() -> None:
    scene = market(offerings_per_theme=1, with_sessions=False)
    provider = scene.offerings[0].provider
    CapacityWindowFactory.create(provider=provider, start_on=date(2027, 1, 1), end_on=date(2027, 4, 30))
    work()
    [part] = scene.parts(approved(scene))
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        counter(scene, part, start_on=date(2027, 5, 10), end_on=date(2027, 5, 12))
    assert [error.code for error in caught.value.errors] == ["outside_capacity"]


def test_ceiling_counts_all_partners_together() -> None:
    scene = ranked(
        themes=("mainstreaming", "trafficking"),
        offerings_per_theme=1,
        funding_state="secured",
        budget_ceiling=Decimal(60000),
    )
    first, second = scene.parts(approved(scene))
    assert second.cost_amount == Decimal(24000)
    with refusal(ErrorCode.RULE_BROKEN):
        counter(scene, first, cost_amount=Decimal(36001), cost_currency="USD")
    counter(scene, first, cost_amount=Decimal(36000), cost_currency="USD")


def dearer(scene: MarketScene, cost: int) -> list[ProposalPart]:
    """Two partners of one proposal offer other terms at a price, each within what the other's first price leaves."""
    parts = scene.parts(approved(scene))
    for part in parts:
        counter(scene, part, cost_amount=Decimal(cost), cost_currency="USD")
    return parts


def secured(ceiling: int) -> MarketScene:
    facts: dict[str, Any] = {"funding_state": "secured", "budget_ceiling": Decimal(ceiling)}
    return ranked(themes=("mainstreaming", "trafficking"), offerings_per_theme=1, **facts)


def test_two_dearer_offers_that_exceed_the_ceiling_together_are_not_both_agreed() -> None:
    scene = secured(60_000)
    first, second = dearer(scene, 36_000)
    agree(scene, first)
    operations.consent_counter(actor=scene.focal, at=AT, part_id=second.pk, agree=True)
    decisions = second.proposal.decisions.count()
    with refusal(ErrorCode.CEILING_EXCEEDED) as caught:
        operations.consent_counter(actor=scene.officer, at=AT, part_id=second.pk, agree=True)
    assert caught.value.params == {"cost": "USD 72,000.00", "ceiling": "USD 60,000.00", "left": "USD 60,000.00"}
    second.refresh_from_db()
    assert (second.state, second.cost_amount) == ("countered", Decimal(24_000))
    stands = Counter.objects.get(part=second)
    assert (stands.closed_at, stands.requester_consent, stands.secretariat_consent) == (None, True, None)
    assert second.proposal.decisions.count() == decisions
    operations.consent_counter(actor=scene.officer, at=AT, part_id=second.pk, agree=False)
    assert accepted(scene, second).state == "confirmed"  # at the price of the question, which the ceiling pays


def test_two_dearer_offers_that_the_ceiling_pays_are_both_agreed() -> None:
    scene = secured(60_000)
    first, second = dearer(scene, 30_000)
    agree(scene, first)
    assert agree(scene, second).state == "confirmed"


def test_other_terms_that_name_no_price_are_agreed_whatever_the_ceiling_has_become() -> None:
    scene = secured(60_000)
    [part, _] = scene.parts(approved(scene))
    counter(scene, part, terms="Other trainers")
    TrainingRequest.objects.filter(pk=scene.request.pk).update(budget_ceiling=Decimal(1))
    agree(scene, part)
    part.refresh_from_db()
    assert part.state == "accepted"


def test_price_above_a_ceiling_without_money_behind_it_is_no_matter() -> None:
    scene, part = asked(funding_state="sought")
    counter(scene, part, cost_amount=Decimal(90000), cost_currency="USD")
    part.refresh_from_db()
    assert part.state == "countered"


@pytest.mark.parametrize(
    ("participants", "shares", "expected"),
    [(10, [5, 5], [5, 5]), (11, [5, 5], [6, 5]), (3, [98, 1, 1], [1, 1, 1]), (30, [20, 10], [20, 10]), (7, [3], [7])],
)
def test_participants_are_spread_in_proportion(participants: int, shares: list[int], expected: list[int]) -> None:
    assert spread(participants, shares) == expected
