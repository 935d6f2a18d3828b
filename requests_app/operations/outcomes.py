"""When nobody fits: the call for offers, the dated answer "not yet met", and opening the need again."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError, ErrorCode, rule_broken
from marketplace.kernel.periods import add_working_days
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from marketplace.vocabularies import queries as vocabularies
from requests_app import queries
from requests_app.lifecycle import CALL_STEP
from requests_app.models import RequestLine, TrainingRequest
from requests_app.operations.locking import check_requester, check_screener, lock_lines, lock_request
from requests_app.operations.placing import follow_lines


@transaction.atomic
def call_for_offers(
    *,
    actor: Actor,
    at: datetime,
    request_id: int,
    deadline_days: int | None = None,
    expected_version: int | None = None,
) -> TrainingRequest:
    """Call eligible providers for offers on an open request, for so many working days (else as the service level says).

    A second call replaces the deadline of the first. Raises DomainError(permission_denied, wrong_state, rule_broken).
    """
    request = lock_request(request_id=request_id, expected_version=expected_version)
    check_screener(actor, at)
    if request.state != "open":
        raise lifecycles.wrong_state(request, "call-for-offers")
    days = vocabularies.service_level(CALL_STEP.code).working_days if deadline_days is None else deadline_days
    if not 1 <= days <= MOST_DAYS:
        detail = _("A call lasts from 1 to %(most)s working days.")
        raise rule_broken("/deadline_days", "deadline_out_of_range", detail, most=MOST_DAYS)
    request.called_at, request.call_ends_at, request.call_ended_at = at, add_working_days(at, days), None
    lifecycles.reschedule_step(request, at=at, due_at=request.call_ends_at)
    ends = request.call_ends_at.isoformat()
    lifecycles.record_change(
        request, "called_for_offers", actor=actor, at=at, changes={"call_ends_at": ["", ends]}, data={"ends_at": ends}
    )
    return request


MOST_DAYS = 60


@transaction.atomic
def end_call(*, actor: Actor, at: datetime, request_id: int) -> TrainingRequest:
    """Note that the deadline of a call has passed: the secretariat has the next step. Repeating changes nothing."""
    request = lock_request(request_id=request_id)
    if request.called_at is None or request.call_ended_at is not None or request.state != "open":
        return request
    request.call_ended_at = at
    lifecycles.reschedule_step(request, at=at)
    lifecycles.record_change(request, "call_ended", actor=actor, at=at)
    return request


@transaction.atomic
def waive_call_for_offers(
    *, actor: Actor, at: datetime, request_id: int, expected_version: int | None = None
) -> TrainingRequest:
    """Give up the call for offers, as the requester: the need may be marked as not yet met without it.

    Raises DomainError(permission_denied, wrong_state, precondition_failed).
    """
    request = lock_request(request_id=request_id, expected_version=expected_version)
    check_requester(request, actor, at)
    if request.state != "open":
        raise lifecycles.wrong_state(request, "waive-call")
    request.call_waived_at = at
    if request.called_at is not None and request.call_ended_at is None:
        request.call_ended_at = at
    request.ranked_at = request.ranked_at or at
    lifecycles.reschedule_step(request, at=at)
    lifecycles.record_change(request, "call_waived", actor=actor, at=at)
    return request


@transaction.atomic
def note_ranking(
    *, actor: Actor, at: datetime, request_id: int, data: dict[str, object] | None = None
) -> TrainingRequest:
    """Note that the engine has answered for the present content: the secretariat chooses next. Repeating is harmless."""
    request = lock_request(request_id=request_id)
    if request.state != "open":
        return request
    first = request.ranked_at is None
    request.ranked_at = at
    if first and request.step != CALL_STEP.code:
        lifecycles.reschedule_step(request, at=at)
    lifecycles.record_change(request, "ranked", actor=actor, at=at, data=data)
    return request


@transaction.atomic
def mark_unmet(
    *,
    actor: Actor,
    at: datetime,
    request_id: int,
    reason_code: str,
    reason_text: str = "",
    conflicts: Sequence[str] = (),
    line_numbers: Iterable[int] | None = None,
    expected_version: int | None = None,
) -> TrainingRequest:
    """Answer that a need (all open lines, or those given) is not yet met, with reason and conflicting constraints.

    Only after a call for offers has ended, or when the requester gave it up. With lines that are agreed the request
    goes on with those. Raises DomainError(rule_broken) before the end of the call or while lines are held,
    permission_denied, wrong_state, unknown_reference, precondition_failed.
    """
    request = lock_request(request_id=request_id, expected_version=expected_version)
    check_screener(actor, at)
    lifecycles.find_transition(request, "mark-unmet")
    error = vocabularies.check_code("unmet_reasons", reason_code, "/reason_code")
    if error:
        raise DomainError(ErrorCode.UNKNOWN_REFERENCE, errors=[error])
    if not queries.call_is_over(request, at):
        detail = _("A call for offers must have ended first, or the requester gives it up.")
        raise rule_broken("", "call_not_over", detail)
    lines = lock_lines(request)
    for line in _lines_to_give_up(lines, line_numbers):
        lifecycles.transition(line, "mark-unmet", actor=actor, at=at, reason_code=reason_code)
    request.reason_code, request.reason_text, request.conflicts = reason_code, reason_text, list(conflicts)
    if any(line.state not in ("unmet", "dropped") for line in lines):
        data: dict[str, object] = {"reason_code": reason_code, "partly": True}
        lifecycles.record_change(
            request, "partly_unmet", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text, data=data
        )
        follow_lines(request, actor=actor, at=at)
        return request
    lifecycles.transition(
        request,
        "mark-unmet",
        actor=actor,
        at=at,
        reason_code=reason_code,
        reason_text=reason_text,
        columns=("reason_code", "reason_text", "conflicts"),
    )
    return request


def _lines_to_give_up(lines: list[RequestLine], line_numbers: Iterable[int] | None) -> list[RequestLine]:
    """The open lines, or those asked for. Raises DomainError(rule_broken) for a line that somebody holds."""
    wanted = None if line_numbers is None else set(line_numbers)
    chosen = [
        line
        for line in lines
        if (wanted is None and line.state in ("open", "held")) or (wanted and line.number in wanted)
    ]
    for line in chosen:
        if line.state != "open" or line.claimed:
            detail = _("Line %(line)s is held by a proposal; retract or decline that first.")
            raise rule_broken("/lines", "line_held", detail, line=line.number)
    if not chosen:
        raise rule_broken("/lines", "no_open_line", _("There is no open line to give up."))
    return chosen


@transaction.atomic
def reopen_request(
    *, actor: Actor, at: datetime, request_id: int, expected_version: int | None = None
) -> TrainingRequest:
    """Open an unmet request again, all its unmet lines with it. Raises DomainError(permission_denied, wrong_state)."""
    request = lock_request(request_id=request_id, expected_version=expected_version)
    check_screener(actor, at)
    lifecycles.find_transition(request, "reopen")
    for line in lock_lines(request):
        if line.state == "unmet":
            lifecycles.transition(line, "reopen", actor=actor, at=at)
    request.called_at = request.call_ends_at = request.call_ended_at = request.call_waived_at = None
    request.ranked_at, request.reason_code, request.reason_text, request.conflicts = None, "", "", []
    columns = ("called_at", "call_ends_at", "call_ended_at", "call_waived_at", "ranked_at")
    lifecycles.transition(
        request, "reopen", actor=actor, at=at, columns=(*columns, "reason_code", "reason_text", "conflicts")
    )
    return request
