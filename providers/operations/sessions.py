"""Planning, changing and running sessions."""

from copy import copy
from datetime import date, datetime

from django.db import IntegrityError, transaction

from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError, rule_broken
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from providers.models import Offering, Session
from providers.operations.access import check_offering
from providers.operations.facts import Facts, check_codes, check_reason, put, refuse, with_period

# What a provider says of a session; `period` (kernel Period) stands for the first three.
COLUMNS = (
    "start_on",
    "end_on",
    "precision",
    "enrolment_deadline",
    "modality",
    "city",
    "country",
    "venue",
    "languages",
    "seats_total",
    "seats_min",
    "original_period",
    "provenance",
)
CODED = {"modality": "modalities", "country": "countries", "languages": "languages"}
CLOSED = ("completed", "cancelled")


@transaction.atomic
def create_session(
    *,
    actor: Actor,
    at: datetime,
    offering_id: int,
    facts: Facts,
    code: str = "",
    external_id: str = "",
    source: str = "",
) -> Session:
    """Plan a session of an offering; ``facts`` takes COLUMNS and ``period``; modality, languages and
    seats default to those of the offering.

    Raises DomainError(permission_denied, unknown_reference, rule_broken, duplicate, not_found).
    """
    rows = Offering.objects.select_related("provider__organization", "programme").filter(pk=offering_id)
    offering = rows.first()
    if offering is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    check_offering(actor, Permission.CATALOGUE_WRITE, offering, at=at)
    if offering.is_umbrella:
        raise rule_broken("/offering", "not_bookable", _("A series is not itself bookable."))
    if offering.state == "retired":
        raise rule_broken("/offering", "retired", _("The offering is retired."))
    session = Session(offering=offering, code=code, external_id=external_id, source=source)
    _put(session, {**_usual(offering), **facts})
    try:
        with transaction.atomic():
            lifecycles.create(session, actor=actor, at=at)
    except IntegrityError:
        raise DomainError(ErrorCode.DUPLICATE, field="code" if code else "external_id") from None
    return session


@transaction.atomic
def change_session(
    *, actor: Actor, at: datetime, session_id: int, facts: Facts, expected_version: int | None = None
) -> Session:
    """Change a session that is not over; nothing happens where nothing differs.

    The seats cannot fall below those held and confirmed. The event names what changed: fulfilment acts on changed dates.
    Raises DomainError(permission_denied, wrong_state, precondition_failed, unknown_reference, rule_broken).
    """
    session = _lock(session_id, expected_version)
    check_offering(actor, Permission.CATALOGUE_WRITE, session.offering, at=at)
    if session.state in CLOSED and _differs(session, facts):
        raise lifecycles.wrong_state(session, "change")
    changes = _put(session, facts)
    if changes:
        data = {"changed": sorted(changes)}
        lifecycles.record_change(session, "changed", actor=actor, at=at, changes=changes, data=data)
    return session


@transaction.atomic
def save_session(
    *,
    actor: Actor,
    at: datetime,
    offering_id: int,
    source: str,
    external_id: str,
    facts: Facts,
    expected_version: int | None = None,
) -> tuple[Session, bool]:
    """Create or change the session of an offering that ``source`` knows as ``external_id``; tells whether it is new.

    Repeating the call changes nothing. Raises what `create_session` and `change_session` raise, precondition_failed also
    where a version is expected of what is not there.
    """
    rows = Session.objects.filter(offering_id=offering_id, source=source, external_id=external_id)
    known = rows.values_list("pk", flat=True).first()
    if known is None:
        if expected_version is not None:
            raise DomainError(ErrorCode.PRECONDITION_FAILED)
        created = create_session(
            actor=actor, at=at, offering_id=offering_id, facts=facts, external_id=external_id, source=source
        )
        return created, True
    changed = change_session(actor=actor, at=at, session_id=known, facts=facts, expected_version=expected_version)
    return changed, False


def open_session(*, actor: Actor, at: datetime, session_id: int, expected_version: int | None = None) -> Session:
    """Open a planned session for enrolment. Raises DomainError(permission_denied, wrong_state, precondition_failed)."""
    return _move("open", actor=actor, at=at, session_id=session_id, expected_version=expected_version)


def start_session(*, actor: Actor, at: datetime, session_id: int, expected_version: int | None = None) -> Session:
    """Record that a session has begun. Raises DomainError(permission_denied, wrong_state, precondition_failed)."""
    return _move("start", actor=actor, at=at, session_id=session_id, expected_version=expected_version)


def complete_session(*, actor: Actor, at: datetime, session_id: int, expected_version: int | None = None) -> Session:
    """Record that a session has ended. Raises DomainError(permission_denied, wrong_state, precondition_failed)."""
    return _move("complete", actor=actor, at=at, session_id=session_id, expected_version=expected_version)


@transaction.atomic
def cancel_session(
    *,
    actor: Actor,
    at: datetime,
    session_id: int,
    reason_code: str,
    reason_text: str = "",
    expected_version: int | None = None,
) -> Session:
    """Cancel a session; by the event its engagements go on hold and its holds are freed by those who have them.

    ``reason_code`` is of the list cancellation_reasons. Raises DomainError(permission_denied, wrong_state,
    precondition_failed, unknown_reference).
    """
    session = _lock(session_id, expected_version)
    check_offering(actor, Permission.CATALOGUE_WRITE, session.offering, at=at)
    check_reason("cancellation_reasons", reason_code)
    lifecycles.transition(session, "cancel", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text)
    return session


@transaction.atomic
def _move(verb: str, *, actor: Actor, at: datetime, session_id: int, expected_version: int | None) -> Session:
    session = _lock(session_id, expected_version)
    check_offering(actor, Permission.CATALOGUE_WRITE, session.offering, at=at)
    lifecycles.transition(session, verb, actor=actor, at=at)
    return session


def _lock(session_id: int, expected_version: int | None) -> Session:
    rows = Session.objects.select_related("offering__provider__organization", "offering__programme")
    return lifecycles.lock(rows.filter(pk=session_id), expected_version=expected_version)


def _usual(offering: Offering) -> dict[str, object]:
    return {
        "modality": offering.modality,
        "languages": list(offering.languages),
        "seats_total": offering.participants_max or 1,
        "seats_min": offering.participants_min or 1,
    }


def _differs(session: Session, facts: Facts) -> bool:
    try:
        return bool(_put(copy(session), facts))
    except DomainError:  # whatever is wrong with them, they are others
        return True


def _put(session: Session, facts: Facts) -> dict[str, object]:
    check_codes(facts, CODED)
    changes = put(session, with_period(facts), COLUMNS)
    _check(session, session.start_on, session.end_on)
    return changes


def _check(session: Session, start: date | None, end: date | None) -> None:
    errors: list[FieldError] = []
    if start is None or end is None:
        errors.append(FieldError("/period", "missing", _("A session has dates, however imprecise.")))
    elif end < start:
        errors.append(FieldError("/period/end", "before_start", _("The session ends before it begins.")))
    elif session.enrolment_deadline is not None and session.enrolment_deadline > end:
        errors.append(FieldError("/enrolment_deadline", "after_end", _("The enrolment ends after the session.")))
    if session.seats_min > session.seats_total or session.seats_min < 1:
        errors.append(FieldError("/seats_min", "above_total", _("The smallest group lies between one and all seats.")))
    elif session.seats_free < 0:
        taken = session.seats_held + session.seats_confirmed
        detail = _("%(taken)s seats are held or confirmed.")
        errors.append(FieldError("/seats_total", "seats_taken", detail, (), {"taken": taken}))
    refuse(errors)
