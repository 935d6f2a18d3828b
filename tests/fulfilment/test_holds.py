"""What an engagement on hold still lets happen: reports are answered, silence counts, and going on finds where it stands."""

from datetime import datetime, timedelta

import pytest

from fulfilment import operations, queries
from fulfilment.models import Delivery
from marketplace.audit.models import AuditRecord
from marketplace.kernel.errors import ErrorCode
from marketplace.lifecycles.deadlines import sweep
from marketplace.vocabularies.operations import change_service_level
from marketplace.work.loop import settle
from providers import operations as providers
from requests_app.models import RequestLine
from tests.factories.fulfilment import BEGUN, LATER, REPORTED, SYSTEM, Scene, attended, brought_to
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db
LONG_AFTER = REPORTED + timedelta(days=25)


def half_reported() -> Scene:
    """Two deliveries, the first reported, the engagement on hold because the session of the second is cancelled."""
    made = brought_to("agreed", parts=2)
    first, second = made.deliveries()
    operations.start_delivery(actor=made.provider, at=BEGUN, delivery_id=first.pk)
    operations.deliver_delivery(actor=made.provider, at=REPORTED, delivery_id=first.pk, participation=attended())
    providers.cancel_session(actor=SYSTEM, at=REPORTED, session_id=second.session_id or 0, reason_code="other")
    settle(clock=lambda: REPORTED)
    assert (made.fresh().state, made.fresh().held_from) == ("on_hold", "in_delivery")
    return made


def first_of(made: Scene) -> Delivery:
    return made.deliveries()[0]


def named(made: Scene) -> set[str]:
    return {"confirm", "contest"} & set(queries.delivery_actions(first_of(made), made.focal, at=REPORTED))


def confirm(made: Scene, at: datetime = LATER) -> Delivery:
    return operations.confirm_delivery(actor=made.focal, at=at, delivery_id=first_of(made).pk)


def contest(made: Scene) -> Delivery:
    return operations.contest_delivery(
        actor=made.focal, at=LATER, delivery_id=first_of(made).pk, reason_code="numbers", reason_text="Fifteen came."
    )


def drop_the_second(made: Scene, at: datetime = LATER) -> None:
    second = made.deliveries()[1]
    operations.cancel_delivery(actor=made.officer, at=at, delivery_id=second.pk, reason_code="other")


def resume(made: Scene, at: datetime = LATER) -> str:
    return operations.resume_engagement(actor=made.officer, at=at, engagement_id=made.id).state


def line_states(made: Scene) -> list[str]:
    return list(RequestLine.objects.filter(request=made.request).order_by("number").values_list("state", flat=True))


# --- the requester answers -----------------------------------------------------------------------------------------------


def test_requester_confirms_what_was_delivered_while_the_rest_is_on_hold() -> None:
    made = half_reported()
    assert named(made) == {"confirm", "contest"}

    assert confirm(made).confirmation == "requester"

    assert made.fresh().state == "on_hold"
    assert line_states(made)[0] == "delivered"
    assert named(made) == set()


def test_requester_contests_while_the_rest_is_on_hold_and_an_officer_settles_it() -> None:
    made = half_reported()
    contest(made)
    assert (made.fresh().state, first_of(made).state) == ("on_hold", "contested")

    settled = operations.confirm_delivery(
        actor=made.officer, at=LATER, delivery_id=first_of(made).pk, reason_text="The list says eighteen."
    )

    assert (settled.confirmation, made.fresh().state) == ("settlement", "on_hold")


def test_report_that_is_answered_on_hold_lets_the_engagement_be_cancelled() -> None:
    made = half_reported()
    cancel = {"actor": made.officer, "at": LATER, "engagement_id": made.id, "reason_code": "other"}
    with refusal(ErrorCode.RULE_BROKEN):
        operations.cancel_engagement(**cancel)  # type: ignore[arg-type]
    confirm(made)

    assert operations.cancel_engagement(**cancel).state == "cancelled"  # type: ignore[arg-type]
    assert line_states(made) == ["delivered", "open"]


def test_answers_are_named_where_they_are_taken() -> None:
    made = half_reported()
    made.engagement.state = "evaluating"
    delivery = first_of(made)
    delivery.engagement = made.engagement

    assert not {"confirm", "contest"} & set(queries.delivery_actions(delivery, made.focal, at=REPORTED))


# --- the requester is silent ---------------------------------------------------------------------------------------------


def test_silence_counts_on_hold_too() -> None:
    made = half_reported()
    sweep(at=LONG_AFTER)
    settle(clock=lambda: LONG_AFTER)

    assert (first_of(made).state, first_of(made).confirmation) == ("confirmed", "silence")
    assert made.fresh().state == "on_hold"


def test_engagement_goes_on_to_evaluation_when_silence_has_confirmed_all_that_is_left() -> None:
    made = half_reported()
    sweep(at=LONG_AFTER)
    settle(clock=lambda: LONG_AFTER)
    drop_the_second(made, LONG_AFTER)

    assert resume(made, LONG_AFTER) == "evaluating"
    assert made.fresh().step == "evaluation.level1"


def test_silence_whose_effect_was_lost_counts_when_the_engagement_goes_on() -> None:
    made = half_reported()
    drop_the_second(made)
    Delivery.objects.filter(pk=first_of(made).pk).update(escalated_at=LATER)  # the job found nobody to confirm

    assert resume(made, LONG_AFTER) == "evaluating"

    assert first_of(made).confirmation == "silence"
    record = AuditRecord.objects.filter(resource="delivery", action="confirm").get()
    assert record.actor_kind == "system"


def test_deadline_that_still_runs_goes_on_running() -> None:
    made = half_reported()
    drop_the_second(made)

    assert resume(made) == "delivered"

    assert first_of(made).state == "delivered"
    assert (made.fresh().waiting_for, made.fresh().step) == ("requester", "delivery.confirm")


def test_silence_says_nothing_where_the_secretariat_switched_its_effect_off() -> None:
    change_service_level(step="delivery.confirm", changes={"deadline_effect": "none"}, by="demo-head", at=BEGUN)
    made = half_reported()
    drop_the_second(made)

    assert resume(made, LONG_AFTER) == "delivered"
    assert first_of(made).state == "delivered"


# --- going on --------------------------------------------------------------------------------------------------------------


def test_engagement_goes_on_to_evaluation_when_all_that_is_left_is_confirmed() -> None:
    made = half_reported()
    confirm(made)
    drop_the_second(made)
    assert made.fresh().state == "on_hold"

    assert resume(made) == "evaluating"

    assert (made.fresh().held_from, made.fresh().hold_reason) == ("", "")


def test_engagement_with_something_to_deliver_goes_on_delivering() -> None:
    made = brought_to("in_delivery", parts=2)
    operations.hold_engagement(actor=made.officer, at=BEGUN, engagement_id=made.id, reason_code="security")

    assert resume(made, BEGUN) == "in_delivery"
    assert (made.fresh().waiting_for, made.fresh().step) == ("provider", "delivery.report")


def test_engagement_that_had_not_begun_goes_on_where_it_was() -> None:
    made = brought_to("agreed", parts=2)
    operations.hold_engagement(actor=made.officer, at=BEGUN, engagement_id=made.id, reason_code="security")

    assert resume(made, BEGUN) == "agreed"
