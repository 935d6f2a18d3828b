"""Questions that matching and fulfilment ask about a request: is it still open, who follows it."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from requests_app.models import TrainingRequest
from requests_app.queries.visibility import visible_subquery


def is_open(request_id: int) -> bool:
    """Tell whether proposals for a request still make sense."""
    return TrainingRequest.objects.filter(pk=request_id, state="open").exists()


def request_id_of(key: str | UUID) -> int | None:
    """Find the primary key of a request by reference or public id, whoever asks; None for an unknown one."""
    try:
        wanted = Q(public_id=key if isinstance(key, UUID) else UUID(key))
    except ValueError:
        wanted = Q(reference=key)
    return TrainingRequest.objects.filter(wanted).values_list("pk", flat=True).first()


def requests_followed_by(actor: Actor, *, at: datetime) -> QuerySet[TrainingRequest, int]:
    """Give the keys of the requests whose proposals ``actor`` may see: those of their own side, and auditors' ones."""
    visible = TrainingRequest.objects.filter(pk__in=visible_subquery(actor, at=at), reference__isnull=False).order_by()
    if any(right.reads_group_wide for right in actor.rights(at)):
        return visible.values_list("pk", flat=True)
    own = list(permissions.organization_ids(actor, at, "proposals"))
    side = Q(requesting_organization_id__in=own) | Q(co_requesters__in=own) | Q(funder_id__in=own)
    return visible.filter(side).values_list("pk", flat=True)
