"""Reading of harvests: who sees them, which are due."""

from datetime import datetime

from django.db.models import QuerySet

from marketplace.accounts.actors import Actor
from marketplace.accounts.permissions import is_secretariat
from providers.models import Harvest
from providers.queries.visibility import of_own_organizations


def harvests_visible_to(actor: Actor, *, at: datetime) -> QuerySet[Harvest]:
    """Give the harvests of one's own organizations; all of them for the secretariat."""
    rows = Harvest.objects.all()
    if is_secretariat(actor, at):
        return rows
    if actor.kind == "anonymous":
        return rows.none()
    return rows.filter(of_own_organizations(actor, at, "provider__organization_id"))


def harvests_due(at: datetime) -> QuerySet[Harvest]:
    """Give the harvests whose time has come."""
    return Harvest.objects.filter(active=True, next_at__lte=at).order_by("next_at", "pk")
