"""Who may be written to about webhooks."""

from datetime import datetime

from django.db.models import QuerySet

from marketplace.accounts.actors import Actor
from marketplace.notifications import sight
from marketplace.webhooks import queries
from marketplace.webhooks.models import Webhook


@sight.seen("webhook", route="webhook-detail")
def webhooks_seen(actor: Actor, at: datetime) -> QuerySet[Webhook]:
    """Say which webhooks a person may be written to about."""
    return queries.webhooks_visible_to(actor, at=at)
