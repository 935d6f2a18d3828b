"""Who sees which runs, proposals and parts (domain rule 5)."""

from datetime import datetime
from itertools import combinations
from uuid import UUID

from django.db.models import (
    BooleanField,
    Case,
    Exists,
    F,
    OuterRef,
    PositiveIntegerField,
    Prefetch,
    Q,
    QuerySet,
    Value,
    When,
)

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from matching.engine import Criterion, contrast, plain
from matching.models import (
    REQUEST_MODES,
    Decision,
    MatchingPolicy,
    MatchProposal,
    MatchRun,
    PlanLine,
    ProposalPart,
)
from matching.queries.standing import speaks_for_chair
from requests_app import queries as requests

ALL = Q(pk__isnull=False)
WHOLE = Q(("reads_scores", True))  # of the rows of `proposals_visible_to`
PLAN_RELATIONS = ("request__requesting_organization", "line", "offering__provider__organization")
PART_RELATIONS = ("provider__organization", "offering", "session", "window", "replaces")


def _may_read(actor: Actor, at: datetime) -> bool:
    """Tell whether the actor may read proposals of anybody at all; memberships limited to a programme count too."""
    reads = Permission.PROPOSALS_READ
    held = actor.is_system or any(reads in right.permissions for right in actor.rights(at))
    granted = held or any(codename == reads.codename for _, codename in actor.grants(at))
    return granted and permissions.in_scope(actor, reads)


def proposals_visible_to(actor: Actor, *, at: datetime) -> QuerySet[MatchProposal]:
    """Give the proposals of which ``actor`` may know, with all that is shown of them read along.

    Secretariat and auditors see all, the requester's side those for its requests, the chair those on which it is the
    second of four eyes: all these with scores, reasons and prices (``reads_scores``). Partners see those in which they
    were asked, and their own offers. ``shown_score`` is the score, or nothing for who may not see it; ``as_chair``
    tells that the actor may be the second approver.
    """
    if not _may_read(actor, at):
        return MatchProposal.objects.none()
    chair = not permissions.is_secretariat(actor, at) and speaks_for_chair(actor, at=at)
    reads = _reads_scores(actor, at, chair=chair)
    own = permissions.organization_ids(actor, at, "proposals")
    asked = ProposalPart.objects.filter(
        proposal=OuterRef("pk"), provider__organization_id__in=own, asked_at__isnull=False
    )
    offered = Q(origin="provider", lead__organization_id__in=own)
    rows = (
        MatchProposal.objects.all() if reads == ALL else MatchProposal.objects.filter(reads | offered | Exists(asked))
    )
    rows = rows.annotate(
        reads_scores=Case(When(reads, then=Value(True)), default=Value(False), output_field=BooleanField()),
        shown_score=Case(When(reads, then=F("score")), default=None, output_field=PositiveIntegerField()),
        as_chair=Value(chair, output_field=BooleanField()),
    )
    parts = ProposalPart.objects.select_related(*PART_RELATIONS)
    return rows.select_related(
        "request__requesting_organization", "request__programme", "run__policy", "lead__organization"
    ).prefetch_related(
        Prefetch("parts", parts.prefetch_related("lines__line", "counters__session", "offering__partners")),
        Prefetch("decisions", Decision.objects.select_related("engine_best")),
        "request__co_requesters",
        "request__lines",
        "request__endorsements",
    )


def _reads_scores(actor: Actor, at: datetime, *, chair: bool) -> Q:
    """Make the condition under which all of a proposal is shown."""
    if permissions.is_secretariat(actor, at):
        return ALL
    found = Q(request__in=requests.requests_followed_by(actor, at=at))
    if chair:
        waiting = ProposalPart.objects.filter(proposal=OuterRef("pk"), state="awaiting_second_approval")
        decided = Decision.objects.filter(proposal=OuterRef("pk"), by=actor.user)
        found |= Q(state="awaiting_second_approval") | Q(Exists(waiting)) | Q(Exists(decided))
    return found


def parts_visible_to(actor: Actor, *, at: datetime) -> QuerySet[ProposalPart]:
    """Give the parts of visible proposals; a partner sees its own and, of the others, those that were asked."""
    if not _may_read(actor, at):
        return ProposalPart.objects.none()
    visible = proposals_visible_to(actor, at=at)
    own = permissions.organization_ids(actor, at, "proposals")
    whole = Q(proposal__in=visible.filter(WHOLE).order_by().values("pk"))
    known = Q(asked_at__isnull=False) | Q(provider__organization_id__in=own)
    rows = ProposalPart.objects.filter(whole | Q(proposal__in=visible.order_by().values("pk")) & known)
    return rows.select_related(*PART_RELATIONS).prefetch_related(
        Prefetch("proposal", visible), "lines__line", "counters__session", "offering__partners"
    )


def shown_parts(proposal: MatchProposal, actor: Actor, *, at: datetime) -> list[ProposalPart]:
    """Give the parts of a visible proposal that the actor may know of, as ``parts_visible_to`` does."""
    parts = list(proposal.parts.all())
    if sees_scores(proposal):
        return parts
    own = permissions.organization_ids(actor, at, "proposals")
    return [part for part in parts if part.asked_at is not None or part.provider.organization_id in own]


def sees_scores(proposal: MatchProposal) -> bool:
    """Tell whether the reader of ``proposals_visible_to`` may see scores, reasons and prices of all partners."""
    return bool(getattr(proposal, "reads_scores", False))


def sees_part(actor: Actor, part: ProposalPart, *, at: datetime) -> bool:
    """Tell whether the actor may see price, terms and answer of a part: its own, or all where they see the scores."""
    return sees_scores(part.proposal) or part.provider.organization_id in permissions.organization_ids(
        actor, at, "proposals"
    )


def runs_visible_to(actor: Actor, *, at: datetime) -> QuerySet[MatchRun]:
    """Give the runs of which ``actor`` may know: all for the secretariat, else those of requests they follow.

    Plans of all needs are for the secretariat and for auditors whose view is not limited.
    """
    rows = MatchRun.objects.select_related("request", "policy").defer("snapshot", "plan")
    if not _may_read(actor, at):
        return rows.none()
    if permissions.is_secretariat(actor, at):
        return rows
    followed = Q(mode="request", request__in=requests.requests_followed_by(actor, at=at))
    return rows.filter(followed | ~Q(mode__in=REQUEST_MODES)) if _reads_all(actor, at) else rows.filter(followed)


def _reads_all(actor: Actor, at: datetime) -> bool:
    """Tell whether the actor reads everything (an auditor without a limit): plans of all needs as well."""
    return any(right.reads_group_wide and not (right.programmes or right.countries) for right in actor.rights(at))


def plan_lines_visible_to(actor: Actor, *, at: datetime) -> QuerySet[PlanLine]:
    """Give the lines of visible plans, with all that is shown of them read along."""
    runs = runs_visible_to(actor, at=at).order_by().values("pk")
    return PlanLine.objects.filter(run__in=runs).select_related(*PLAN_RELATIONS)


def policies_visible_to(actor: Actor, *, at: datetime) -> QuerySet[MatchingPolicy]:
    """Give the matching policies: how needs are ranked is open to everyone who is signed in."""
    return MatchingPolicy.objects.all() if _may_read(actor, at) else MatchingPolicy.objects.none()


def policy_in_force() -> MatchingPolicy | None:
    """Give the policy by which the next run would rank; None before the first was published."""
    return MatchingPolicy.objects.filter(current=True).first()


def owed_by(parties: list[str]) -> Q:
    """Make the condition that a proposal, or a part of it that is being asked, waits for one of the parties."""
    parts = ProposalPart.objects.filter(proposal=OuterRef("pk"), waiting_for__in=parties, due_at__isnull=False)
    return Q(waiting_for__in=parties, due_at__isnull=False) | Q(Q(Exists(parts)), state="approved", due_at__isnull=True)


def due_before(moment: datetime) -> Q:
    """Make the condition that a step of a proposal, or of a part of it that is being asked, is due before ``moment``."""
    parts = ProposalPart.objects.filter(proposal=OuterRef("pk"), due_at__lt=moment)
    return Q(due_at__lt=moment) | Q(Q(Exists(parts)), state="approved", due_at__isnull=True)


def proposals_by_ids(ids: list[str], actor: Actor, *, at: datetime) -> list[MatchProposal]:
    """Find proposals whose scores the actor sees by public id, in the order given; all others are left out."""
    wanted = [text for text in dict.fromkeys(ids) if _is_uuid(text)]
    rows = proposals_visible_to(actor, at=at).filter(WHOLE, public_id__in=wanted)
    found = {str(row.public_id): row for row in rows}
    return [found[text] for text in wanted if text in found]


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def side_by_side(proposals: list[MatchProposal]) -> dict[str, object]:
    """Line up the contributions of several proposals, criterion by criterion, and each ranked one against each later one."""
    criteria = list(dict.fromkeys(share["criterion"] for row in proposals for share in row.breakdown))
    return {
        "criteria": criteria,
        "proposals": [
            {
                "id": str(row.public_id),
                "state": row.state,
                "lead": row.lead.code,
                "score": row.score if row.run_id else None,
                "covers_all": row.covers_all,
                "contributions": [_share(row, criterion) for criterion in criteria],
            }
            for row in proposals
        ],
        "contrasts": [_contrast(proposals, *pair) for pair in combinations(range(len(proposals)), 2)],
    }


def _contrast(proposals: list[MatchProposal], first: int, second: int) -> dict[str, object] | None:
    """Compare two proposals, the second called by its place in the list; None where nobody has ranked one of them."""
    one, other = proposals[first], proposals[second]
    if one.run_id is None or other.run_id is None:
        return None
    found = contrast(_shares(one), _shares(other), rank=second + 1)
    return {
        "one": str(one.public_id),
        "other": str(other.public_id),
        "difference": found.difference,
        "criteria": plain(found.criteria),
        "sentence": plain(found.sentence),
    }


def _shares(proposal: MatchProposal) -> dict[Criterion, int]:
    return {Criterion(share["criterion"]): int(share["contribution"]) for share in proposal.breakdown}


def _share(proposal: MatchProposal, criterion: str) -> int:
    return next((int(share["contribution"]) for share in proposal.breakdown if share["criterion"] == criterion), 0)
