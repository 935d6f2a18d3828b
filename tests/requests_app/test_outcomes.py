"""When nobody fits: calls for offers, "not yet met", and opening the need again."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import ErrorCode
from marketplace.kernel.periods import working_days_between
from marketplace.lifecycles import deadlines
from requests_app import operations
from requests_app.models import TrainingRequest
from requests_app.operations import LineShare
from tests.factories.accounts import OrganizationFactory, member, secretariat
from tests.factories.requests import SYSTEM, line, opened, submitted
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db


def place(request: TrainingRequest, number: int, at: datetime, *, agree: bool = False) -> None:
    claimant, row = uuid4(), request.lines.get(number=number)
    operations.claim_lines(actor=SYSTEM, at=at, claimant=claimant, claims=[LineShare(row.pk, 20)])
    if agree:
        operations.agree_lines(actor=SYSTEM, at=at, claimant=claimant)


def test_call_waits_for_providers_until_its_deadline(at: datetime) -> None:
    request = operations.call_for_offers(actor=secretariat(), at=at, request_id=opened().pk, deadline_days=7)
    assert (request.step, request.waiting_for) == ("request.call_for_offers", "providers")
    assert request.due_at == request.call_ends_at
    assert request.due_at is not None
    assert working_days_between(at, request.due_at) == 7


def test_deadline_ends_the_call_and_gives_the_step_to_the_secretariat(at: datetime) -> None:
    request = operations.call_for_offers(actor=secretariat(), at=at, request_id=opened().pk)
    ends = request.call_ends_at
    assert ends is not None
    deadlines.meet_deadline(resource="training_request", public_id=request.public_id, at=ends)
    request.refresh_from_db()
    assert (request.state, request.waiting_for, request.call_ended_at) == ("open", "secretariat", ends)
    assert OutboxEvent.objects.filter(type="training_request.call_ended").count() == 1


def test_ranking_gives_the_step_to_the_secretariat(at: datetime) -> None:
    request = operations.note_ranking(actor=SYSTEM, at=at, request_id=opened().pk)
    assert (request.step, request.waiting_for) == ("proposal.shortlist", "secretariat")


@pytest.mark.parametrize("days", [0, 61])
def test_call_of_senseless_length_is_refused(at: datetime, days: int) -> None:
    with refusal(ErrorCode.RULE_BROKEN):
        operations.call_for_offers(actor=secretariat(), at=at, request_id=opened().pk, deadline_days=days)


def test_call_is_the_secretariats_and_for_open_requests(at: datetime) -> None:
    agency = OrganizationFactory.create()
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.call_for_offers(actor=member(agency), at=at, request_id=opened(agency).pk)
    with refusal(ErrorCode.WRONG_STATE):
        operations.call_for_offers(actor=secretariat(), at=at, request_id=submitted().pk)


def test_unmet_needs_an_ended_call(at: datetime) -> None:
    request, officer = opened(), secretariat()
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        operations.mark_unmet(actor=officer, at=at, request_id=request.pk, reason_code="no_theme")
    assert caught.value.errors[0].code == "call_not_over"
    request = operations.call_for_offers(actor=officer, at=at, request_id=request.pk)
    assert request.call_ends_at is not None
    with refusal(ErrorCode.RULE_BROKEN):
        operations.mark_unmet(
            actor=officer, at=request.call_ends_at - timedelta(seconds=1), request_id=request.pk, reason_code="no_theme"
        )
    request = operations.mark_unmet(
        actor=officer,
        at=request.call_ends_at,
        request_id=request.pk,
        reason_code="no_theme",
        reason_text="No partner teaches this.",
        conflicts=["theme", "language"],
    )
    assert (request.state, request.reason_code, request.conflicts) == ("unmet", "no_theme", ["theme", "language"])
    assert request.lines.get().state == "unmet"


def test_requester_may_give_up_the_call(at: datetime) -> None:
    agency = OrganizationFactory.create()
    request = opened(agency)
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.waive_call_for_offers(actor=secretariat(), at=at, request_id=request.pk)
    operations.waive_call_for_offers(actor=member(agency), at=at, request_id=request.pk)
    request = operations.mark_unmet(actor=secretariat(), at=at, request_id=request.pk, reason_code="no_time")
    assert request.state == "unmet"


def test_held_line_is_not_given_up(at: datetime) -> None:
    request = opened(lines=(line(), line(theme="diaspora")))
    place(request, 1, at)
    operations.waive_call_for_offers(actor=SYSTEM, at=at, request_id=request.pk)
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        operations.mark_unmet(actor=secretariat(), at=at, request_id=request.pk, reason_code="no_time")
    assert caught.value.errors[0].code == "line_held"


def test_unmet_rest_lets_the_agreed_lines_go_on(at: datetime) -> None:
    request = opened(lines=(line(), line(theme="diaspora")))
    place(request, 1, at, agree=True)
    operations.waive_call_for_offers(actor=SYSTEM, at=at, request_id=request.pk)
    request = operations.mark_unmet(actor=secretariat(), at=at, request_id=request.pk, reason_code="no_language")
    assert request.state == "matched"
    assert list(request.lines.order_by("number").values_list("state", flat=True)) == ["agreed", "unmet"]
    assert OutboxEvent.objects.filter(type="training_request.partly_unmet").count() == 1


def test_need_of_which_only_the_unmet_is_left_is_unmet(at: datetime) -> None:
    request = opened(lines=(line(), line(theme="diaspora")))
    operations.waive_call_for_offers(actor=SYSTEM, at=at, request_id=request.pk)
    operations.mark_unmet(
        actor=secretariat(), at=at, request_id=request.pk, reason_code="no_language", line_numbers=[1]
    )
    operations.edit_request(actor=SYSTEM, at=at, request_id=request.pk, changes={"lines": (line(number=1),)})
    request.refresh_from_db()
    assert (request.state, request.reason_code, request.waiting_for) == ("unmet", "no_language", "nobody")
    assert list(request.lines.order_by("number").values_list("state", flat=True)) == ["unmet", "dropped"]
    told = OutboxEvent.objects.get(type="training_request.marked_unmet")
    assert told.resource_id == request.public_id
    request = operations.reopen_request(actor=secretariat(), at=at, request_id=request.pk)
    assert (request.state, request.lines.get(number=1).state) == ("open", "open")


def test_reopened_need_starts_afresh(at: datetime) -> None:
    request = opened()
    operations.waive_call_for_offers(actor=SYSTEM, at=at, request_id=request.pk)
    operations.mark_unmet(actor=secretariat(), at=at, request_id=request.pk, reason_code="no_time")
    request = operations.reopen_request(actor=secretariat(), at=at, request_id=request.pk)
    assert (request.state, request.reason_code, request.step) == ("open", "", "request.match")
    assert request.lines.get().state == "open"
    with refusal(ErrorCode.RULE_BROKEN):
        operations.mark_unmet(actor=secretariat(), at=at, request_id=request.pk, reason_code="no_time")


def test_only_an_unmet_request_is_reopened(at: datetime) -> None:
    with refusal(ErrorCode.WRONG_STATE):
        operations.reopen_request(actor=secretariat(), at=at, request_id=opened().pk)


def test_only_a_fulfilled_request_is_closed(at: datetime) -> None:
    request = opened()
    with refusal(ErrorCode.WRONG_STATE):
        operations.close_request(actor=secretariat(), at=at, request_id=request.pk)
    claimant = uuid4()
    operations.claim_lines(
        actor=SYSTEM, at=at, claimant=claimant, claims=[LineShare(row.pk, 20) for row in request.lines.all()]
    )
    operations.deliver_lines(actor=SYSTEM, at=at, claimant=claimant)
    request = operations.close_request(actor=secretariat(), at=at, request_id=request.pk)
    assert (request.state, request.waiting_for) == ("closed", "nobody")
