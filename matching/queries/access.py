"""Who sees which runs, proposals and parts (domain rule 5)."""

from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from matching.models import MatchingPolicy, MatchProposal, MatchRun, ProposalPart
from requests_app import queries as requests

NOT_YET_ASKED = ("suggested", "replacement", "awaiting_second_approval", "superseded")


def _may_read(actor: Actor, at: datetime) -> bool:
    return permissions.can(actor, Permission.PROPOSALS_READ, at=at)


def proposals_visible_to(actor: Actor, *, at: datetime) -> QuerySet[MatchProposal]:
    """Give the proposals of which ``actor`` may know, with parts, providers and decisions read along.

    Secretariat and auditors see all, requesters those for their requests, partners those in which they were asked.
    """
    rows = MatchProposal.objects.select_related("request__requesting_organization", "run__policy", "lead__organization")
    parts = ProposalPart.objects.select_related("provider__organization", "offering", "session", "window", "replaces")
    rows = rows.prefetch_related(
        Prefetch("parts", parts.prefetch_related("lines__line", "counters__session", "offering__partners")),
        "decisions",
        "request__co_requesters",
    )
    if not _may_read(actor, at):
        return rows.none()
    if permissions.is_secretariat(actor, at):
        return rows
    own = permissions.organization_ids(actor, at)
    asked = ProposalPart.objects.filter(proposal=OuterRef("pk"), provider__organization_id__in=own)
    return rows.filter(
        Q(request__in=requests.requests_followed_by(actor, at=at)) | Exists(asked.exclude(state__in=NOT_YET_ASKED))
    )


def parts_visible_to(actor: Actor, *, at: datetime) -> QuerySet[ProposalPart]:
    """Give the parts of visible proposals; a partner sees its own and, of the others, only that they take part."""
    visible = proposals_visible_to(actor, at=at).order_by().values("pk")
    related = ("proposal__request", "provider__organization", "offering", "session", "window", "replaces")
    rows = ProposalPart.objects.filter(proposal__in=visible).select_related(*related)
    return rows.prefetch_related(
        "lines__line",
        "counters__session",
        "offering__partners",
        "proposal__request__co_requesters",
        "proposal__parts__provider",
        "proposal__parts__offering__partners",
    )


def sees_scores(actor: Actor, proposal: MatchProposal, *, at: datetime) -> bool:
    """Tell whether the actor may see scores, reasons and prices of all partners; a partner sees only its own part."""
    if permissions.is_secretariat(actor, at) or any(right.reads_group_wide for right in actor.rights(at)):
        return True
    own = permissions.organization_ids(actor, at)
    request = proposal.request
    return request.requesting_organization_id in own or any(row.pk in own for row in request.co_requesters.all())


def sees_part(actor: Actor, part: ProposalPart, *, at: datetime) -> bool:
    """Tell whether the actor may see price, terms and answer of a part: its own, or all where they see the scores."""
    own = part.provider.organization_id in permissions.organization_ids(actor, at)
    return own or sees_scores(actor, part.proposal, at=at)


def runs_visible_to(actor: Actor, *, at: datetime) -> QuerySet[MatchRun]:
    """Give the runs of which ``actor`` may know: all for the secretariat, else those of requests they follow."""
    rows = MatchRun.objects.select_related("request", "policy").defer("snapshot")
    if not _may_read(actor, at):
        return rows.none()
    if permissions.is_secretariat(actor, at):
        return rows
    return rows.filter(mode="request", request__in=requests.requests_followed_by(actor, at=at))


def policies_visible_to(actor: Actor, *, at: datetime) -> QuerySet[MatchingPolicy]:
    """Give the matching policies: how needs are ranked is open to everyone who is signed in."""
    return MatchingPolicy.objects.all() if _may_read(actor, at) else MatchingPolicy.objects.none()


def proposals_by_ids(ids: list[str], actor: Actor, *, at: datetime) -> list[MatchProposal]:
    """Find visible proposals by public id, in the order given; unknown and invisible ones are left out."""
    wanted = [text for text in ids if _is_uuid(text)]
    found = {str(row.public_id): row for row in proposals_visible_to(actor, at=at).filter(public_id__in=wanted)}
    return [found[text] for text in wanted if text in found and sees_scores(actor, found[text], at=at)]


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def side_by_side(proposals: list[MatchProposal]) -> dict[str, object]:
    """Line up the contributions of several proposals, criterion by criterion."""
    criteria = list(dict.fromkeys(share["criterion"] for row in proposals for share in row.breakdown))
    return {
        "criteria": criteria,
        "proposals": [
            {
                "id": str(row.public_id),
                "state": row.state,
                "lead": row.lead.code,
                "score": row.score,
                "covers_all": row.covers_all,
                "contributions": [_share(row, criterion) for criterion in criteria],
            }
            for row in proposals
        ],
    }


def _share(proposal: MatchProposal, criterion: str) -> int:
    return next((int(share["contribution"]) for share in proposal.breakdown if share["criterion"] == criterion), 0)
