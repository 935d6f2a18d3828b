"""Who stands where towards a proposal: its partners, its requester's side, the chair; and which partners are lost."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from marketplace.accounts import permissions
from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from matching.lifecycle import ENDED_PARTS, LOST_PARTS, PROPOSED_PARTS
from matching.models import MatchProposal, ProposalPart

if TYPE_CHECKING:
    from requests_app.models import TrainingRequest

LIVING = frozenset({"open", "matched", "in_delivery"})  # states of a request in which something may be agreed for it


def need_is_gone(request: "TrainingRequest") -> bool:
    """Tell whether a request was withdrawn, cancelled, merged or given up, or has ended: nothing goes on for it."""
    return request.state not in LIVING


def partner_ids(parts: Iterable[ProposalPart]) -> frozenset[int]:
    """Give the organizations of the partners that are still in: providers and the partners of their offerings.

    Reads ``provider`` and ``offering.partners`` of each part; fetch them along where there are many.
    """
    ids: set[int] = set()
    for part in parts:
        if part.state not in ENDED_PARTS:
            ids.add(part.provider.organization_id)
            ids.update(partner.organization_id for partner in part.offering.partners.all())
    return frozenset(ids)


def parts_with_partners(proposal: MatchProposal) -> QuerySet[ProposalPart]:
    """Give the parts of one proposal with what ``partner_ids`` reads of them."""
    return with_partners(proposal.parts.all())


def with_partners(parts: QuerySet[ProposalPart]) -> QuerySet[ProposalPart]:
    """Give parts with what ``partner_ids`` reads of them, in the order in which they were made."""
    rows = parts.select_related("provider__network_parent", "offering")
    return rows.prefetch_related("offering__partners").order_by("pk")


def speaks_for_requester(actor: Actor, request: "TrainingRequest", *, at: datetime) -> bool:
    """Tell whether the actor may speak for a requesting organization, within the countries and programmes of its own.

    Reads ``lines``, ``co_requesters`` and ``programme`` of the request.
    """
    countries: set[str | None] = {line.country for line in request.lines.all() if line.country}
    programme = request.programme.code if request.programme else None
    ids = [request.requesting_organization_id, *(row.pk for row in request.co_requesters.all())]

    def may(organization_id: int, country: str | None) -> bool:
        return permissions.can(
            actor,
            Permission.PROPOSALS_CONSULT,
            at=at,
            organization_id=organization_id,
            country=country,
            programme=programme,
        )

    return any(all(may(pk, country) for country in countries or {None}) for pk in ids)


def speaks_for_chair(actor: Actor, *, at: datetime) -> bool:
    """Tell whether the actor is a focal point of the organization that has the chair: it may be the second of four eyes."""
    speaks = Permission.PROPOSALS_CONSULT
    held = {right.organization_id for right in actor.rights(at) if speaks in right.permissions}
    may = bool(held) and permissions.can(actor, speaks, at=at)
    return may and any(accounts.has_role(organization_id, "chair", at.date()) for organization_id in sorted(held))


def counts_as(actor: Actor, *, at: datetime) -> frozenset[int]:
    """Give the people (primary keys) as whom the actor counts where two must agree: themselves and whom they stand in for."""
    if actor.user is None:
        return frozenset()
    return frozenset({actor.user.pk, *(right.lent_by.pk for right in actor.rights(at) if right.lent_by is not None)})


def open_gaps(parts: Iterable[ProposalPart]) -> list[ProposalPart]:
    """Give the lost parts that nobody follows, not even as a replacement put forward, and that were not given up."""
    return _unfollowed(parts, ("superseded", "withdrawn"))


def bridgeable_gaps(parts: Iterable[ProposalPart]) -> list[ProposalPart]:
    """Give the lost parts that the secretariat may give up: those that nobody who was asked follows."""
    return _unfollowed(parts, ("superseded", "withdrawn", *PROPOSED_PARTS))


def _unfollowed(parts: Iterable[ProposalPart], not_counted: tuple[str, ...]) -> list[ProposalPart]:
    rows = list(parts)
    followed = {part.replaces_id for part in rows if part.state not in not_counted}
    return [part for part in rows if part.state in LOST_PARTS and not part.gap_closed and part.pk not in followed]
