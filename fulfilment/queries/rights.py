"""What a caller may do with one engagement: the sides they stand on, and the permissions that gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fulfilment.models import Change, Engagement, Milestone
from fulfilment.models.engagements import DELIVERING_ROLES
from marketplace.accounts.actors import Actor
from marketplace.accounts.permissions import can, is_secretariat
from marketplace.accounts.roles import Permission


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


def change_actions(rights: Rights, change: Change | None) -> frozenset[str]:
    """Give which of the verbs about a change are of any use now: an answer needs an open change that lacks this side."""
    if change is None:
        return frozenset({"propose-change"})
    return frozenset({"agree-change", "decline-change"}) if rights.sides & set(change.missing_sides) else frozenset()
