"""Whether what is counted on sessions and windows is what is held there (domain rule 2)."""

from collections.abc import Iterator

from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce

from marketplace.kernel.rules import Breach
from providers.models import CapacityWindow, Session


def miscounted_sessions() -> Iterator[Breach]:
    """Give the sessions whose counters differ from their live holds, or that are overbooked."""
    counted = Session.objects.annotate(live_held=_live("held"), live_confirmed=_live("confirmed"))
    wrong = counted.exclude(seats_held=F("live_held"), seats_confirmed=F("live_confirmed")) | counted.filter(
        seats_total__lt=F("live_held") + F("live_confirmed")
    )
    for row in wrong.iterator():
        yield Breach(
            f"session {row.reference_text}",
            f"{row.seats_held} + {row.seats_confirmed} of {row.seats_total} seats counted, "
            f"{row.live_held} + {row.live_confirmed} held",
        )


def miscounted_windows() -> Iterator[Breach]:
    """Give the capacity windows whose counters differ from their live holds, or that are overbooked."""
    counted = CapacityWindow.objects.annotate(live_held=_live("held"), live_confirmed=_live("confirmed"))
    wrong = counted.exclude(held=F("live_held"), confirmed=F("live_confirmed")) | counted.filter(
        quantity__lt=F("live_held") + F("live_confirmed")
    )
    for row in wrong.iterator():
        yield Breach(
            f"window {row.reference_text}",
            f"{row.held} + {row.confirmed} of {row.quantity} {row.unit} counted, "
            f"{row.live_held} + {row.live_confirmed} held",
        )


def _live(state: str) -> Coalesce:
    return Coalesce(Sum("holds__quantity", filter=Q(holds__state=state)), 0)
