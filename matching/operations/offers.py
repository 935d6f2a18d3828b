"""A provider offers on its own: a proposal that the secretariat decides on like any other."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime

from django.db import IntegrityError, transaction

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, rule_broken, unknown_reference
from marketplace.kernel.money import Money
from marketplace.kernel.text import gettext_noop
from marketplace.lifecycles import operations as lifecycles
from matching.models import MatchProposal, PartLine, ProposalPart
from matching.operations.writing import flag
from providers import queries as providers
from requests_app import operations as request_operations
from requests_app import queries as requests


@transaction.atomic
def make_offer(
    *,
    actor: Actor,
    at: datetime,
    request_id: int,
    offering: str,
    lines: Mapping[int, int],
    session: str = "",
    start_on: date | None = None,
    end_on: date | None = None,
    language: str = "",
    cost: Money | None = None,
    message: str = "",
) -> MatchProposal:
    """Offer one of the provider's published offerings for lines (number -> participants) of an open request.

    Raises DomainError(permission_denied) unless the actor may offer for the provider, DomainError(wrong_state) when
    the request is not open, and DomainError(rule_broken, duplicate) naming what does not fit.
    """
    found = providers.offering_by_reference(offering)
    permissions.check(actor, Permission.OFFERS_MAKE, at=at, organization_id=found.provider.organization_id)
    request = request_operations.lock_request(request_id=request_id)
    if request.state != "open":
        raise lifecycles.wrong_state(request, "offer")
    if found.state != "published":
        detail = gettext_noop("Only a published offering can be offered.")
        raise rule_broken("/offering", "offering_not_published", detail)
    slot = providers.find_session(session) if session else None
    if session and slot is None:
        raise unknown_reference("/session", session)
    if slot is not None and slot.offering_id != found.pk:
        raise rule_broken("/session", "other_offering", gettext_noop("The session belongs to another offering."))
    open_lines = {line.number: line for line in requests.request_for_matching(request.pk).lines if line.state == "open"}
    _check_lines(lines, {number: line.free for number, line in open_lines.items()})
    proposal = MatchProposal(
        request=request,
        origin="provider",
        lead=found.provider,
        covers_all=set(lines) == set(open_lines),
        uncovered=sorted(set(open_lines) - set(lines)),
        combination=_combination(found.pk, slot.pk if slot else None, lines),
        message=message,
    )
    participants = sum(lines.values())
    part = ProposalPart(
        proposal=proposal,
        position=1,
        provider=found.provider,
        offering=found,
        slot_kind="session" if slot else "on_request",
        session=slot,
        start_on=start_on or (slot.start_on if slot else None),
        end_on=end_on or (slot.end_on if slot else None),
        precision=slot.precision if slot and start_on is None else "day",
        participants=participants,
        capacity_wanted=participants if slot else 0,
        language=language,
        cost_amount=cost.amount if cost else None,
        cost_currency=cost.currency if cost else "",
    )
    try:
        with transaction.atomic():
            lifecycles.create(proposal, actor=actor, at=at)
    except IntegrityError as error:
        raise DomainError(ErrorCode.DUPLICATE, field="combination") from error
    lifecycles.create(part, actor=actor, at=at)
    PartLine.objects.bulk_create(
        PartLine(part=part, line_id=open_lines[number].line_id, participants=count)
        for number, count in sorted(lines.items())
    )
    flag(proposal, at=at)
    return proposal


def _check_lines(lines: Mapping[int, int], free: Mapping[int, int]) -> None:
    for index, (number, count) in enumerate(lines.items()):
        if number not in free:
            detail = gettext_noop("Line %(line)s is not open.")
            allowed = [str(known) for known in sorted(free)]
            raise rule_broken(f"/lines/{index}/line", "line_not_open", detail, allowed=allowed, line=number)
        if count > free[number]:
            detail = gettext_noop("Line %(line)s has %(free)s participants left.")
            raise rule_broken(f"/lines/{index}/participants", "too_many", detail, line=number, free=free[number])


def _combination(offering_id: int, session_id: int | None, lines: Mapping[int, int]) -> str:
    return hashlib.sha256(f"{offering_id}|{session_id}|{sorted(lines)}".encode()).hexdigest()
