"""Who sees what of the catalogue (domain rule 5): the published part is open to everyone signed in, drafts to their owners."""

from datetime import datetime

from django.db.models import Q, QuerySet

from marketplace.accounts.actors import Actor
from marketplace.accounts.permissions import granted_ids, is_secretariat, own_organization_ids
from marketplace.accounts.queries import things_of_mode
from providers.lifecycle import BOOKABLE_SESSIONS
from providers.models import CapacityWindow, Offering, Provider, Session

IN_CATALOGUE = Q(state="published", provider__state="verified")


def providers_visible_to(actor: Actor, *, at: datetime) -> QuerySet[Provider]:
    """Give providers that were verified once, one's own whatever their state, and for the secretariat all."""
    rows = Provider.objects.all()
    if is_secretariat(actor, at):
        return rows
    if not _signed_in(actor):
        return rows.none()
    return rows.filter(Q(verified_on__isnull=False) | of_own_organizations(actor, at, "organization_id"))


def offerings_visible_to(actor: Actor, *, at: datetime) -> QuerySet[Offering]:
    """Give the public catalogue, one's own offerings in any state, for auditors all but drafts, for the secretariat all.

    A membership that is limited to some programmes reaches the unpublished offerings of these programmes only.
    Test data is seen by systems in test mode of the very organization, who see nothing else.
    """
    rows = things_of_mode(Offering, actor)
    if is_secretariat(actor, at) and not actor.is_test:
        return rows
    if not _signed_in(actor):
        return rows.none()
    if actor.is_test:
        return rows.filter(provider__organization_id__in=sorted(own_organization_ids(actor, at)))
    return rows.filter(IN_CATALOGUE | _own_offerings(actor, at))


def in_catalogue(rows: QuerySet[Offering]) -> QuerySet[Offering]:
    """Leave what stands in the public catalogue."""
    return rows.filter(IN_CATALOGUE)


def sessions_in_catalogue(rows: QuerySet[Session]) -> QuerySet[Session]:
    """Leave the sessions of what stands in the public catalogue."""
    return rows.filter(offering__state="published", offering__provider__state="verified")


def open_to_all(rows: QuerySet[Session]) -> QuerySet[Session]:
    """Leave the sessions of the public catalogue that take bookings."""
    return sessions_in_catalogue(rows).filter(state__in=BOOKABLE_SESSIONS)


def sessions_visible_to(actor: Actor, *, at: datetime) -> QuerySet[Session]:
    """Give the sessions of the offerings that the actor sees."""
    rows = Session.objects.all()
    if is_secretariat(actor, at):
        return rows
    return rows.filter(offering__in=offerings_visible_to(actor, at=at).order_by())


def windows_visible_to(actor: Actor, *, at: datetime) -> QuerySet[CapacityWindow]:
    """Give the capacity of one's own organizations; all of it for the secretariat. Others learn of it by being matched."""
    rows = CapacityWindow.objects.all()
    if is_secretariat(actor, at):
        return rows
    if not _signed_in(actor):
        return rows.none()
    return rows.filter(of_own_organizations(actor, at, "provider__organization_id"))


def _signed_in(actor: Actor) -> bool:
    return actor.kind != "anonymous"


def _own_offerings(actor: Actor, at: datetime) -> Q:
    found = Q(provider__organization_id__in=granted_ids(actor, at, "catalogue"))
    for right in actor.rights(at):
        reach = Q(programme__code__in=sorted(right.programmes)) if right.programmes else Q()
        found |= Q(provider__organization_id__in=sorted(right.descendant_ids)) & reach
        if right.reads_group_wide:
            found |= ~Q(state="draft") & reach
    return found


def of_own_organizations(actor: Actor, at: datetime, column: str) -> Q:
    """Make the condition that ``column`` names an organization of the actor; auditors of everything reach them all."""
    if any(right.reads_group_wide and not right.programmes for right in actor.rights(at)):
        return Q(pk__isnull=False)
    own = frozenset().union(*(right.descendant_ids for right in actor.rights(at)))
    return Q(**{f"{column}__in": sorted(own | granted_ids(actor, at, "catalogue"))})
