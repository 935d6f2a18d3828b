"""Who may be written to about this app's things. Others act on its events, downwards from them."""

from datetime import datetime

from django.db.models import QuerySet

from marketplace.accounts.actors import Actor
from marketplace.notifications import sight
from providers import queries
from providers.models import Offering, Provider, Session


@sight.seen("provider", route="provider-detail")
def providers_seen(actor: Actor, at: datetime) -> QuerySet[Provider]:
    """Say which providers a person may be written to about."""
    return queries.providers_visible_to(actor, at=at)


@sight.seen("offering", route="offering-detail")
def offerings_seen(actor: Actor, at: datetime) -> QuerySet[Offering]:
    """Say which offerings a person may be written to about."""
    return queries.offerings_visible_to(actor, at=at)


@sight.seen("session", route="session-detail")
def sessions_seen(actor: Actor, at: datetime) -> QuerySet[Session]:
    """Say which sessions a person may be written to about."""
    return queries.sessions_visible_to(actor, at=at)
