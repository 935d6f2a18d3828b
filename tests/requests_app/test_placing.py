"""Domain rule 1: what live claims place never exceeds a line; and the states that follow."""

import threading
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from marketplace.audit import queries as audit
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from requests_app import operations
from requests_app.models import LineClaim, RequestLine, TrainingRequest
from requests_app.operations import LineShare
from tests.factories.requests import SYSTEM, LineClaimFactory, line, opened, submitted
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db


def lines_of(request: TrainingRequest) -> list[RequestLine]:
    return list(request.lines.order_by("number"))


def claim(request: TrainingRequest, *participants: int, at: datetime, claimant: UUID | None = None) -> UUID:
    claimant = claimant or uuid4()
    shares = [LineShare(row.pk, n) for row, n in zip(lines_of(request), participants, strict=False) if n]
    operations.claim_lines(actor=SYSTEM, at=at, claimant=claimant, claims=shares)
    return claimant


def states(request: TrainingRequest) -> list[str]:
    request.refresh_from_db()
    return [request.state, *(row.state for row in lines_of(request))]


def test_claim_holds_the_line_and_leaves_the_request_open(at: datetime) -> None:
    request = opened()
    claim(request, 20, at=at)
    assert states(request) == ["open", "held"]
    assert lines_of(request)[0].claimed == 20


def test_second_claim_of_an_undivided_line_is_refused(at: datetime) -> None:
    request = opened(lines=(line(participants_min=5),))
    claim(request, 10, at=at)
    with refusal(ErrorCode.LINE_TAKEN) as caught:
        claim(request, 10, at=at)
    assert caught.value.params == {"line": 1, "free": 0, "asked": 10}


def test_divisible_line_is_shared_up_to_its_maximum(at: datetime) -> None:
    request = opened(lines=(line(divisible=True),))
    claim(request, 12, at=at)
    claim(request, 12, at=at)
    with refusal(ErrorCode.LINE_TAKEN) as caught:
        claim(request, 7, at=at)
    assert caught.value.params == {"line": 1, "free": 6, "asked": 7}
    assert lines_of(request)[0].claimed == 24


def test_claim_below_the_minimum_of_an_undivided_line_is_refused(at: datetime) -> None:
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        claim(opened(), 14, at=at)
    assert caught.value.errors[0].code == "below_minimum"


def test_claim_is_all_or_nothing(at: datetime) -> None:
    request = opened(lines=(line(), line(theme="diaspora")))
    claim(request, 0, 20, at=at)
    before = OutboxEvent.objects.count()
    with refusal(ErrorCode.LINE_TAKEN):
        claim(request, 20, 20, at=at)
    assert states(request) == ["open", "open", "held"]
    assert OutboxEvent.objects.count() == before


def test_claim_on_a_request_that_is_not_open_is_refused(at: datetime) -> None:
    with refusal(ErrorCode.WRONG_STATE):
        claim(submitted(), 20, at=at)


def test_request_is_matched_when_every_line_is_agreed(at: datetime) -> None:
    request = opened(lines=(line(), line(theme="diaspora")))
    first, second = claim(request, 20, at=at), claim(request, 0, 20, at=at)
    operations.agree_lines(actor=SYSTEM, at=at, claimant=first)
    assert states(request) == ["open", "agreed", "held"]
    operations.agree_lines(actor=SYSTEM, at=at, claimant=second)
    assert states(request) == ["matched", "agreed", "agreed"]
    operations.start_lines(actor=SYSTEM, at=at, claimant=first)
    assert states(request)[0] == "in_delivery"
    operations.deliver_lines(actor=SYSTEM, at=at, claimant=first)
    assert states(request) == ["in_delivery", "delivered", "agreed"]
    operations.deliver_lines(actor=SYSTEM, at=at, claimant=second)
    assert states(request) == ["fulfilled", "delivered", "delivered"]


def test_release_opens_line_and_request_again(at: datetime) -> None:
    request = opened(lines=(line(), line(theme="diaspora")))
    both = claim(request, 20, 20, at=at)
    operations.agree_lines(actor=SYSTEM, at=at, claimant=both)
    operations.release_lines(actor=SYSTEM, at=at, claimant=both, line_ids=[lines_of(request)[1].pk])
    assert states(request) == ["open", "agreed", "open"]
    assert (request.step, request.waiting_for) == ("request.match", "system")
    claim(request, 0, 20, at=at)
    assert states(request) == ["open", "agreed", "held"]


def test_release_for_a_withdrawn_request_leaves_its_state(at: datetime) -> None:
    request = opened()
    claimant = claim(request, 20, at=at)
    operations.withdraw_request(actor=SYSTEM, at=at, request_id=request.pk)
    operations.release_lines(actor=SYSTEM, at=at, claimant=claimant)
    assert states(request) == ["withdrawn", "open"]
    assert lines_of(request)[0].claimed == 0


def test_shortfall_frees_what_was_not_reached(at: datetime) -> None:
    request = opened()
    claimant = claim(request, 30, at=at)
    operations.agree_lines(actor=SYSTEM, at=at, claimant=claimant)
    line_id = lines_of(request)[0].pk
    operations.deliver_lines(actor=SYSTEM, at=at, claimant=claimant, delivered={line_id: 9})
    assert states(request) == ["open", "open"]
    assert lines_of(request)[0].free == 21
    rest = claim(request, 6, at=at)
    operations.agree_lines(actor=SYSTEM, at=at, claimant=rest)
    assert states(request) == ["in_delivery", "agreed"]
    operations.deliver_lines(actor=SYSTEM, at=at, claimant=rest)
    assert states(request) == ["fulfilled", "delivered"]


@pytest.mark.parametrize(("least", "state"), [(9, ["fulfilled", "delivered"]), (10, ["open", "open"])])
def test_line_whose_need_shrinks_to_what_was_delivered_is_met(at: datetime, least: int, state: list[str]) -> None:
    request = opened()
    claimant = claim(request, 30, at=at)
    (row,) = lines_of(request)
    operations.deliver_lines(actor=SYSTEM, at=at, claimant=claimant, delivered={row.pk: 9})
    assert states(request) == ["open", "open"]
    enough = line(number=1, participants_min=least, participants_max=12)
    operations.edit_request(actor=SYSTEM, at=at, request_id=request.pk, changes={"lines": (enough,)})
    assert states(request) == state


def test_delivery_that_reached_nobody_of_a_line_leaves_nothing_on_it(at: datetime) -> None:
    request = opened()
    claimant = claim(request, 30, at=at)
    (line, *_) = lines_of(request)
    operations.deliver_lines(actor=SYSTEM, at=at, claimant=claimant, delivered={line.pk: 0})
    assert states(request) == ["open", "open"]
    assert not line.claims.filter(released_at__isnull=True).exists()
    assert lines_of(request)[0].free == 30


def test_fewer_participants_than_agreed_but_enough_is_a_delivery(at: datetime) -> None:
    request = opened()
    claimant = claim(request, 30, at=at)
    operations.deliver_lines(actor=SYSTEM, at=at, claimant=claimant, delivered={lines_of(request)[0].pk: 15})
    assert states(request) == ["fulfilled", "delivered"]


def test_claim_is_resized_within_the_line(at: datetime) -> None:
    request = opened()
    claimant = claim(request, 20, at=at)
    line_id = lines_of(request)[0].pk
    operations.resize_claim(actor=SYSTEM, at=at, claimant=claimant, line_id=line_id, participants=30)
    assert lines_of(request)[0].claimed == 30
    with refusal(ErrorCode.LINE_TAKEN):
        operations.resize_claim(actor=SYSTEM, at=at, claimant=claimant, line_id=line_id, participants=31)
    with refusal(ErrorCode.RULE_BROKEN):
        operations.resize_claim(actor=SYSTEM, at=at, claimant=claimant, line_id=line_id, participants=5)


@pytest.mark.parametrize("operation", [operations.agree_lines, operations.start_lines, operations.release_lines])
def test_repeating_changes_nothing(at: datetime, operation: "object") -> None:
    request = opened()
    claimant = claim(request, 20, at=at)
    assert callable(operation)
    operation(actor=SYSTEM, at=at, claimant=claimant)
    before, events = states(request), OutboxEvent.objects.count()
    operation(actor=SYSTEM, at=at, claimant=claimant)
    assert (states(request), OutboxEvent.objects.count()) == (before, events)


def test_each_step_of_a_line_has_one_audit_record_and_one_event(at: datetime) -> None:
    request = opened()
    claimant = claim(request, 20, at=at)
    operations.agree_lines(actor=SYSTEM, at=at, claimant=claimant)
    operations.release_lines(actor=SYSTEM, at=at, claimant=claimant)
    row = lines_of(request)[0]
    actions = [record.action for record in audit.trail("request_line", row.public_id)]
    assert actions == ["created", "hold", "agree", "release"]
    assert OutboxEvent.objects.filter(resource_id=row.public_id).count() == 4


def test_held_line_is_neither_dropped_nor_cut_below_what_is_placed(at: datetime) -> None:
    request = opened(lines=(line(), line(theme="diaspora")))
    claim(request, 20, at=at)
    keep = line(number=2, theme="diaspora")
    for lines, code in (((keep,), "line_in_use"), ((line(number=1, participants_max=19), keep), "below_placed")):
        with refusal(ErrorCode.RULE_BROKEN) as caught:
            operations.edit_request(actor=SYSTEM, at=at, request_id=request.pk, changes={"lines": lines})
        assert [error.code for error in caught.value.errors] == [code]


# --- what the database itself refuses -----------------------------------------------------------------------------


def test_database_refuses_more_than_the_maximum(at: datetime) -> None:
    row = lines_of(opened())[0]
    with pytest.raises(IntegrityError), transaction.atomic():
        RequestLine.objects.filter(pk=row.pk).update(claimed=31)


def test_database_refuses_two_live_claims_of_an_undivided_line(at: datetime) -> None:
    held = LineClaimFactory.create(line=lines_of(opened())[0])
    with pytest.raises(IntegrityError), transaction.atomic():
        LineClaimFactory.create(line=held.line)
    LineClaim.objects.filter(pk=held.pk).update(released_at=at)
    LineClaimFactory.create(line=held.line)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_many_claims_at_once_only_as_many_succeed_as_fit(at: datetime) -> None:
    request = opened(lines=(line(divisible=True, participants_min=5, participants_max=30),))
    outcomes: list[str] = []

    def attempt() -> None:
        try:
            claim(request, 5, at=at)
            outcomes.append("placed")
        except DomainError as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["line_taken"] * 6 + ["placed"] * 6
    assert lines_of(request)[0].claimed == 30
