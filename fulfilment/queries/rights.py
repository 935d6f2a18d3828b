"""What a caller may do with one engagement: the sides they stand on, and the permissions that gives."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from django.db.models import Q

from fulfilment.models import Change, CostShare, Delivery, Engagement, Milestone
from fulfilment.models.engagements import DELIVERING_ROLES
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization
from marketplace.accounts.permissions import can, is_secretariat
from marketplace.accounts.queries import bound_ids
from marketplace.accounts.roles import Permission
from marketplace.lifecycles import operations as lifecycles

if TYPE_CHECKING:
    from providers.models import Offering

NEED_GONE = ("withdrawn", "cancelled")  # states of a request; a job that follows ends what has not begun for it
NOT_BEGUN = ("planned", "agreed")


@dataclass(frozen=True, slots=True)
class Rights:
    """The sides of an engagement on which a caller may act."""

    lead: bool  # staff of the lead
    partner: bool  # staff of any delivering party, the lead included
    requester: bool
    secretariat: bool

    @property
    def sides(self) -> frozenset[str]:
        """The sides for which the caller may speak about a change."""
        spoken = {"provider": self.lead, "requester": self.requester, "secretariat": self.secretariat}
        return frozenset(side for side, speaks in spoken.items() if speaks)


def programme_of(engagement: Engagement) -> str | None:
    """Give the code of the programme of the request, or None."""
    programme = engagement.request.programme
    return programme.code if programme else None


def rights_on(engagement: Engagement, actor: Actor, at: datetime) -> Rights:
    """Find the sides on which ``actor`` may act; reads the parties once."""
    programme = programme_of(engagement)

    def may(permission: Permission, organization_id: int) -> bool:
        return can(actor, permission, at=at, organization_id=organization_id, programme=programme)

    partners = {party.organization_id for party in engagement.parties.all() if party.role in DELIVERING_ROLES}
    return Rights(
        lead=may(Permission.ENGAGEMENTS_DELIVER, engagement.lead_organization_id),
        partner=any(may(Permission.ENGAGEMENTS_DELIVER, organization_id) for organization_id in partners),
        requester=may(Permission.ENGAGEMENTS_CONFIRM, engagement.requesting_organization_id),
        secretariat=is_secretariat(actor, at) and can(actor, Permission.ENGAGEMENTS_MANAGE, at=at),
    )


def need_is_gone(engagement: Engagement) -> bool:
    """Tell whether the request was withdrawn or cancelled: what has not begun for it by then never begins."""
    return engagement.request.state in NEED_GONE


def has_not_begun(engagement: Engagement) -> bool:
    """Tell whether an engagement has not begun, or is on hold and had not begun before."""
    return (engagement.held_from if engagement.state == "on_hold" else engagement.state) in NOT_BEGUN


def speaks_for(engagement: Engagement, actor: Actor, at: datetime) -> list[Organization]:
    """Give the parties in whose name ``actor`` may speak, delivering or asking; hosts and funders only read."""
    programme = programme_of(engagement)
    needed = dict.fromkeys(DELIVERING_ROLES, Permission.ENGAGEMENTS_DELIVER)
    needed["requester"] = Permission.ENGAGEMENTS_CONFIRM
    return [
        party.organization
        for party in engagement.parties.filter(role__in=needed).select_related("organization")
        if can(actor, needed[party.role], at=at, organization_id=party.organization_id, programme=programme)
    ]


def may_on_engagement(rights: Rights) -> Mapping[str, bool]:
    """Give which permissions the caller has on the engagement; the secretariat may act for a silent provider."""
    return {
        Permission.ENGAGEMENTS_DELIVER: rights.lead or rights.secretariat,
        Permission.ENGAGEMENTS_CONFIRM: rights.requester,
        Permission.ENGAGEMENTS_MANAGE: rights.secretariat,
        Permission.ENGAGEMENTS_READ: bool(rights.sides),
    }


def may_on_milestone(rights: Rights, milestone: Milestone) -> Mapping[str, bool]:
    """Give which permissions the caller has on a milestone: the party that owes it completes it, or the secretariat."""
    owners = {"provider": rights.partner, "requester": rights.requester, "secretariat": rights.secretariat}
    return {
        Permission.ENGAGEMENTS_DELIVER: owners[milestone.owner] or rights.secretariat,
        Permission.ENGAGEMENTS_MANAGE: rights.secretariat,
    }


def change_actions(sides: frozenset[str], change: Change | None) -> frozenset[str]:
    """Give which of the verbs about a change are of any use now to who speaks for ``sides``: an answer needs an open
    change that lacks one of them.
    """
    if change is None:
        return frozenset({"propose-change"}) if sides else frozenset()
    return frozenset({"agree-change", "decline-change"}) if sides & set(change.missing_sides) else frozenset()


# --- recusal (domain rule 4) ---------------------------------------------------------------------------------------------


def partner_ids(engagement: Engagement) -> frozenset[int]:
    """Give the organizations that take part in an engagement without having asked for it."""
    return frozenset(party.organization_id for party in engagement.parties.all() if party.role != "requester")


def is_recused(engagement: Engagement, actor: Actor, at: datetime, offering_ids: Iterable[int] = ()) -> bool:
    """Tell whether the actor is bound to a partner, or to one that a change to ``offering_ids`` would bring in.

    Asks as little for many engagements of one call as for one.
    """
    bound = bound_ids(actor, at)
    if bound & partner_ids(engagement):
        return True
    brought = frozenset(offering_ids)
    return bool(bound and brought) and bool(brought & _offerings_behind(bound, actor))


def _offerings_behind(bound: frozenset[int], actor: Actor) -> frozenset[int]:
    """Give the offerings of the organizations, and those in which they are partners; read once in a call."""
    question = ("offerings behind", bound)
    if question not in actor.found:
        offerings = cast("type[Offering]", Delivery._meta.get_field("offering").related_model)
        rows = offerings.objects.filter(Q(provider__organization__in=bound) | Q(partners__organization__in=bound))
        actor.found[question] = frozenset(rows.order_by().values_list("pk", flat=True))
    return actor.found[question]


def spoken_sides(
    engagement: Engagement, rights: Rights, actor: Actor, at: datetime, offering_ids: Iterable[int] = ()
) -> frozenset[str]:
    """Give the sides for which the caller may speak about a change to ``offering_ids``: who is recused does not for the
    secretariat.
    """
    if "secretariat" in rights.sides and is_recused(engagement, actor, at, offering_ids):
        return rights.sides - {"secretariat"}
    return rights.sides


# --- verbs open to a caller; read only what is loaded with the things (parties, changes, programme of the request) -------

BEGINNING = frozenset({"agree", "start", "resume"})  # verbs of an engagement that has not begun
CHANGE_VERBS = frozenset({"propose-change", "agree-change", "decline-change"})
EVALUABLE = frozenset({"in_delivery", "delivered", "evaluating", "closed"})
# A report is answered also while the rest is on hold: what was delivered was delivered.
ANSWERABLE = frozenset({"in_delivery", "delivered", "on_hold"})
RUNNING = frozenset({"planned", "agreed", "in_delivery", "delivered", "evaluating", "on_hold"})


def engagement_actions(engagement: Engagement, actor: Actor, *, at: datetime) -> list[str]:
    """List the verbs that are open to ``actor`` on an engagement now, sorted."""
    rights = rights_on(engagement, actor, at)
    verbs = set(lifecycles.allowed_actions(engagement, may_on_engagement(rights)))
    change = open_change(engagement)
    sides = spoken_sides(engagement, rights, actor, at, change.offering_ids if change else ())
    verbs -= CHANGE_VERBS - change_actions(sides, change)
    if has_not_begun(engagement) and need_is_gone(engagement):
        verbs -= BEGINNING
    if rights.sides and engagement.state in EVALUABLE:
        verbs.add("evaluate")
    waivable = rights.secretariat and engagement.missing_levels and engagement.state in RUNNING
    if waivable and not is_recused(engagement, actor, at):
        verbs.add("waive-evaluation")
    if (rights.lead or rights.secretariat) and engagement.state in RUNNING:
        verbs.add("pledge-cost-share")
    return sorted(verbs)


def open_change(engagement: Engagement) -> Change | None:
    """Give the change that waits for an answer."""
    return next((change for change in engagement.changes.all() if change.state == "proposed"), None)


def delivery_actions(delivery: Delivery, actor: Actor, *, at: datetime) -> list[str]:
    """List the verbs that are open to ``actor`` on a delivery now, sorted."""
    rights = rights_on(delivery.engagement, actor, at)
    organization_id, programme = delivery.provider.organization_id, programme_of(delivery.engagement)
    own = can(actor, Permission.ENGAGEMENTS_DELIVER, at=at, organization_id=organization_id, programme=programme)
    may = dict(may_on_engagement(rights))
    may[Permission.ENGAGEMENTS_DELIVER] = may[Permission.ENGAGEMENTS_DELIVER] or own
    verbs = set(lifecycles.allowed_actions(delivery, may))
    if delivery.state == "contested" and rights.secretariat and is_recused(delivery.engagement, actor, at):
        verbs.discard("confirm")
    if delivery.engagement.state not in ("agreed", "in_delivery"):
        verbs -= {"start", "deliver"}
    if delivery.engagement.state not in ANSWERABLE:
        verbs -= {"confirm", "contest"}
    if has_not_begun(delivery.engagement) and need_is_gone(delivery.engagement):
        verbs.discard("start")
    if may[Permission.ENGAGEMENTS_DELIVER] and delivery.state not in ("confirmed", "cancelled"):
        verbs.add("record-participation")
    return sorted(verbs)


def milestone_actions(milestone: Milestone, actor: Actor, *, at: datetime) -> list[str]:
    """List the verbs that are open to ``actor`` on a milestone now, sorted; an evaluation is recorded, not completed."""
    rights = rights_on(milestone.engagement, actor, at)
    verbs = set(lifecycles.allowed_actions(milestone, may_on_milestone(rights, milestone)))
    if milestone.level is not None:
        verbs.discard("complete")
    if milestone.level in milestone.engagement.missing_levels:
        verbs.discard("waive")
    return sorted(verbs)


def share_actions(share: CostShare, actor: Actor, *, at: datetime) -> list[str]:
    """List the verbs that are open to ``actor`` on a cost share now, sorted."""
    return lifecycles.allowed_actions(share, may_on_engagement(rights_on(share.engagement, actor, at)))
