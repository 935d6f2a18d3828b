"""The way of an engagement from agreement to closing, and what stands in it."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from fulfilment import operations
from fulfilment.models import Delivery, Engagement, Milestone
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from providers.models import Session, TrackRecordEntry
from requests_app.models import RequestLine, TrainingRequest
from tests.factories.accounts import OrganizationFactory, member, secretariat
from tests.factories.fulfilment import (
    AT,
    BEGUN,
    CONFIRMED,
    LATER,
    REPORTED,
    SYSTEM,
    attended,
    brought_to,
    reaction,
    scene,
)

pytestmark = pytest.mark.django_db


def refusal(code: ErrorCode, call: Callable[[], object]) -> DomainError:
    with pytest.raises(DomainError) as caught:
        call()
    assert caught.value.code == code
    return caught.value


# --- it comes about -------------------------------------------------------------------------------------------------


def test_engagement_of_confirmed_proposal_agrees_lines_confirms_seats_and_names_parties() -> None:
    made = scene()
    engagement = made.fresh()

    assert engagement.state == "planned"
    assert engagement.reference == "ENG-2026-0001"
    assert (engagement.start_on, engagement.end_on) == (date(2027, 3, 8), date(2027, 3, 10))
    assert (engagement.budget_amount, engagement.budget_currency) == (Decimal("24000.00"), "USD")
    assert set(engagement.parties.values_list("organization_id", "role")) == {
        (made.lead.pk, "lead"),
        (made.requester.pk, "requester"),
    }
    assert RequestLine.objects.get(request=made.request).state == "agreed"
    assert TrainingRequest.objects.get(pk=made.request.pk).state == "matched"
    session = Session.objects.get(pk=made.sessions[0].pk)
    assert (session.seats_held, session.seats_confirmed) == (0, 20)
    assert [delivery.seats for delivery in made.deliveries()] == [20]


def test_planned_engagement_waits_for_the_provider_for_fifteen_working_days() -> None:
    engagement = scene().fresh()

    assert (engagement.waiting_for, engagement.step) == ("provider", "engagement.agree")
    assert engagement.due_at == datetime.fromisoformat("2026-12-14T09:00:00+00:00")


def test_references_count_within_the_year_without_gap() -> None:
    first, second = scene(), scene()

    assert first.engagement.reference == "ENG-2026-0001"
    assert second.engagement.reference == "ENG-2026-0002"


def test_second_engagement_of_the_same_proposal_is_a_duplicate() -> None:
    made = scene()

    refusal(ErrorCode.DUPLICATE, lambda: operations.create_engagement(actor=SYSTEM, at=AT, terms=made.terms))
    assert Engagement.objects.count() == 1


def test_several_deliveries_of_a_part_share_participants_and_seats() -> None:
    made = scene(deliveries=3)

    assert [(row.number, row.seats, row.capacity) for row in made.deliveries()] == [(1, 7, 7), (2, 7, 7), (3, 6, 6)]


def test_milestones_follow_the_template_of_the_form_and_the_dates() -> None:
    made = scene(form="course")
    rows = Milestone.objects.filter(engagement=made.engagement)
    due = {row.kind: row.due_at.date() for row in rows if row.due_at}

    assert list(due)[:3] == ["needs_analysis", "terms_of_reference", "partner_agreement"]
    assert "evaluation_level2" in due
    assert "twinning_check" not in due
    assert due["needs_analysis"] == date(2026, 12, 7)
    assert due["nominations"] == date(2027, 2, 6)
    assert due["evaluation_level3_3_months"] == date(2027, 6, 9)
    assert made.engagement.required_levels == [1, 2]


def test_milestone_is_owed_by_its_owner_under_its_own_step() -> None:
    made = scene()
    owed = {row.kind: (row.waiting_for, row.step) for row in Milestone.objects.filter(engagement=made.engagement)}

    assert owed["needs_analysis"] == ("requester", "milestone.complete")
    assert owed["evaluation_level1"] == ("provider", "evaluation.level1")
    assert owed["evaluation_level3_3_months"] == ("requester", "evaluation.level3")


# --- the way ---------------------------------------------------------------------------------------------------------


def test_whole_way_from_planned_to_closed() -> None:
    made = brought_to("evaluating")
    operations.record_evaluation(actor=made.provider, at=CONFIRMED, engagement_id=made.id, facts=reaction())

    closed = operations.close_engagement(actor=made.officer, at=LATER, engagement_id=made.id)

    assert (closed.state, closed.waiting_for, closed.due_at, closed.closed_at) == ("closed", "nobody", None, LATER)
    assert RequestLine.objects.get(request=made.request).state == "delivered"
    assert TrainingRequest.objects.get(pk=made.request.pk).state == "fulfilled"
    history = AuditRecord.objects.filter(resource="engagement", resource_id=made.engagement.public_id).exclude(
        from_state=""
    )
    assert list(history.order_by("pk").values_list("action", flat=True)) == [
        "agree",
        "start",
        "deliver",
        "confirm",
        "close",
    ]


def test_each_step_leaves_one_audit_record_and_one_event() -> None:
    made = brought_to("evaluating")

    for verb, event in (("agree", "agreed"), ("start", "started"), ("deliver", "delivered"), ("confirm", "confirmed")):
        assert AuditRecord.objects.filter(resource_id=made.engagement.public_id, action=verb).count() == 1
        assert (
            OutboxEvent.objects.filter(resource_id=made.engagement.public_id, type=f"engagement.{event}").count() == 1
        )


def test_agreed_engagement_is_due_on_its_first_day() -> None:
    engagement = brought_to("agreed").fresh()

    assert engagement.due_at is not None
    assert engagement.due_at.date() == date(2027, 3, 8)
    assert engagement.waiting_for == "provider"


def test_started_engagement_owes_its_report_twenty_working_days_after_the_last_day() -> None:
    made = brought_to("in_delivery")

    assert made.engagement.step == "delivery.report"
    assert made.engagement.due_at == datetime.fromisoformat("2027-04-07T09:00:00+00:00")
    assert made.deliveries()[0].due_at == made.engagement.due_at
    assert TrainingRequest.objects.get(pk=made.request.pk).state == "in_delivery"


def test_reported_engagement_waits_for_the_requester() -> None:
    engagement = brought_to("delivered").fresh()

    assert (engagement.waiting_for, engagement.step) == ("requester", "delivery.confirm")


def test_confirmed_engagement_waits_for_the_first_missing_level() -> None:
    engagement = brought_to("evaluating", form="course").fresh()

    assert (engagement.step, engagement.waiting_for) == ("evaluation.level1", "provider")


def test_start_begins_only_what_is_due_by_then() -> None:
    made = brought_to("agreed", parts=2)
    later = Delivery.objects.get(engagement=made.engagement, number=2)
    Delivery.objects.filter(pk=later.pk).update(start_on=date(2027, 5, 3), end_on=date(2027, 5, 5))

    operations.start_engagement(actor=made.provider, at=BEGUN, engagement_id=made.id)

    assert [row.state for row in made.deliveries()] == ["running", "planned"]


def test_engagement_level_report_covers_every_open_delivery() -> None:
    made = brought_to("in_delivery", parts=2)
    for delivery in made.deliveries():
        operations.record_participation(actor=made.provider, at=BEGUN, delivery_id=delivery.pk, counts=attended(17))

    engagement = operations.deliver_engagement(
        actor=made.provider, at=REPORTED, engagement_id=made.id, report={"en": "All went well."}
    )

    assert engagement.state == "delivered"
    assert {row.state for row in made.deliveries()} == {"delivered"}
    assert made.deliveries()[0].report == {"en": "All went well."}


def test_report_without_attendance_is_refused_and_nothing_happens() -> None:
    made = brought_to("in_delivery")

    error = refusal(
        ErrorCode.RULE_BROKEN,
        lambda: operations.deliver_engagement(actor=made.provider, at=REPORTED, engagement_id=made.id),
    )

    assert error.errors[0].code == "participation_missing"
    assert made.fresh().state == "in_delivery"


def test_numbers_for_several_open_deliveries_at_once_are_ambiguous() -> None:
    made = brought_to("in_delivery", parts=2)

    error = refusal(
        ErrorCode.RULE_BROKEN,
        lambda: operations.deliver_engagement(
            actor=made.provider, at=REPORTED, engagement_id=made.id, participation=attended()
        ),
    )

    assert error.errors[0].code == "participation_ambiguous"


def test_contested_report_goes_back_to_delivery_and_may_be_given_again() -> None:
    made = brought_to("delivered")

    contested = operations.contest_engagement(
        actor=made.focal, at=CONFIRMED, engagement_id=made.id, reason_code="numbers", reason_text="Eight came."
    )
    assert contested.state == "in_delivery"
    assert (made.deliveries()[0].state, made.deliveries()[0].waiting_for) == ("contested", "secretariat")

    again = operations.deliver_engagement(
        actor=made.provider, at=LATER, engagement_id=made.id, participation=attended(8)
    )
    assert again.state == "delivered"


def test_silence_past_the_deadline_is_confirmation_and_recorded_as_such() -> None:
    made = brought_to("delivered")
    deadline = made.engagement.due_at
    assert deadline is not None

    early = operations.confirm_by_silence(actor=SYSTEM, at=deadline - timedelta(minutes=1), engagement_id=made.id)
    silent = operations.confirm_by_silence(actor=SYSTEM, at=deadline, engagement_id=made.id)
    again = operations.confirm_by_silence(actor=SYSTEM, at=deadline, engagement_id=made.id)

    assert (early, silent, again) == (0, 1, 0)
    assert made.fresh().state == "evaluating"
    assert made.deliveries()[0].confirmation == "silence"
    assert (
        OutboxEvent.objects.get(type="engagement.confirmed", resource_id=made.engagement.public_id).data["how"]
        == "silence"
    )


# --- closing -----------------------------------------------------------------------------------------------------------


def test_closing_without_evaluation_names_the_missing_levels() -> None:
    made = brought_to("evaluating", form="course")

    error = refusal(
        ErrorCode.EVALUATION_MISSING,
        lambda: operations.close_engagement(actor=made.officer, at=LATER, engagement_id=made.id),
    )

    assert error.params["levels"] == "1, 2"
    assert made.fresh().state == "evaluating"


def test_waiver_of_every_missing_level_lets_it_close() -> None:
    made = brought_to("evaluating", form="blended")
    for level in (1, 2):
        operations.waive_evaluation(
            actor=made.officer, at=LATER, engagement_id=made.id, level=level, reason_code="short_event"
        )

    engagement = made.fresh()
    assert (engagement.step, engagement.waiting_for) == ("engagement.close", "secretariat")
    assert operations.close_engagement(actor=made.officer, at=LATER, engagement_id=made.id).state == "closed"


def test_closing_drops_what_is_open_but_keeps_dated_follow_ups() -> None:
    made = brought_to("evaluating")
    operations.record_evaluation(actor=made.provider, at=CONFIRMED, engagement_id=made.id, facts=reaction())
    operations.close_engagement(actor=made.officer, at=LATER, engagement_id=made.id)

    states = dict(Milestone.objects.filter(engagement=made.engagement).values_list("kind", "state"))
    assert states["needs_analysis"] == "dropped"
    assert states["evaluation_level1"] == "done"
    assert states["completion_report"] == "done"
    assert states["evaluation_level3_3_months"] == "open"


def test_closing_feeds_the_track_record_once_on_a_thousand_scale() -> None:
    made = brought_to("evaluating")
    operations.record_evaluation(actor=made.provider, at=CONFIRMED, engagement_id=made.id, facts=reaction())
    assert TrackRecordEntry.objects.count() == 0

    operations.close_engagement(actor=made.officer, at=LATER, engagement_id=made.id)

    entry = TrackRecordEntry.objects.get()
    assert (entry.value, entry.answered, entry.level, entry.source) == (800, 18, 1, "participants")
    assert entry.offering_id == made.sessions[0].offering_id


# --- who may, and when -----------------------------------------------------------------------------------------------


VERBS: dict[str, tuple[Callable[..., Engagement], dict[str, str]]] = {
    "agree": (operations.agree_engagement, {}),
    "start": (operations.start_engagement, {}),
    "deliver": (operations.deliver_engagement, {}),
    "confirm": (operations.confirm_engagement, {}),
    "contest": (operations.contest_engagement, {"reason_code": "numbers"}),
    "close": (operations.close_engagement, {}),
    "hold": (operations.hold_engagement, {"reason_code": "funding"}),
    "resume": (operations.resume_engagement, {}),
    "cancel": (operations.cancel_engagement, {"reason_code": "funding_lost"}),
}
OPEN_IN = {
    "planned": {"agree", "cancel", "hold"},
    "agreed": {"cancel", "hold", "start"},
    "in_delivery": {"cancel", "deliver", "hold"},
    "delivered": {"confirm", "contest"},
    "evaluating": {"close"},
}


@pytest.mark.parametrize("state", sorted(OPEN_IN))
def test_closed_verbs_answer_wrong_state_and_name_the_open_ones(state: str) -> None:
    made = brought_to(state)

    for verb, (operation, values) in VERBS.items():
        if verb not in OPEN_IN[state]:
            error = refusal(
                ErrorCode.WRONG_STATE,
                lambda: operation(actor=SYSTEM, at=LATER, engagement_id=made.id, **values),  # noqa: B023
            )
            named = set(error.params["allowed_actions"])  # type: ignore[call-overload]
            assert named & set(VERBS) == OPEN_IN[state], verb
    assert made.fresh().state == state


@pytest.mark.parametrize(
    ("verb", "state", "role"),
    [
        ("agree", "planned", "focal"),
        ("start", "agreed", "focal"),
        ("deliver", "in_delivery", "focal"),
        ("confirm", "delivered", "provider"),
        ("confirm", "delivered", "officer"),
        ("contest", "delivered", "officer"),
        ("close", "evaluating", "focal"),
        ("close", "evaluating", "provider"),
        ("hold", "agreed", "provider"),
        ("cancel", "agreed", "focal"),
    ],
)
def test_wrong_role_is_refused(verb: str, state: str, role: str) -> None:
    made = brought_to(state)
    operation, values = VERBS[verb]

    refusal(
        ErrorCode.PERMISSION_DENIED,
        lambda: operation(actor=getattr(made, role), at=LATER, engagement_id=made.id, **values),
    )
    assert made.fresh().state == state


def test_staff_of_an_uninvolved_agency_may_nothing() -> None:
    made = brought_to("delivered")
    stranger = member(OrganizationFactory.create(), "focal_point")

    refusal(
        ErrorCode.PERMISSION_DENIED,
        lambda: operations.confirm_engagement(actor=stranger, at=LATER, engagement_id=made.id),
    )


def test_officer_title_outside_the_secretariat_gives_no_right() -> None:
    made = brought_to("agreed")
    officer = secretariat(organization=OrganizationFactory.create())

    refusal(
        ErrorCode.PERMISSION_DENIED,
        lambda: operations.hold_engagement(actor=officer, at=LATER, engagement_id=made.id, reason_code="funding"),
    )


def test_secretariat_may_act_for_a_silent_provider() -> None:
    made = scene()

    assert operations.agree_engagement(actor=made.officer, at=AT, engagement_id=made.id).state == "agreed"


def test_stale_version_is_refused() -> None:
    made = scene()
    read = made.fresh().version
    operations.agree_engagement(actor=made.provider, at=AT, engagement_id=made.id)

    error = refusal(
        ErrorCode.PRECONDITION_FAILED,
        lambda: operations.start_engagement(
            actor=made.provider, at=BEGUN, engagement_id=made.id, expected_version=read
        ),
    )
    assert error.params["expected"] == read
