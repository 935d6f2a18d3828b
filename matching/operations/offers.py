"""A provider offers on its own: a proposal that the secretariat decides on like any other."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError, rule_broken, unknown_reference
from marketplace.kernel.money import Money
from marketplace.kernel.text import gettext_noop
from marketplace.lifecycles import operations as lifecycles
from matching.models import MatchProposal, PartLine, ProposalPart
from matching.operations import asking
from matching.operations.ending import end
from matching.operations.locking import lock_proposal
from matching.operations.writing import Lines, flag, lines_by_number
from matching.queries.inputs import wants_partner
from providers import queries as providers
from requests_app import operations as requests

if TYPE_CHECKING:
    from providers.models import Offering, Session
    from requests_app.models import TrainingRequest

TAKEN_BACK = "withdrawn_by_provider"


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

    Raises DomainError(permission_denied) unless the actor may offer for the provider, DomainError(unknown_reference) for
    an offering or session that they cannot see, DomainError(wrong_state) when the request is not open, and
    DomainError(rule_broken, duplicate) naming what does not fit.
    """
    found = providers.visible_offering(offering, actor=actor, at=at)
    permissions.check(actor, Permission.OFFERS_MAKE, at=at, organization_id=found.provider.organization_id)
    slot = _session_of(found, session)
    request = requests.lock_request(request_id=request_id)
    if request.state != "open":
        raise lifecycles.wrong_state(request, "offer")
    start, end = (slot.start_on, slot.end_on) if slot else (start_on, end_on)
    wanted = {number: line for number, line in lines_by_number(request.pk).items() if wants_partner(line)}
    errors = [*_standing(found), *_lines(lines, wanted), *_dates(request, start, end, slot is not None)]
    if errors:
        raise DomainError(ErrorCode.RULE_BROKEN, errors=errors)
    proposal = MatchProposal(
        request=request,
        origin="provider",
        lead=found.provider,
        covers_all=set(lines) == set(wanted),
        uncovered=sorted(set(wanted) - set(lines)),
        combination=_combination(found.pk, slot.pk if slot else None, lines),
        message=message,
    )
    _insert(proposal, actor=actor, at=at)
    participants = sum(lines.values())
    part = ProposalPart(
        proposal=proposal,
        position=1,
        provider=found.provider,
        offering=found,
        slot_kind="session" if slot else "on_request",
        session=slot,
        start_on=start,
        end_on=end,
        precision=slot.precision if slot else "day",
        participants=participants,
        capacity_wanted=participants if slot else 0,
        language=language,
        place={"country": slot.country, "city": slot.city} if slot else {},
        cost_amount=cost.amount if cost else None,
        cost_currency=cost.currency if cost else "",
        content_version=request.content_version,
    )
    lifecycles.create(part, actor=actor, at=at)
    shares = sorted(lines.items())
    PartLine.objects.bulk_create(
        PartLine(part=part, line_id=wanted[number].line_id, participants=count) for number, count in shares
    )
    flag(proposal, at=at)
    return proposal


@transaction.atomic
def withdraw_offer(
    *, actor: Actor, at: datetime, proposal_id: int, reason_text: str = "", expected_version: int | None = None
) -> MatchProposal:
    """Take back what a provider offered on its own, as long as nobody asked it to deliver.

    Raises DomainError(wrong_state, permission_denied, precondition_failed), and DomainError(rule_broken) for a proposal that
    is no provider's own.
    """
    proposal = lock_proposal(proposal_id, expected_version=expected_version)
    permissions.check(actor, Permission.OFFERS_MAKE, at=at, organization_id=proposal.lead.organization_id)
    lifecycles.find_transition(proposal, "withdraw")
    if proposal.origin != "provider":
        raise rule_broken(
            "", "no_own_offer", gettext_noop("Only what a provider offered on its own can be taken back.")
        )
    asking.withdraw_parts(proposal, actor=actor, at=at, reason_code=TAKEN_BACK)
    end(proposal, "withdraw", actor=actor, at=at, reason_code=TAKEN_BACK, reason_text=reason_text)
    return proposal


def _session_of(offering: "Offering", reference: str) -> "Session | None":
    """Find a bookable session of the offering. Raises DomainError(unknown_reference) for any other."""
    if not reference:
        return None
    rows = providers.bookable_sessions().filter(offering=offering.pk)
    found = providers.named(rows, reference).first()
    if found is None:
        raise unknown_reference("/session", reference)
    return found


def _insert(proposal: MatchProposal, *, actor: Actor, at: datetime) -> None:
    """Insert the proposal; the same offering at the same time for the same lines is offered once."""
    try:
        with transaction.atomic():
            lifecycles.create(proposal, actor=actor, at=at)
    except IntegrityError as error:
        raise DomainError(ErrorCode.DUPLICATE, field="combination") from error


def _standing(offering: "Offering") -> Iterator[FieldError]:
    if offering.state != "published":
        yield FieldError(
            "/offering", "offering_not_published", gettext_noop("Only a published offering can be offered.")
        )
    elif offering.provider.state != "verified":
        yield FieldError("/offering", "provider_not_verified", gettext_noop("The provider is not verified."))


def _lines(lines: Mapping[int, int], wanted: Lines) -> Iterator[FieldError]:
    for index, (number, count) in enumerate(lines.items()):
        line = wanted.get(number)
        if line is None:
            detail = gettext_noop("Line %(line)s is not open.")
            allowed = tuple(str(known) for known in sorted(wanted))
            yield FieldError(f"/lines/{index}/line", "line_not_open", detail, allowed, {"line": number})
            continue
        least = 1 if line.divisible else max(1, min(line.participants_min - line.claimed, line.free))
        if not least <= count <= line.free:
            detail = gettext_noop("Line %(line)s takes %(least)s to %(free)s participants.")
            params = {"line": number, "least": least, "free": line.free}
            yield FieldError(f"/lines/{index}/participants", "participants_out_of_range", detail, (), params)


def _dates(
    request: "TrainingRequest", start: date | None, end: date | None, from_session: bool
) -> Iterator[FieldError]:
    pointer = "/session" if from_session else "/period"
    if start is None or end is None:
        return
    if (request.start_on and start < request.start_on) or (request.end_on and end > request.end_on):
        detail = gettext_noop("The request allows %(earliest)s to %(latest)s.")
        params = {"earliest": str(request.start_on), "latest": str(request.end_on)}
        yield FieldError(pointer, "outside_window", detail, (), params)


def _combination(offering_id: int, session_id: int | None, lines: Mapping[int, int]) -> str:
    return hashlib.sha256(f"{offering_id}|{session_id}|{sorted(lines)}".encode()).hexdigest()
