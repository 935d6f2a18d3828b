"""Whether a delivery still has the days and the place of its session."""

from typing import TYPE_CHECKING

from fulfilment.models import Delivery

if TYPE_CHECKING:
    from providers.models import Session

PLACE = ("city", "country", "venue")


def is_elsewhere(delivery: Delivery, *, days: bool = True, place: bool = True) -> bool:
    """Tell whether the session of a delivery was moved away from the days or the place that were agreed.

    What the parties agreed after the last word on the session is what they want, be it that of the session or not.
    """
    session = delivery.session
    if session is None or session.state == "cancelled":
        return False
    moved_since = session.updated_at >= delivery.updated_at
    as_matched = delivery.updated_at == delivery.created_at  # then with the days that the session had
    other_days = days and (moved_since or as_matched) and _other_days(delivery, session)
    return other_days or (place and moved_since and _other_place(delivery, session))


def _other_days(delivery: Delivery, session: "Session") -> bool:
    first, last = delivery.start_on, delivery.end_on
    if first is None or last is None or session.start_on is None or session.end_on is None:
        return False
    if delivery.precision != "day":  # a day of the month that was agreed is no other day
        return session.start_on < first or session.end_on > last
    return (session.start_on, session.end_on) != (first, last)


def _other_place(delivery: Delivery, session: "Session") -> bool:
    """Where nothing was agreed, nothing differs."""
    return any(getattr(delivery, name) not in ("", getattr(session, name)) for name in PLACE)
