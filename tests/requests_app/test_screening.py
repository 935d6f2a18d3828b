"""The way through the secretariat: references, clocks, reasons, and who may do what."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from marketplace.accounts.actors import Actor
from marketplace.audit import queries as audit
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import ErrorCode
from marketplace.kernel.periods import Period, working_days_between
from marketplace.lifecycles import deadlines
from marketplace.work.models import Job
from requests_app import operations, queries, tasks
from requests_app.models import ReferenceCounter, TrainingRequest
from requests_app.operations import RequestContent
from tests.factories.accounts import OrganizationFactory, member, secretariat
from tests.factories.requests import SYSTEM, content, draft, line, opened, submitted
from tests.requests_app.refusals import pointers, refusal

pytestmark = pytest.mark.django_db
Verb = Callable[..., TrainingRequest]


def run(verb: Verb, request: TrainingRequest, actor: Actor, at: datetime, **values: Any) -> TrainingRequest:
    return verb(actor=actor, at=at, request_id=request.pk, **values)


# --- references ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([("MLI", "")], "GMG-MLI-2026-0001"),
        ([("MLI", ""), ("SEN", "")], "GMG-011-2026-0001"),
        ([("MLI", ""), ("KEN", "")], "GMG-202-2026-0001"),
        ([("MLI", ""), ("", "011")], "GMG-011-2026-0001"),
        ([("MLI", ""), ("PHL", "")], "GMG-001-2026-0001"),
        ([("", "034")], "GMG-034-2026-0001"),
    ],
)
def test_reference_names_the_smallest_place_that_holds_all_lines(
    at: datetime, places: list[tuple[str, str]], expected: str
) -> None:
    lines = tuple(line(country=country, region=region) for country, region in places)
    assert submitted(at=at, lines=lines).reference == expected


def test_references_count_over_the_group_within_a_year(at: datetime) -> None:
    first, second = submitted(at=at), submitted(at=at, lines=(line(country="SEN"),))
    later = submitted(at=at.replace(year=2027, month=1))
    assert [first.reference, second.reference, later.reference] == [
        "GMG-MLI-2026-0001",
        "GMG-SEN-2026-0002",
        "GMG-MLI-2027-0001",
    ]


def test_failed_submission_gives_its_number_back(at: datetime) -> None:
    submitted(at=at)
    incomplete = draft(window=None)
    with refusal(ErrorCode.RULE_BROKEN):
        run(operations.submit_request, incomplete, SYSTEM, at)
    assert ReferenceCounter.objects.get(year=2026).last == 1


def test_given_reference_moves_the_counter_on_and_is_taken_once(at: datetime) -> None:
    imported = run(operations.submit_request, draft(), SYSTEM, at, reference="GMG-TUN-2026-0030")
    assert imported.reference == "GMG-TUN-2026-0030"
    assert submitted(at=at).reference == "GMG-MLI-2026-0031"
    with refusal(ErrorCode.DUPLICATE):
        run(operations.submit_request, draft(), SYSTEM, at, reference="GMG-MLI-2026-0030")


def test_nobody_but_the_product_gives_references(at: datetime) -> None:
    agency = OrganizationFactory.create()
    with refusal(ErrorCode.PERMISSION_DENIED):
        run(operations.submit_request, draft(agency), member(agency), at, reference="GMG-TUN-2026-0030")


# --- submission ---------------------------------------------------------------------------------------------------


def test_submission_waits_for_the_secretariat_five_working_days(at: datetime) -> None:
    agency = OrganizationFactory.create()
    request = run(operations.submit_request, draft(agency), member(agency), at)
    assert (request.state, request.step, request.waiting_for) == ("submitted", "request.screen", "secretariat")
    assert request.due_at is not None
    assert working_days_between(at, request.due_at) == 5


def test_submission_names_all_that_is_missing(at: datetime) -> None:
    agency = OrganizationFactory.create()
    empty = operations.create_request(
        actor=SYSTEM, at=at, organization=agency.code, content=RequestContent(lines=(line(theme="", country=""),))
    )
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        run(operations.submit_request, empty, member(agency), at)
    assert pointers(caught.value) == ["/title", "/need_statement", "/window", "/lines/0/theme", "/lines/0/country"]


def test_window_that_is_over_is_refused(at: datetime) -> None:
    over = draft(window=Period(date(2026, 1, 1), date(2026, 6, 30)))
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        run(operations.submit_request, over, SYSTEM, at)
    assert pointers(caught.value) == ["/window/end"]


def test_second_submission_names_the_open_actions(at: datetime) -> None:
    request = submitted(at=at)
    with refusal(ErrorCode.WRONG_STATE) as caught:
        run(operations.submit_request, request, SYSTEM, at)
    assert caught.value.params["allowed"] == "cancel, decline, merge, open, return, withdraw"


# --- wrong role, stale version ------------------------------------------------------------------------------------

SCREENED = [
    (operations.open_request, {}),
    (operations.return_request, {"question": "Which ministry?"}),
    (operations.decline_request, {"reason_code": "not_training"}),
    (operations.cancel_request, {"reason_code": "funding_lost"}),
]


@pytest.mark.parametrize(("verb", "values"), SCREENED, ids=lambda one: getattr(one, "__name__", ""))
def test_requester_does_not_screen(at: datetime, verb: Verb, values: dict[str, Any]) -> None:
    agency = OrganizationFactory.create()
    request = submitted(agency)
    with refusal(ErrorCode.PERMISSION_DENIED):
        run(verb, request, member(agency), at, **values)


@pytest.mark.parametrize(("verb", "values"), SCREENED, ids=lambda one: getattr(one, "__name__", ""))
def test_stale_version_is_refused(at: datetime, verb: Verb, values: dict[str, Any]) -> None:
    request = submitted()
    with refusal(ErrorCode.PRECONDITION_FAILED):
        run(verb, request, secretariat(), at, expected_version=1, **values)


@pytest.mark.parametrize(("verb", "values"), SCREENED[:3], ids=lambda one: getattr(one, "__name__", ""))
def test_open_request_is_not_screened_again(at: datetime, verb: Verb, values: dict[str, Any]) -> None:
    request = opened()
    with refusal(ErrorCode.WRONG_STATE) as caught:
        run(verb, request, secretariat(), at, **values)
    assert caught.value.params["state"] == "open"


@pytest.mark.parametrize("verb", [operations.submit_request, operations.withdraw_request])
def test_secretariat_does_not_speak_for_the_requester(at: datetime, verb: Verb) -> None:
    with refusal(ErrorCode.PERMISSION_DENIED):
        run(verb, draft(), secretariat(), at)


# --- return and answer --------------------------------------------------------------------------------------------


def test_clock_of_the_secretariat_stands_still_while_the_requester_answers(at: datetime) -> None:
    agency, officer = OrganizationFactory.create(), secretariat()
    request = submitted(agency, at=at)
    two_days_later = datetime(2026, 11, 25, 9, tzinfo=UTC)
    request = run(operations.return_request, request, officer, two_days_later, question="Which ministries?")
    assert (request.state, request.waiting_for) == ("returned", "requester")
    answered_at = datetime(2026, 12, 2, 9, tzinfo=UTC)
    request = run(operations.answer_request, request, member(agency), answered_at, answer="Three: A, B and C.")
    assert request.state == "submitted"
    assert request.due_at is not None
    assert working_days_between(answered_at, request.due_at) == 3


def test_answer_goes_to_the_open_question(at: datetime) -> None:
    agency = OrganizationFactory.create()
    request = run(operations.return_request, submitted(agency), secretariat(), at, question="Which ministries?")
    run(operations.answer_request, request, member(agency), at, answer="Trois.", language="fr")
    question = queries.clarifications_for(request, SYSTEM, at=at).get()
    assert (question.state, question.answer, question.answer_language) == ("answered", "Trois.", "fr")


def test_unanswered_request_is_withdrawn_sixty_working_days_after_the_deadline(at: datetime) -> None:
    request = run(operations.return_request, submitted(at=at), secretariat(), at, question="Which ministries?")
    assert request.due_at is not None
    deadlines.meet_deadline(resource="training_request", public_id=request.public_id, at=request.due_at)
    request.refresh_from_db()
    assert request.state == "returned"
    job = Job.objects.get(kind="requests.withdraw_unanswered")
    assert request.due_at is not None
    assert working_days_between(request.due_at, job.due_at) == 60
    tasks.withdraw_unanswered(job.payload, at=job.due_at)
    request.refresh_from_db()
    assert (request.state, request.reason_code) == ("withdrawn", "not_answered")


def test_answered_request_is_not_withdrawn_by_an_old_alarm(at: datetime) -> None:
    request = run(operations.return_request, submitted(at=at), secretariat(), at, question="Which ministries?")
    due_at = request.due_at
    assert due_at is not None
    run(operations.answer_request, request, SYSTEM, at, answer="Three.")
    run(operations.return_request, request, secretariat(), at + timedelta(days=1), question="And which cities?")
    assert not operations.withdraw_unanswered(actor=SYSTEM, at=at, request_id=request.pk, due_at=due_at)


# --- ends ---------------------------------------------------------------------------------------------------------


def test_decline_keeps_reason_and_words(at: datetime) -> None:
    request = run(
        operations.decline_request,
        submitted(),
        secretariat(),
        at,
        reason_code="not_training",
        reason_text="A study, not a training.",
    )
    assert (request.state, request.reason_code) == ("ineligible", "not_training")
    assert request.waiting_for == "nobody"
    record = audit.trail("training_request", request.public_id).last()
    assert record is not None
    assert (record.reason_code, record.reason_text) == ("not_training", "A study, not a training.")


def test_unknown_reason_is_refused_with_the_list(at: datetime) -> None:
    with refusal(ErrorCode.UNKNOWN_REFERENCE) as caught:
        run(operations.decline_request, submitted(), secretariat(), at, reason_code="boring")
    assert "not_training" in caught.value.errors[0].allowed


def test_draft_is_withdrawn_without_ever_getting_a_reference(at: datetime) -> None:
    request = run(operations.withdraw_request, draft(), SYSTEM, at)
    assert (request.state, request.reference) == ("withdrawn", None)


def test_every_change_leaves_one_audit_record_and_one_event(at: datetime) -> None:
    request = submitted(at=at)
    for verb, values in (
        (operations.return_request, {"question": "Which?"}),
        (operations.answer_request, {"answer": "This."}),
        (operations.open_request, {}),
        (operations.cancel_request, {"reason_code": "security"}),
    ):
        run(verb, request, SYSTEM, at, **values)
    moves = [(row.from_state, row.to_state) for row in audit.trail("training_request", request.public_id)]
    assert moves == [
        ("", "draft"),
        ("draft", "submitted"),
        ("submitted", "returned"),
        ("returned", "submitted"),
        ("submitted", "open"),
        ("open", "cancelled"),
    ]
    events = OutboxEvent.objects.filter(resource_id=request.public_id).order_by("id")
    assert [(event.data.get("from_state", ""), event.data["state"]) for event in events] == moves


def test_drafts_are_in_no_feed_and_submissions_reach_the_requester(at: datetime) -> None:
    request = draft(visibility="agency")
    audiences = set(OutboxEvent.objects.filter(data__isnull=False).values_list("audience", flat=True))
    assert audiences == {"private"}
    run(operations.submit_request, request, SYSTEM, at)
    event = OutboxEvent.objects.get(type="training_request.submitted")
    assert event.audience == "organizations"
    assert [row.organization_id for row in event.addressees.all()] == [request.requesting_organization_id]
    assert content().title["en"] not in str(event.data)
