"""Who else may read a request: organizations that it is shown to, with scope and end, and everybody by consent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from marketplace.accounts import permissions
from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, rule_broken
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from requests_app.models import MAY, SEES, PostingConsent, RequestShare, TrainingRequest
from requests_app.operations.locking import (
    LIVE_STATES,
    check_either,
    check_in_office,
    check_requester,
    lock_request,
)


@dataclass(frozen=True, slots=True)
class ShareTerms:
    """Why a request is shared, what of it is seen (`SEES`), what may be done (`MAY`), and until when (None: for good)."""

    reason: str
    sees: str
    may: str
    expires_at: datetime | None = None


@transaction.atomic
def share_request(
    *,
    actor: Actor,
    at: datetime,
    request_id: int,
    organization_ids: Iterable[int],
    expires_at: datetime | None = None,
) -> Sequence[RequestShare]:
    """Let organizations that a proposal asks read all of one request and put questions.

    Those that have it keep it, with the wider scope and the later end, until ``end_asked`` gives them back what they had.
    Raises DomainError(permission_denied, wrong_state, rule_broken).
    """
    request = _lock(request_id, actor, at, expires_at)
    terms = ShareTerms("asked", SEES[-1], MAY[-1], expires_at)
    wanted = sorted(set(organization_ids))
    known = {share.organization_id: share for share in _live(request).filter(organization_id__in=wanted)}
    changed = [_widen(request, pk, known.get(pk), terms, at) for pk in wanted]
    new = [share for share in changed if share is not None]
    if new:
        _record(request, new, actor, at)
    return list(_live(request).filter(organization_id__in=wanted).select_related("organization"))


@transaction.atomic
def end_asked(*, actor: Actor, at: datetime, request_id: int, organization_id: int) -> RequestShare | None:
    """End what an organization reads of a request because a proposal asks it, now that none does any more.

    In whatever state the request is; an organization to which it had been shown before keeps that. Gives the share, or
    None where nothing was asked. Raises DomainError(permission_denied).
    """
    request = lock_request(request_id=request_id)
    check_either(request, actor, at)
    asked = _live(request).filter(organization_id=organization_id, reason="asked")
    share = asked.select_related("organization").first()
    if share is None:
        return None
    former = _former(share)
    if former is None or (former.expires_at is not None and former.expires_at <= at):
        return _end(request, share, actor, at)
    _set(share, former, at)
    _record(request, [share], actor, at)
    return share


@transaction.atomic
def share_with(
    *,
    actor: Actor,
    at: datetime,
    request_id: int,
    organization: str,
    sees: str = "body",
    may: str = "read",
    expires_at: datetime | None = None,
) -> tuple[RequestShare, bool]:
    """Show a request to one organization (by code), a provider perhaps, as requester or secretariat; tells whether new.

    One that it is shown to already gets these terms, narrower ones too. Raises DomainError(permission_denied,
    wrong_state, unknown_reference), and rule_broken for an end that is past or an organization that a proposal asks.
    """
    request = _lock(request_id, actor, at, expires_at)
    if not permissions.can(actor, Permission.REQUESTS_SCREEN, at=at):
        check_in_office(request, actor, at)  # what was granted for a time is not passed on
    other = accounts.organization_by_code(organization)
    terms = ShareTerms("shared", sees, may, expires_at)
    share = _live(request).filter(organization=other).first()
    if share is not None and share.reason == "asked":
        told = _("A proposal asks this organization: it reads all of the request.")
        raise rule_broken("/organization", "asked", told)
    is_new = share is None
    share = _make(request, other.pk, terms, at) if share is None else _set(share, terms, at)
    _record(request, [share], actor, at)
    return share, is_new


@transaction.atomic
def revoke_share(*, actor: Actor, at: datetime, share_id: int, expected_version: int | None = None) -> RequestShare:
    """Take a share back at once, as requester or secretariat; taking it back again changes nothing.

    Raises DomainError(not_found, precondition_failed, permission_denied), and rule_broken while a proposal asks.
    """
    found = RequestShare.objects.filter(pk=share_id).first()
    if found is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    request = lock_request(request_id=found.request_id)
    share = RequestShare.objects.select_related("organization").get(pk=share_id)
    if expected_version is not None and expected_version != share.version:
        raise DomainError(ErrorCode.PRECONDITION_FAILED)
    check_either(request, actor, at)
    if share.ended_at is not None:
        return share
    if share.reason == "asked":
        raise rule_broken("", "asked", _("A proposal asks this organization: retract or decline that first."))
    return _end(request, share, actor, at)


def _lock(request_id: int, actor: Actor, at: datetime, expires_at: datetime | None) -> TrainingRequest:
    request = lock_request(request_id=request_id)
    check_either(request, actor, at)
    if request.state not in LIVE_STATES:
        raise lifecycles.wrong_state(request, "share")
    if expires_at is not None and expires_at <= at:
        raise rule_broken("/expires_at", "over", _("This is over already."))
    return request


def _live(request: TrainingRequest) -> QuerySet[RequestShare]:
    return request.shares.filter(ended_at__isnull=True)


def _record(request: TrainingRequest, shares: Sequence[RequestShare], actor: Actor, at: datetime) -> None:
    codes = sorted(share.organization.code for share in shares)
    scope = sorted({f"{share.sees}, {share.may}" for share in shares})
    changes = {"organizations": [[], codes], "scope": [[], scope]}
    lifecycles.record_change(request, "shared", actor=actor, at=at, changes=changes)


def _end(request: TrainingRequest, share: RequestShare, actor: Actor, at: datetime) -> RequestShare:
    """End a share at once; who loses sight of the request by that is told."""
    until_now = request.event_scope(at=at)
    share.ended_at = share.updated_at = at
    share.version += 1
    share.save(update_fields=["ended_at", "updated_at", "version"])
    changes = {"organizations": [[share.organization.code], []]}
    lifecycles.record_change(request, "unshared", actor=actor, at=at, changes=changes, until_now=until_now)
    return share


def _make(request: TrainingRequest, organization_id: int, terms: ShareTerms, at: datetime) -> RequestShare:
    return RequestShare.objects.create(
        request=request,
        organization_id=organization_id,
        reason=terms.reason,
        sees=terms.sees,
        may=terms.may,
        shared_at=at,
        expires_at=terms.expires_at,
        created_at=at,
        updated_at=at,
    )


def _set(share: RequestShare, terms: ShareTerms, at: datetime, former: ShareTerms | None = None) -> RequestShare:
    """Put new terms in place of those of a share; ``former`` are those to which it falls back."""
    share.reason, share.sees, share.may, share.expires_at = terms.reason, terms.sees, terms.may, terms.expires_at
    share.former_sees, share.former_may = (former.sees, former.may) if former else ("", "")
    share.former_expires_at = former.expires_at if former else None
    share.updated_at, share.version = at, share.version + 1
    share.save()
    return share


def _widen(
    request: TrainingRequest, organization_id: int, known: RequestShare | None, terms: ShareTerms, at: datetime
) -> RequestShare | None:
    """Make a share, or widen and prolong one; None where nothing changes."""
    if known is None:
        return _make(request, organization_id, terms, at)
    ends = (known.expires_at, terms.expires_at)
    wider = ShareTerms(
        terms.reason,
        max(known.sees, terms.sees, key=SEES.index),
        max(known.may, terms.may, key=MAY.index),
        None if None in ends else max(end for end in ends if end is not None),
    )
    same = (known.sees, known.may, known.expires_at) == (wider.sees, wider.may, wider.expires_at)
    return None if same and known.reason == wider.reason else _set(known, wider, at, _former(known))


def _former(share: RequestShare) -> ShareTerms | None:
    """Give the terms on which a share was or is shown, whatever a proposal asks for; None where only a proposal asks."""
    if share.reason == "shared":
        return ShareTerms("shared", share.sees, share.may, share.expires_at)
    if not share.former_sees:
        return None
    return ShareTerms("shared", share.former_sees, share.former_may, share.former_expires_at)


# --- everybody ----------------------------------------------------------------------------------------------------


@transaction.atomic
def consent_to_posting(
    *, actor: Actor, at: datetime, request_id: int, expected_version: int | None = None
) -> TrainingRequest:
    """Agree, as a person of the requester, that the summary of a public request is listed for everybody signed in.

    Agreeing again changes nothing. Raises DomainError(permission_denied) for others and for systems, rule_broken where
    the request is not meant for the public, wrong_state once it has ended.
    """
    request = lock_request(request_id=request_id, expected_version=expected_version)
    _check_person(request, actor, at)
    check_in_office(request, actor, at)
    if request.state not in LIVE_STATES | {"draft"}:
        raise lifecycles.wrong_state(request, "consent-to-posting")
    if request.visibility != "public":
        raise rule_broken("/visibility", "not_public", _("Only a request with the visibility `public` is listed."))
    if not request.consents.filter(withdrawn_at__isnull=True).exists():
        PostingConsent.objects.create(request=request, given_at=at, given_by=actor.label)
        lifecycles.record_change(request, "posting_consented", actor=actor, at=at)
    return request


@transaction.atomic
def withdraw_posting_consent(
    *, actor: Actor, at: datetime, request_id: int, expected_version: int | None = None
) -> TrainingRequest:
    """Take the consent back, as a person of the requester: from now on the request is listed no longer.

    Without a consent nothing changes. Raises DomainError(permission_denied).
    """
    request = lock_request(request_id=request_id, expected_version=expected_version)
    _check_person(request, actor, at)
    until_now = request.event_scope(at=at)
    taken = request.consents.filter(withdrawn_at__isnull=True).update(withdrawn_at=at, withdrawn_by=actor.label)
    if taken:
        lifecycles.record_change(request, "posting_consent_withdrawn", actor=actor, at=at, until_now=until_now)
    return request


def _check_person(request: TrainingRequest, actor: Actor, at: datetime) -> None:
    """Raise DomainError(permission_denied) unless a person of the requester acts; systems agree to nothing."""
    check_requester(request, actor, at)
    if actor.user is None and not actor.is_system:
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission=Permission.REQUESTS_WRITE.value)
