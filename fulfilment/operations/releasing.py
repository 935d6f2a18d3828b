"""What an engagement holds and gives back: participants of the lines, seats and units of the catalogue."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from fulfilment.models import Delivery, Engagement, EngagementLine
from marketplace.accounts.actors import Actor
from matching.engine import TRAINER_DAYS
from providers import operations as providers
from providers import queries as catalogue
from requests_app import operations as requests

SEATS = "seats"  # what a session has, as windows have units


def in_lock_order(deliveries: Iterable[Delivery]) -> list[list[Delivery]]:
    """Group deliveries by part; sort the parts by the first place that they hold or are to hold, sessions before windows, by key.

    Engagements whose parts hold one place each do not lock crosswise then.
    """
    parts: dict[UUID, list[Delivery]] = {}
    for delivery in deliveries:
        parts.setdefault(delivery.part_id, []).append(delivery)
    places = {part_id: _first_place(part_id, part) for part_id, part in parts.items()}
    return sorted(parts.values(), key=lambda part: (places[part[0].part_id], part[0].part_id))


def _first_place(part_id: UUID, deliveries: Iterable[Delivery]) -> tuple[bool, int]:
    live = [delivery for delivery in deliveries if delivery.state != "cancelled"]  # the others have given theirs back
    slots = [(delivery.session_id, delivery.window_id) for delivery in live]
    slots += [(hold.session_id, hold.window_id) for hold in catalogue.live_holds(part_id)]
    return min(((window is not None, session or window or 0) for session, window in slots), default=(False, 0))


def release_part(part_id: UUID, *, actor: Actor, at: datetime) -> None:
    """Give all lines and all capacity of a part back."""
    requests.release_lines(actor=actor, at=at, claimant=part_id)
    providers.release_holds(actor=actor, at=at, holder=part_id)


def shrink_part(engagement: Engagement, remaining: Sequence[Delivery], *, actor: Actor, at: datetime) -> None:
    """Reduce the capacity of a part to what its remaining deliveries take, and its divisible lines to what they serve.

    An undivided line goes back when the part is delivered: what is short of it is free then.
    """
    part_id = remaining[0].part_id
    for row, kept in served_lines(engagement, remaining):
        if kept < row.participants and row.line.divisible:
            requests.resize_claim(actor=actor, at=at, claimant=part_id, line_id=row.line_id, participants=kept)
            row.participants = kept
            row.save(update_fields=["participants"])
    move_capacity(part_id, remaining, actor=actor, at=at)


def move_capacity(part_id: UUID, deliveries: Sequence[Delivery], *, actor: Actor, at: datetime) -> None:
    """Let a part take what its deliveries need now, and nothing else; confirmed, all or nothing.

    Raises DomainError(capacity_exhausted).
    """
    wants = wants_of(deliveries)
    if catalogue.live_holds(part_id).exists():
        providers.move_holds(actor=actor, at=at, holder=part_id, wants=wants)
    elif wants:
        providers.place_holds(actor=actor, at=at, holder=part_id, wants=wants, expires_at=at)
        providers.confirm_holds(actor=actor, at=at, holder=part_id)


def deliver_part(engagement: Engagement, confirmed: Sequence[Delivery], *, actor: Actor, at: datetime) -> None:
    """Hand the lines of a part back as delivered; what its confirmed deliveries did not serve is short."""
    served = {row.line_id: kept for row, kept in served_lines(engagement, confirmed)}
    requests.deliver_lines(actor=actor, at=at, claimant=confirmed[0].part_id, delivered=served)


def served_lines(engagement: Engagement, deliveries: Sequence[Delivery]) -> list[tuple[EngagementLine, int]]:
    """Spread the seats of a part's deliveries over its lines, those with the lowest numbers first.

    Where the seats of a delivery are not known (imports), its lines count as served.
    """
    rows = EngagementLine.objects.filter(engagement=engagement, part_id=deliveries[0].part_id)
    places = sum(delivery.seats or 0 for delivery in deliveries)
    unknown = any(delivery.seats is None for delivery in deliveries)
    found: list[tuple[EngagementLine, int]] = []
    for row in rows.select_related("line").order_by("line__number"):
        kept = row.participants if unknown else min(row.participants, places)
        places -= kept
        found.append((row, kept))
    return found


def unit_of(delivery: Delivery) -> str:
    """Give the unit in which a delivery takes its capacity; empty where it takes none of the catalogue."""
    if delivery.session_id is not None:
        return SEATS
    return delivery.window.unit if delivery.window is not None else ""


def needed(delivery: Delivery) -> int:
    """Give what a delivery needs of its session or window, as a proposal for it would: seats, trainer days, or itself."""
    unit = unit_of(delivery)
    if unit == SEATS:
        return delivery.seats or 0
    if unit == TRAINER_DAYS:
        return catalogue.trainer_days_needed(delivery.offering.duration_hours or 1, 1)
    return 1 if unit else 0


def wants_of(deliveries: Sequence[Delivery]) -> list[providers.Want]:
    """Sum what the deliveries take of each session and window."""
    taken: dict[tuple[int | None, int | None], int] = {}
    for delivery in deliveries:
        slot = (delivery.session_id, delivery.window_id)
        if slot != (None, None) and delivery.capacity:
            taken[slot] = taken.get(slot, 0) + delivery.capacity
    return [
        providers.Want(session_id=session_id, window_id=window_id, quantity=quantity)
        for (session_id, window_id), quantity in taken.items()
    ]
