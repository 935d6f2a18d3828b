"""How much providers can deliver, and when."""

from datetime import timedelta

from marketplace.demo.loading.context import Load
from marketplace.demo.source import provenance
from providers import operations, queries

SAID_BEFORE = timedelta(days=30)  # before the demo day, by our own choice


def load_capacity(load: Load) -> None:
    """Load the capacity windows."""
    said_at = load.calendar.morning(load.calendar.demo_day - SAID_BEFORE)
    for row in load.rows("capacity_windows"):
        if queries.find_window(row["code"]) is None:
            operations.create_window(
                actor=load.actor,
                at=said_at,
                provider_id=queries.provider_by_code(row["provider"]).pk,
                unit=row["unit"],
                quantity=row["quantity"],
                period=load.calendar.period(row["period"]),
                code=row["code"],
                provenance=provenance(row),
            )
            load.new["capacity_windows"] += 1
