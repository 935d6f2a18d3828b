"""Questions about capacity."""

from math import ceil
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Sum

from providers.lifecycle import LIVE_HOLDS
from providers.models import CapacityHold, CapacityWindow, Session

HOURS_A_TRAINER_DAY = 6  # domain description: trainer days = ceil(hours / 6) x deliveries


def trainer_days_needed(hours: int, deliveries: int) -> int:
    """Give the trainer days that ``deliveries`` of a training of ``hours`` hours take."""
    return ceil(hours / HOURS_A_TRAINER_DAY) * deliveries


def live_holds(holder: UUID) -> QuerySet[CapacityHold]:
    """Give what is held or confirmed for a holder, sessions before windows, each by key (the order of locks)."""
    return (
        CapacityHold.objects.filter(holder=holder, state__in=LIVE_HOLDS)
        .select_related("session__offering__provider__organization", "window__provider__organization")
        .order_by("window_id", "session_id", "pk")
    )


def free_capacity(*, session_id: int = 0, window_id: int = 0) -> int | None:
    """Give the free seats of a session or the free quantity of a window at this moment; None where it does not exist."""
    if session_id:
        session = Session.objects.filter(pk=session_id).first()
        return session.seats_free if session else None
    window = CapacityWindow.objects.filter(pk=window_id).first()
    return window.free if window else None


def held_by(holders: QuerySet[Any]) -> dict[UUID, int]:
    """Give how much each of the holders (a subquery of public ids) holds or has confirmed, in the unit of the place."""
    live = CapacityHold.objects.filter(holder__in=holders, state__in=LIVE_HOLDS)
    return dict(live.order_by().values_list("holder").annotate(total=Sum("quantity")))
