"""What follows here from what became true elsewhere: sessions cancelled or moved, providers suspended, needs that went away."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from fulfilment.models import Delivery, Engagement
from fulfilment.operations.holding import cancel_engagement, hold_engagement
from fulfilment.queries.rights import NEED_GONE, NOT_BEGUN
from fulfilment.queries.standing import is_elsewhere
from marketplace.accounts.actors import Actor

HOLDABLE = ("planned", "agreed", "in_delivery")


def hold_for_session(*, actor: Actor, at: datetime, session_id: UUID) -> int:
    """Put engagements on hold whose planned deliveries sit in a cancelled session; returns how many. Safe to repeat.

    The secretariat then owes rebooking (an agreed change, then resume) or release (cancel) by a date.
    """
    affected = Delivery.objects.filter(session__public_id=session_id, session__state="cancelled")
    return _hold(affected.filter(state__in=("planned", "running")), "session_cancelled", actor, at)


def hold_for_move(*, actor: Actor, at: datetime, session_id: UUID, days: bool = True, place: bool = True) -> int:
    """Put engagements on hold whose planned deliveries sit in a session that got other ``days`` or another ``place`` than
    was agreed; returns how many. Safe to repeat.

    What was agreed stays until the parties agree on another: on the session as it is now, on another one, or on what stands.
    """
    planned = Delivery.objects.filter(session__public_id=session_id, state="planned", engagement__state__in=HOLDABLE)
    moved = [row.pk for row in planned.select_related("session") if is_elsewhere(row, days=days, place=place)]
    return _hold(Delivery.objects.filter(pk__in=moved), "session_moved", actor, at)


def hold_for_provider(*, actor: Actor, at: datetime, provider_id: UUID) -> int:
    """Put engagements on hold in which a suspended provider still has to deliver; returns how many. Safe to repeat."""
    affected = Delivery.objects.filter(provider__public_id=provider_id, provider__state="suspended")
    return _hold(affected.filter(state__in=("planned", "running")), "provider_suspended", actor, at)


def hold_for_offering(*, actor: Actor, at: datetime, offering_id: UUID) -> int:
    """Put engagements on hold whose planned deliveries are of a suspended offering; what runs goes on. Safe to repeat."""
    affected = Delivery.objects.filter(offering__public_id=offering_id, offering__state="suspended", state="planned")
    return _hold(affected, "offering_suspended", actor, at)


def cancel_for_request(*, actor: Actor, at: datetime, request_id: UUID) -> int:
    """Cancel engagements of a withdrawn or cancelled request that have not begun, hold those that have; returns how many.

    What is on hold is cancelled too where the hold came before the beginning; else it stays with the secretariat.
    """
    rows = Engagement.objects.filter(request__public_id=request_id, request__state__in=NEED_GONE)
    not_begun = rows.filter(Q(state__in=NOT_BEGUN) | Q(state="on_hold", held_from__in=NOT_BEGUN))
    ended = list(not_begun.values_list("pk", flat=True).order_by("pk"))
    for engagement_id in ended:
        cancel_engagement(actor=actor, at=at, engagement_id=engagement_id, reason_code="requester_withdrew")
    begun = list(rows.filter(state="in_delivery").values_list("pk", flat=True).order_by("pk"))
    for engagement_id in begun:
        hold_engagement(actor=actor, at=at, engagement_id=engagement_id, reason_code="request_withdrawn")
    return len(ended) + len(begun)


def _hold(affected: QuerySet[Delivery], reason_code: str, actor: Actor, at: datetime) -> int:
    rows = Engagement.objects.filter(state__in=HOLDABLE, pk__in=affected.values("engagement_id")).order_by("pk")
    found = list(rows.values_list("pk", flat=True))
    for engagement_id in found:
        hold_engagement(actor=actor, at=at, engagement_id=engagement_id, reason_code=reason_code)
    return len(found)
