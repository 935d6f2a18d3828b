"""Holding, resuming, cancelling, single deliveries, and what follows from events elsewhere."""

from datetime import date, datetime, timedelta

import pytest

from fulfilment import operations
from fulfilment.lifecycle import ENGAGEMENT
from fulfilment.models import Change, Delivery, Engagement, Milestone
from fulfilment.operations import ChangeTerms, DeliveryTerms
from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.lifecycles.deadlines import meet_deadline
from marketplace.work.loop import settle
from providers import operations as providers
from providers.models import CapacityHold, Provider, Session
from requests_app import operations as requests
from requests_app.models import RequestLine, TrainingRequest
from tests.factories.accounts import MembershipFactory
from tests.factories.fulfilment import AT, BEGUN, CONFIRMED, LATER, REPORTED, SYSTEM, Scene, attended, brought_to, scene

pytestmark = pytest.mark.django_db


def broken(call: object) -> str:
    assert callable(call)
    with pytest.raises(DomainError) as caught:
        call()
    assert caught.value.code == ErrorCode.RULE_BROKEN, caught.value
    return caught.value.errors[0].code


def line_states(made: Scene) -> list[str]:
    return list(RequestLine.objects.filter(request=made.request).order_by("number").values_list("state", flat=True))


def held(made: Scene) -> set[str]:
    parts = [part.part_id for part in made.terms.parts]
    return set(CapacityHold.objects.filter(holder__in=parts).values_list("state", flat=True))


# --- hold and resume -------------------------------------------------------------------------------------------------


def test_hold_gives_the_secretariat_ten_working_days_to_rebook_or_release() -> None:
    made = scene()

    on_hold = operations.hold_engagement(actor=made.officer, at=AT, engagement_id=made.id, reason_code="security")

    assert (on_hold.state, on_hold.held_from, on_hold.waiting_for) == ("on_hold", "planned", "secretariat")
    assert on_hold.step == "engagement.rebook"
    assert on_hold.due_at == datetime.fromisoformat("2026-12-07T09:00:00+00:00")


def test_resume_gives_back_what_was_left_of_the_clock() -> None:
    made = scene()  # due after fifteen working days
    day = AT + timedelta(days=7)  # five of them used
    operations.hold_engagement(actor=made.officer, at=day, engagement_id=made.id, reason_code="security")

    resumed = operations.resume_engagement(actor=made.officer, at=day + timedelta(days=28), engagement_id=made.id)

    assert (resumed.state, resumed.held_from) == ("planned", "")
    assert resumed.due_at == day + timedelta(days=28 + 14)


@pytest.mark.parametrize("state", ["planned", "agreed", "in_delivery"])
def test_resume_returns_to_where_it_was(state: str) -> None:
    made = brought_to(state)
    operations.hold_engagement(actor=made.officer, at=BEGUN, engagement_id=made.id, reason_code="health")

    assert operations.resume_engagement(actor=made.officer, at=BEGUN, engagement_id=made.id).state == state


# --- cancel ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["planned", "agreed", "in_delivery"])
def test_cancelling_opens_the_lines_and_frees_the_seats(state: str) -> None:
    made = brought_to(state, parts=2)

    cancelled = operations.cancel_engagement(
        actor=made.officer, at=LATER, engagement_id=made.id, reason_code="funding_lost"
    )

    assert (cancelled.state, cancelled.waiting_for) == ("cancelled", "nobody")
    assert line_states(made) == ["open", "open"]
    assert held(made) == {"released"}
    assert {row.state for row in made.deliveries()} == {"cancelled"}
    assert TrainingRequest.objects.get(pk=made.request.pk).state == "open"
    assert not Milestone.objects.filter(engagement=made.engagement, state="open").exists()
    for session in Session.objects.all():
        assert (session.seats_held, session.seats_confirmed) == (0, 0)


def test_cancelling_keeps_what_was_delivered_and_confirmed() -> None:
    made = brought_to("in_delivery", parts=2)
    first = made.deliveries()[0]
    operations.deliver_delivery(actor=made.provider, at=REPORTED, delivery_id=first.pk, participation=attended())
    operations.confirm_delivery(actor=made.focal, at=CONFIRMED, delivery_id=first.pk)

    operations.cancel_engagement(actor=made.officer, at=LATER, engagement_id=made.id, reason_code="security")

    assert [row.state for row in made.deliveries()] == ["confirmed", "cancelled"]
    assert line_states(made) == ["delivered", "open"]


def test_cancelling_waits_for_an_open_report() -> None:
    made = brought_to("in_delivery", parts=2)
    first = made.deliveries()[0]
    operations.deliver_delivery(actor=made.provider, at=REPORTED, delivery_id=first.pk, participation=attended())

    assert (
        broken(
            lambda: operations.cancel_engagement(
                actor=made.officer, at=LATER, engagement_id=made.id, reason_code="security"
            )
        )
        == "report_open"
    )


def test_cancelling_lets_an_open_change_fall_away() -> None:
    made = scene()
    terms = ChangeTerms(deliveries=(DeliveryTerms(1, end_on=date(2027, 3, 11)),))
    operations.propose_change(actor=made.provider, at=AT, engagement_id=made.id, terms=terms)

    operations.cancel_engagement(actor=made.officer, at=AT, engagement_id=made.id, reason_code="other")

    assert Change.objects.get().state == "superseded"


# --- single deliveries ---------------------------------------------------------------------------------------------------


def test_first_delivery_starts_the_engagement_and_the_last_report_delivers_it() -> None:
    made = brought_to("agreed", parts=2)
    first, second = made.deliveries()
    operations.start_delivery(actor=made.provider, at=BEGUN, delivery_id=first.pk)
    assert made.fresh().state == "in_delivery"
    operations.deliver_delivery(actor=made.provider, at=REPORTED, delivery_id=first.pk, participation=attended())
    assert made.fresh().state == "in_delivery"
    operations.start_delivery(actor=made.provider, at=REPORTED, delivery_id=second.pk)
    operations.deliver_delivery(actor=made.provider, at=REPORTED, delivery_id=second.pk, participation=attended())

    assert made.fresh().state == "delivered"
    operations.confirm_delivery(actor=made.focal, at=CONFIRMED, delivery_id=first.pk)
    assert made.fresh().state == "delivered"
    operations.confirm_delivery(actor=made.focal, at=CONFIRMED, delivery_id=second.pk)
    assert made.fresh().state == "evaluating"


def test_partner_reports_its_own_delivery_but_not_that_of_another() -> None:
    made = brought_to("in_delivery", parts=2)
    first, second = made.deliveries()
    partner = Actor.for_user(
        MembershipFactory.create(organization=second.provider.organization, role="provider_staff").user
    )
    counts = attended(16)

    operations.record_participation(actor=partner, at=BEGUN, delivery_id=second.pk, counts=counts)
    with pytest.raises(DomainError) as caught:
        operations.record_participation(actor=partner, at=BEGUN, delivery_id=first.pk, counts=counts)

    assert caught.value.code == ErrorCode.PERMISSION_DENIED


def test_contesting_one_delivery_takes_a_delivered_engagement_back() -> None:
    made = brought_to("delivered", parts=2)
    first = made.deliveries()[0]

    operations.contest_delivery(actor=made.focal, at=CONFIRMED, delivery_id=first.pk, reason_code="quality_concern")

    assert made.fresh().state == "in_delivery"
    assert [row.state for row in made.deliveries()] == ["contested", "delivered"]


def test_contested_report_is_settled_by_the_secretariat_in_writing() -> None:
    made = brought_to("delivered")
    only = made.deliveries()[0]
    operations.contest_delivery(actor=made.focal, at=CONFIRMED, delivery_id=only.pk, reason_code="numbers")

    def settle_it(text: str) -> Delivery:
        return operations.confirm_delivery(actor=made.officer, at=LATER, delivery_id=only.pk, reason_text=text)

    assert broken(lambda: settle_it(" ")) == "reason_missing"
    assert settle_it("The signed list proves eighteen.").confirmation == "settlement"
    assert made.fresh().state == "evaluating"


def test_requester_does_not_settle_what_it_contested() -> None:
    made = brought_to("delivered")
    only = made.deliveries()[0]
    operations.contest_delivery(actor=made.focal, at=CONFIRMED, delivery_id=only.pk, reason_code="numbers")

    with pytest.raises(DomainError) as caught:
        operations.confirm_delivery(actor=made.focal, at=LATER, delivery_id=only.pk, reason_text="After all.")

    assert caught.value.code == ErrorCode.PERMISSION_DENIED


def test_cancelled_delivery_gives_its_seats_and_participants_back() -> None:
    made = brought_to("agreed", deliveries=2)
    _first, second = made.deliveries()

    operations.cancel_delivery(actor=made.officer, at=AT, delivery_id=second.pk, reason_code="too_few_participants")

    session = Session.objects.get(pk=made.sessions[0].pk)
    assert (session.seats_held, session.seats_confirmed) == (0, 10)
    assert RequestLine.objects.get(request=made.request).claimed == 10


def test_last_delivery_is_not_cancelled_alone() -> None:
    made = brought_to("agreed")
    only = made.deliveries()[0]

    code = broken(
        lambda: operations.cancel_delivery(actor=made.officer, at=AT, delivery_id=only.pk, reason_code="other")
    )

    assert code == "last_delivery"


def test_cancelling_the_last_unreported_delivery_delivers_the_engagement() -> None:
    made = brought_to("in_delivery", parts=2)
    first, second = made.deliveries()
    operations.deliver_delivery(actor=made.provider, at=REPORTED, delivery_id=first.pk, participation=attended())

    operations.cancel_delivery(actor=made.officer, at=LATER, delivery_id=second.pk, reason_code="provider_failed")

    assert made.fresh().state == "delivered"
    assert line_states(made) == ["agreed", "open"]


# --- what follows from elsewhere -----------------------------------------------------------------------------------------


def test_cancelled_session_puts_its_engagement_on_hold_by_the_event() -> None:
    made, other = brought_to("agreed"), brought_to("agreed")
    settle(clock=lambda: AT)

    providers.cancel_session(actor=SYSTEM, at=AT, session_id=made.sessions[0].pk, reason_code="security")
    settle(clock=lambda: AT)

    assert (made.fresh().state, made.fresh().hold_reason) == ("on_hold", "session_cancelled")
    assert made.fresh().due_at is not None
    assert other.fresh().state == "agreed"


def test_suspended_provider_puts_its_engagements_on_hold_by_the_event() -> None:
    made = brought_to("agreed")
    settle(clock=lambda: AT)
    provider = Provider.objects.get(pk=made.sessions[0].offering.provider_id)

    providers.suspend_provider(actor=SYSTEM, at=AT, provider_id=provider.pk, reason_code="quality_concern")
    settle(clock=lambda: AT)

    assert (made.fresh().state, made.fresh().hold_reason) == ("on_hold", "provider_suspended")


def test_withdrawn_request_cancels_what_has_not_begun() -> None:
    made = brought_to("agreed")
    settle(clock=lambda: AT)

    requests.withdraw_request(actor=made.focal, at=AT, request_id=made.request.pk, reason_code="need_changed")
    settle(clock=lambda: AT)

    assert made.fresh().state == "cancelled"
    assert held(made) == {"released"}


def test_cancelled_request_holds_what_has_begun() -> None:
    made = brought_to("in_delivery")
    settle(clock=lambda: BEGUN)

    requests.cancel_request(actor=SYSTEM, at=BEGUN, request_id=made.request.pk, reason_code="other")
    settle(clock=lambda: BEGUN)

    assert made.fresh().state == "on_hold"


def test_reactions_are_safe_to_repeat() -> None:
    made = brought_to("agreed")
    session = made.sessions[0]
    Session.objects.filter(pk=session.pk).update(state="cancelled")

    first = operations.hold_for_session(actor=SYSTEM, at=AT, session_id=session.public_id)
    second = operations.hold_for_session(actor=SYSTEM, at=AT, session_id=session.public_id)

    assert (first, second) == (1, 0)


# --- deadlines ---------------------------------------------------------------------------------------------------------


def test_deadline_of_a_report_confirms_it_through_the_clock() -> None:
    made = brought_to("delivered")
    deadline = made.engagement.due_at
    assert deadline is not None

    meet_deadline(resource="engagement", public_id=made.engagement.public_id, at=deadline)
    settle(clock=lambda: deadline)

    assert made.fresh().state == "evaluating"
    assert Delivery.objects.get(engagement=made.engagement).confirmation == "silence"


def test_unanswered_follow_up_is_marked_and_may_still_be_answered() -> None:
    made = brought_to("evaluating")
    follow_up = Milestone.objects.get(engagement=made.engagement, kind="evaluation_level3_3_months")
    assert follow_up.due_at is not None

    operations.leave_unanswered(actor=SYSTEM, at=follow_up.due_at, milestone_id=follow_up.pk)

    follow_up.refresh_from_db()
    assert follow_up.state == "not_answered"
    assert ENGAGEMENT.find(made.fresh().state, "close") is not None


def test_deadline_effect_leaves_other_steps_alone() -> None:
    made = scene()
    deadline = made.engagement.due_at
    assert deadline is not None

    meet_deadline(resource="engagement", public_id=made.engagement.public_id, at=deadline)
    settle(clock=lambda: deadline)

    assert Engagement.objects.get(pk=made.id).state == "planned"
