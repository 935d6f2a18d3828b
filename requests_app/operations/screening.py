"""The way of a request through the secretariat: submit, return, answer, open, decline, withdraw, cancel, close."""

from datetime import datetime

from django.db import transaction

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError, ErrorCode, rule_broken
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from marketplace.vocabularies import queries as vocabularies
from requests_app.models import TrainingRequest
from requests_app.operations.content import RequestContent, check_complete, content_of
from requests_app.operations.exchanges import answer_open_questions, ask_at_return
from requests_app.operations.indexing import index_request
from requests_app.operations.locking import check_requester, check_screener, lock_request
from requests_app.operations.references import next_reference, reserve_reference, test_reference


@transaction.atomic
def submit_request(
    *, actor: Actor, at: datetime, request_id: int, expected_version: int | None = None, reference: str | None = None
) -> TrainingRequest:
    """Submit a draft: it gets its reference and the secretariat looks at it.

    ``reference`` keeps one that was given elsewhere (imports by the product itself only). Raises
    DomainError(rule_broken) naming what is missing, permission_denied, wrong_state, precondition_failed.
    """
    request = lock_request(request_id=request_id, expected_version=expected_version)
    check_requester(request, actor, at)
    lifecycles.find_transition(request, "submit")
    content = content_of(request)
    check_complete(content)
    _check_window_ahead(content, at)
    if reference is not None and not actor.is_system:
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission="import")
    places = [line.country or line.region for line in content.lines]
    if request.is_test:
        request.reference = test_reference(request.pk, places, year=at.year)
    else:
        request.reference = reserve_reference(reference) if reference else next_reference(places, year=at.year)
    request.submitted_at = at
    lifecycles.transition(request, "submit", actor=actor, at=at, columns=("reference", "submitted_at"))
    index_request(request)
    return request


def _check_window_ahead(content: RequestContent, at: datetime) -> None:
    if content.window is not None and content.window.end < at.date():
        raise rule_broken("/window/end", "window_over", _("The window of dates is over already."))


@transaction.atomic
def return_request(
    *,
    actor: Actor,
    at: datetime,
    request_id: int,
    question: str,
    language: str = "en",
    reason_code: str = "other",
    expected_version: int | None = None,
) -> TrainingRequest:
    """Send a submitted request back with a question; the secretariat's own clock stands still meanwhile.

    Raises DomainError(permission_denied, wrong_state, precondition_failed, unknown_reference).
    """
    request = _lock_for_screener(request_id, actor, at, expected_version)
    lifecycles.find_transition(request, "return")
    _check_reason("return_reasons", reason_code)
    ask_at_return(request, question, language, actor=actor, at=at)
    _conclude(request, "return", reason_code, question, actor=actor, at=at)
    return request


@transaction.atomic
def answer_request(
    *,
    actor: Actor,
    at: datetime,
    request_id: int,
    answer: str,
    language: str = "en",
    expected_version: int | None = None,
) -> TrainingRequest:
    """Answer a returned request; the answer goes to every open question of the secretariat, and its clock goes on.

    Raises DomainError(rule_broken) where the request is not complete, permission_denied, wrong_state, precondition_failed.
    """
    request = lock_request(request_id=request_id, expected_version=expected_version)
    check_requester(request, actor, at)
    lifecycles.find_transition(request, "answer")
    check_complete(content_of(request))
    answer_open_questions(request, answer, language, actor=actor, at=at)
    _conclude(request, "answer", "", "", actor=actor, at=at)
    return request


@transaction.atomic
def open_request(
    *, actor: Actor, at: datetime, request_id: int, expected_version: int | None = None
) -> TrainingRequest:
    """Open a submitted request for matching. Raises DomainError(permission_denied, wrong_state, precondition_failed)."""
    request = _lock_for_screener(request_id, actor, at, expected_version)
    lifecycles.find_transition(request, "open")
    request.opened_at = at
    lifecycles.transition(request, "open", actor=actor, at=at, columns=("opened_at",))
    return request


@transaction.atomic
def decline_request(
    *,
    actor: Actor,
    at: datetime,
    request_id: int,
    reason_code: str,
    reason_text: str = "",
    expected_version: int | None = None,
) -> TrainingRequest:
    """Find a submitted request outside the scope. Raises DomainError(unknown_reference) for an unknown reason."""
    request = _lock_for_screener(request_id, actor, at, expected_version)
    lifecycles.find_transition(request, "decline")
    _check_reason("ineligible_reasons", reason_code)
    _conclude(request, "decline", reason_code, reason_text, actor=actor, at=at)
    return request


@transaction.atomic
def withdraw_request(
    *,
    actor: Actor,
    at: datetime,
    request_id: int,
    reason_code: str = "other",
    reason_text: str = "",
    expected_version: int | None = None,
) -> TrainingRequest:
    """Take a request back, as its requester; what proposals hold is released by those that hold it.

    Raises DomainError(permission_denied, wrong_state, precondition_failed, unknown_reference).
    """
    request = lock_request(request_id=request_id, expected_version=expected_version)
    check_requester(request, actor, at)
    lifecycles.find_transition(request, "withdraw")
    _check_reason("withdrawal_reasons", reason_code)
    _conclude(request, "withdraw", reason_code, reason_text, actor=actor, at=at)
    return request


@transaction.atomic
def withdraw_unanswered(*, actor: Actor, at: datetime, request_id: int, due_at: datetime) -> bool:
    """Withdraw a request whose answer is long overdue; only where it still waits for that very answer. Repeatable."""
    request = lock_request(request_id=request_id)
    if request.state != "returned" or request.due_at != due_at:
        return False
    _conclude(request, "withdraw", "not_answered", "", actor=actor, at=at)
    return True


@transaction.atomic
def cancel_request(
    *,
    actor: Actor,
    at: datetime,
    request_id: int,
    reason_code: str,
    reason_text: str = "",
    expected_version: int | None = None,
) -> TrainingRequest:
    """Cancel a request, as the secretariat. Raises DomainError(permission_denied, wrong_state, unknown_reference)."""
    request = _lock_for_screener(request_id, actor, at, expected_version)
    lifecycles.find_transition(request, "cancel")
    _check_reason("cancellation_reasons", reason_code)
    _conclude(request, "cancel", reason_code, reason_text, actor=actor, at=at)
    return request


@transaction.atomic
def close_request(
    *, actor: Actor, at: datetime, request_id: int, expected_version: int | None = None
) -> TrainingRequest:
    """Close a fulfilled request. Raises DomainError(permission_denied, wrong_state, precondition_failed)."""
    request = _lock_for_screener(request_id, actor, at, expected_version)
    lifecycles.transition(request, "close", actor=actor, at=at)
    return request


def _lock_for_screener(request_id: int, actor: Actor, at: datetime, expected_version: int | None) -> TrainingRequest:
    request = lock_request(request_id=request_id, expected_version=expected_version)
    check_screener(actor, at)
    return request


def _check_reason(scheme: str, code: str) -> None:
    error = vocabularies.check_code(scheme, code, "/reason_code")
    if error:
        raise DomainError(ErrorCode.UNKNOWN_REFERENCE, errors=[error])


def _conclude(
    request: TrainingRequest, verb: str, reason_code: str, reason_text: str, *, actor: Actor, at: datetime
) -> None:
    """Move the request and keep the reason beside its state."""
    request.reason_code, request.reason_text = reason_code, reason_text
    lifecycles.transition(
        request,
        verb,
        actor=actor,
        at=at,
        reason_code=reason_code,
        reason_text=reason_text,
        columns=("reason_code", "reason_text"),
    )
