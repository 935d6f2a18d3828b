"""A session that is moved under an engagement: what was agreed stays agreed, on hold, until the parties say what holds now."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from fulfilment import operations
from fulfilment.models import Delivery
from fulfilment.operations import ChangeTerms, DeliveryTerms
from fulfilment.queries.standing import is_elsewhere
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import ErrorCode
from marketplace.work.loop import settle
from providers import operations as providers
from providers.models import Session
from tests.factories.fulfilment import AT, BEGUN, SYSTEM, DeliveryFactory, EngagementFactory, Scene, brought_to
from tests.factories.providers import SessionFactory
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db
SOON, LATER = AT + timedelta(hours=1), AT + timedelta(hours=2)
NEW_DAYS: dict[str, Any] = {"start_on": date(2027, 4, 12), "end_on": date(2027, 4, 14)}
MOVES: dict[str, dict[str, Any]] = {
    "other days": NEW_DAYS,
    "a day longer": {"end_on": date(2027, 3, 11)},
    "other city": {"city": "Thiès"},
    "other country": {"city": "Bamako", "country": "MLI"},
}


def move(made: Scene, at: datetime = SOON, place: int = 0, **facts: Any) -> Session:
    session = providers.change_session(actor=SYSTEM, at=at, session_id=made.sessions[place].pk, facts=facts)
    settle(clock=lambda: at)
    return session


def ready(state: str = "agreed", **changes: Any) -> Scene:
    """An engagement whose deliveries name the city and country of their session, as those of a proposal do."""
    made = brought_to(state, **changes)
    settle(clock=lambda: AT)
    return made


def stands(made: Scene) -> tuple[str, str]:
    return made.fresh().state, made.fresh().hold_reason


def agree_on(made: Scene, at: datetime = LATER, **terms: Any) -> None:
    change = ChangeTerms(deliveries=(DeliveryTerms(1, **terms),))
    operations.propose_change(actor=made.provider, at=at, engagement_id=made.id, terms=change)
    operations.agree_change(actor=made.focal, at=at, engagement_id=made.id)
    operations.agree_change(actor=made.officer, at=at, engagement_id=made.id)


def resume(made: Scene, at: datetime = LATER) -> str:
    return operations.resume_engagement(actor=made.officer, at=at, engagement_id=made.id).state


# --- on hold -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["planned", "agreed"])
@pytest.mark.parametrize("how", sorted(MOVES))
def test_moved_session_puts_its_engagement_on_hold_and_what_was_agreed_stays(how: str, state: str) -> None:
    made = ready(state)

    move(made, **MOVES[how])

    assert (stands(made), made.fresh().held_from) == (("on_hold", "session_moved"), state)
    assert (made.fresh().waiting_for, made.fresh().step) == ("secretariat", "engagement.rebook")
    delivery = made.deliveries()[0]
    assert (delivery.start_on, delivery.end_on, delivery.city) == (date(2027, 3, 8), date(2027, 3, 10), "Dakar")
    told = OutboxEvent.objects.get(type="engagement.held")
    assert told.data["reason_code"] == "session_moved"


@pytest.mark.parametrize(
    "facts", [{"seats_total": 40}, {"languages": ["en"]}, {"venue": "Room 5"}, {"enrolment_deadline": date(2027, 3, 1)}]
)
def test_what_else_changes_of_a_session_holds_nothing(facts: dict[str, Any]) -> None:
    made = ready()

    move(made, **facts)

    assert stands(made) == ("agreed", "")


def test_every_engagement_that_stands_on_the_session_is_held_and_no_other() -> None:
    made, other, apart = ready(), ready(), ready()
    Delivery.objects.filter(engagement=other.engagement).update(session=made.sessions[0])

    move(made, **NEW_DAYS)

    assert stands(made) == stands(other) == ("on_hold", "session_moved")
    assert stands(apart) == ("agreed", "")


def test_following_is_safe_to_repeat() -> None:
    made = ready()
    session = move(made, **NEW_DAYS)
    version = made.fresh().version

    assert operations.hold_for_move(actor=SYSTEM, at=LATER, session_id=session.public_id) == 0

    assert made.fresh().version == version


def test_delivery_that_has_begun_is_left_alone() -> None:
    made = ready("in_delivery")

    move(made, at=BEGUN, **NEW_DAYS)

    assert stands(made) == ("in_delivery", "")


def test_second_delivery_that_is_still_planned_holds_what_is_under_way() -> None:
    made = ready(parts=2)
    first, second = made.deliveries()
    operations.start_delivery(actor=made.provider, at=BEGUN, delivery_id=first.pk)

    move(made, at=BEGUN, place=1, **NEW_DAYS)

    assert (stands(made), made.fresh().held_from) == (("on_hold", "session_moved"), "in_delivery")
    second.refresh_from_db()
    assert second.start_on == date(2027, 3, 8)


def test_cancelled_delivery_holds_nothing() -> None:
    made = ready(parts=2)
    second = made.deliveries()[1]
    operations.cancel_delivery(actor=made.officer, at=AT, delivery_id=second.pk, reason_code="other")

    move(made, place=1, **NEW_DAYS)

    assert stands(made) == ("agreed", "")


def test_session_that_follows_what_the_parties_agreed_on_holds_nothing() -> None:
    made = ready()
    agree_on(made, at=SOON, **NEW_DAYS)

    move(made, at=LATER, **NEW_DAYS)

    assert stands(made) == ("agreed", "")


# --- on from there -----------------------------------------------------------------------------------------------------


def on_the_moved_session(made: Scene) -> dict[str, Any]:
    return {"session_id": made.sessions[0].pk}


def on_its_days(made: Scene) -> dict[str, Any]:
    return NEW_DAYS


def on_another_session(made: Scene) -> dict[str, Any]:
    return {"session_id": SessionFactory.create(offering=made.sessions[0].offering).pk}


def on_what_stood(made: Scene) -> dict[str, Any]:
    delivery = made.deliveries()[0]
    return {"start_on": delivery.start_on, "end_on": delivery.end_on}


@pytest.mark.parametrize("way", [on_the_moved_session, on_its_days, on_another_session, on_what_stood])
def test_engagement_goes_on_when_the_parties_have_agreed_on_what_holds_now(
    way: Callable[[Scene], dict[str, Any]],
) -> None:
    made = ready()
    move(made, **NEW_DAYS)
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        resume(made)
    assert [(error.pointer, error.code) for error in caught.value.errors] == [("/deliveries/1", "session_moved")]

    terms = way(made)
    agree_on(made, **terms)

    assert resume(made) == "agreed"
    assert made.deliveries()[0].start_on == made.fresh().start_on
    if way in (on_the_moved_session, on_its_days):
        assert made.fresh().start_on == date(2027, 4, 12)
    settle(clock=lambda: LATER)
    assert operations.hold_for_move(actor=SYSTEM, at=LATER, session_id=made.sessions[0].public_id) == 0


def test_engagement_goes_on_when_the_session_was_moved_back() -> None:
    made = ready()
    move(made, **NEW_DAYS)
    move(made, at=LATER, start_on=date(2027, 3, 8), end_on=date(2027, 3, 10))

    assert resume(made) == "agreed"


def test_session_that_moves_while_the_engagement_is_on_hold_for_another_reason_is_seen_when_it_goes_on() -> None:
    made = ready()
    operations.hold_engagement(actor=made.officer, at=AT, engagement_id=made.id, reason_code="security")
    move(made, **NEW_DAYS)
    assert stands(made) == ("on_hold", "security")

    with refusal(ErrorCode.RULE_BROKEN) as caught:
        resume(made)

    assert caught.value.errors[0].code == "session_moved"


# --- what differs --------------------------------------------------------------------------------------------------------


def placed(session: dict[str, Any], **delivery: Any) -> Delivery:
    sits_in = SessionFactory.create(**session)
    return DeliveryFactory.create(
        engagement=EngagementFactory.create(), offering=sits_in.offering, session=sits_in, **delivery
    )


MONTH = {"start_on": date(2027, 3, 1), "end_on": date(2027, 3, 31), "precision": "month"}


@pytest.mark.parametrize(
    ("session", "delivery", "elsewhere"),
    [
        ({}, {}, False),
        (NEW_DAYS, {}, True),
        (NEW_DAYS, {"start_on": None, "end_on": None}, False),
        ({}, MONTH, False),
        (NEW_DAYS, MONTH, True),
        ({"start_on": date(2027, 2, 28)}, MONTH, True),
        ({}, {"city": "Dakar", "country": "SEN"}, False),
        ({}, {"city": "Thiès"}, True),
        ({}, {"country": "MLI"}, True),
        ({"venue": "Room 5"}, {"venue": "Room 4"}, True),
        ({"state": "cancelled", **NEW_DAYS}, {}, False),
    ],
)
def test_session_is_elsewhere_where_days_or_place_are_not_those_agreed(
    session: dict[str, Any], delivery: dict[str, Any], elsewhere: bool
) -> None:
    assert is_elsewhere(placed(session, **delivery)) is elsewhere


def test_delivery_without_a_session_is_where_it_was_agreed() -> None:
    assert not is_elsewhere(DeliveryFactory.create(engagement=EngagementFactory.create()))


def test_what_was_agreed_after_the_last_word_on_the_session_is_what_holds() -> None:
    agreed = placed({**NEW_DAYS, "city": "Thiès"}, city="Dakar", updated_at=SOON)
    assert not is_elsewhere(agreed)
    Session.objects.update(updated_at=SOON)
    agreed = Delivery.objects.get(pk=agreed.pk)
    assert is_elsewhere(agreed, place=False)
    assert is_elsewhere(agreed, days=False)
    assert not is_elsewhere(agreed, days=False, place=False)


def test_days_of_a_proposal_are_those_that_its_session_had_and_its_place_may_be_another() -> None:
    matched = placed(NEW_DAYS, city="Thiès", created_at=SOON, updated_at=SOON)

    assert is_elsewhere(matched, place=False)
    assert not is_elsewhere(matched, days=False)
