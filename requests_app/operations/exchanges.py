"""Questions and answers, and endorsements by national authorities."""

from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from marketplace.accounts import permissions
from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.files import queries as files
from marketplace.kernel.errors import DomainError, ErrorCode, rule_broken, unknown_reference
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from requests_app import queries
from requests_app.models import Clarification, Endorsement, TrainingRequest
from requests_app.operations.locking import (
    LIVE_STATES,
    check_either,
    check_requester,
    check_screener,
    lock_request,
)

# --- questions ----------------------------------------------------------------------------------------------------


@transaction.atomic
def ask_clarification(
    *, actor: Actor, at: datetime, request_id: int, question: str, language: str = "en"
) -> Clarification:
    """Ask the requester, as the secretariat or as an organization that the request was shared with.

    Raises DomainError(permission_denied, wrong_state).
    """
    request = lock_request(request_id=request_id)
    asking = (
        None if permissions.can(actor, Permission.REQUESTS_SCREEN, at=at) else _asked_organization(request, actor, at)
    )
    if request.state not in LIVE_STATES:
        raise lifecycles.wrong_state(request, "ask")
    return _ask(request, question, language, asking, actor=actor, at=at)


def ask_at_return(
    request: TrainingRequest, question: str, language: str, *, actor: Actor, at: datetime
) -> Clarification:
    """Put the question with which a locked request is returned."""
    return _ask(request, question, language, None, actor=actor, at=at)


def _ask(
    request: TrainingRequest, question: str, language: str, asking: int | None, *, actor: Actor, at: datetime
) -> Clarification:
    if not question.strip():
        raise rule_broken("/question", "missing", _("A question needs words."))
    row = Clarification(request=request, question=question, question_language=language, asking_organization_id=asking)
    lifecycles.create(row, actor=actor, at=at, bump_root=True)
    return row


def _asked_organization(request: TrainingRequest, actor: Actor, at: datetime) -> int:
    """The actor's organization among those that were asked. Raises DomainError(permission_denied)."""
    for pk in sorted(permissions.own_organization_ids(actor, at)):
        if permissions.can(actor, Permission.OFFERS_MAKE, at=at, organization_id=pk) and (
            queries.current_shares(at, may=("comment",)).filter(request=request, organization_id=pk).exists()
        ):
            return pk
    raise DomainError(ErrorCode.PERMISSION_DENIED, permission=Permission.REQUESTS_SCREEN.value)


@transaction.atomic
def answer_clarification(
    *,
    actor: Actor,
    at: datetime,
    clarification_id: int,
    answer: str,
    language: str = "en",
    expected_version: int | None = None,
) -> Clarification:
    """Answer a question, as the requester. Raises DomainError(permission_denied, already_answered, wrong_state)."""
    row = _lock_clarification(clarification_id, expected_version)
    check_requester(row.request, actor, at)
    if row.state == "answered":
        raise DomainError(ErrorCode.ALREADY_ANSWERED)
    _answer(row, answer, language, actor=actor, at=at)
    return row


@transaction.atomic
def withdraw_clarification(
    *, actor: Actor, at: datetime, clarification_id: int, expected_version: int | None = None
) -> Clarification:
    """Take an open question back, as who asked it. Raises DomainError(permission_denied, wrong_state)."""
    row = _lock_clarification(clarification_id, expected_version)
    if not queries.asked_by(row, actor, at=at):
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission=Permission.REQUESTS_SCREEN.value)
    lifecycles.transition(row, "withdraw", actor=actor, at=at)
    return row


def answer_open_questions(request: TrainingRequest, answer: str, language: str, *, actor: Actor, at: datetime) -> None:
    """Answer all open questions of the secretariat on a locked request with the same words."""
    rows = Clarification.objects.select_for_update(of=("self",)).filter(
        request=request, state="open", asking_organization__isnull=True
    )
    for row in rows.order_by("pk"):
        row.request = request
        _answer(row, answer, language, actor=actor, at=at)


def _lock_clarification(clarification_id: int, expected_version: int | None) -> Clarification:
    request_id = Clarification.objects.filter(pk=clarification_id).values_list("request_id", flat=True).first()
    if request_id is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    request = lock_request(request_id=request_id)
    row = lifecycles.lock(Clarification.objects.filter(pk=clarification_id))
    row.request = request
    lifecycles.check_version(row, expected_version)
    return row


def _answer(row: Clarification, answer: str, language: str, *, actor: Actor, at: datetime) -> None:
    if not answer.strip():
        raise rule_broken("/answer", "missing", _("An answer needs words."))
    row.answer, row.answer_language, row.answered_at = answer, language, at
    lifecycles.transition(row, "answer", actor=actor, at=at, columns=("answer", "answer_language", "answered_at"))


# --- endorsements -------------------------------------------------------------------------------------------------


@transaction.atomic
def request_endorsement(*, actor: Actor, at: datetime, request_id: int, authority: str) -> Endorsement:
    """Ask a national authority (organization code) for its word, as the requester or the secretariat.

    From now on nothing is confirmed until the answer is recorded; matching goes on. Raises DomainError(permission_denied,
    wrong_state, unknown_reference), and duplicate while an earlier one of the same authority is open or valid.
    """
    request = lock_request(request_id=request_id)
    check_either(request, actor, at)
    if request.state not in LIVE_STATES | {"draft"}:
        raise lifecycles.wrong_state(request, "request-endorsement")
    organization = accounts.organization_by_code(authority, "/authority")
    live = Endorsement.objects.filter(request=request, authority=organization, state__in=["pending", "given"])
    if live.exists():
        raise DomainError(ErrorCode.DUPLICATE, field="authority")
    row = Endorsement(request=request, authority=organization)
    lifecycles.create(row, actor=actor, at=at, bump_root=True)
    return row


@transaction.atomic
def record_endorsement(
    *,
    actor: Actor,
    at: datetime,
    endorsement_id: int,
    given: bool,
    decided_on: date,
    letter: UUID | None = None,
    letter_reference: str = "",
    valid_until: date | None = None,
    remark: str = "",
    expected_version: int | None = None,
) -> Endorsement:
    """Record the authority's answer with its letter, as the secretariat.

    Raises DomainError(rule_broken) without any trace of the letter, for a future date, or a validity that is over;
    permission_denied, wrong_state, precondition_failed.
    """
    row = _lock_endorsement(endorsement_id)
    check_screener(actor, at)
    lifecycles.check_version(row, expected_version)
    lifecycles.find_transition(row, "record")
    if letter is None and not letter_reference.strip():
        raise rule_broken("/letter", "missing", _("Name the letter: its document or its reference."))
    if letter is not None and files.find_document(letter, about=row.request) is None:
        raise unknown_reference("/letter", letter)
    if decided_on > at.date():
        raise rule_broken("/decided_on", "in_future", _("The letter is dated in the future."))
    if valid_until is not None and valid_until < at.date():
        raise rule_broken("/valid_until", "over", _("This endorsement is over already."))
    row.letter, row.letter_reference, row.decided_on = letter, letter_reference, decided_on
    row.valid_until, row.remark = valid_until, remark
    target = "given" if given else "refused"
    lifecycles.transition(
        row,
        "record",
        actor=actor,
        at=at,
        target=target,
        data={"given": given},
        columns=("letter", "letter_reference", "decided_on", "valid_until", "remark"),
    )
    return row


def expire_endorsements(*, actor: Actor, at: datetime) -> int:
    """End the endorsements whose validity is over; returns how many. Safe to repeat."""
    over = Endorsement.objects.filter(state="given", valid_until__lt=at.date()).values_list("pk", flat=True)
    count = 0
    for pk in list(over[:BATCH]):
        with transaction.atomic():
            row = _lock_endorsement(pk)
            if row.state == "given":
                lifecycles.transition(row, "expire", actor=actor, at=at)
                count += 1
    return count


BATCH = 200


def _lock_endorsement(endorsement_id: int) -> Endorsement:
    request_id = Endorsement.objects.filter(pk=endorsement_id).values_list("request_id", flat=True).first()
    if request_id is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    request = lock_request(request_id=request_id)
    row = lifecycles.lock(Endorsement.objects.select_related("authority").filter(pk=endorsement_id))
    row.request = request
    return row
