"""Who offers, verified as the data says."""

from datetime import timedelta

from marketplace.demo.loading.context import Load
from marketplace.demo.source import Row, provenance
from providers import operations, queries

BEFORE_VERIFICATION = timedelta(days=7)  # between registration and verification, by our own choice


def load_providers(load: Load) -> None:
    """Load the providers, networks first: a network stands above its centres in the file."""
    known = set(queries.providers_visible_to(load.actor, at=load.calendar.now).values_list("code", flat=True))
    for row in load.rows("providers"):
        if row["code"] not in known:
            _register(row, load)
            load.new["providers"] += 1


def _register(row: Row, load: Load) -> None:
    verification = row["verification"]
    # One that waits for its verification registered a week before the demo day.
    verified_on = load.calendar.day_or_none(verification["verified_on"]) or load.calendar.demo_day
    verified_at = load.calendar.morning(verified_on)
    provider = operations.register_provider(
        actor=load.actor,
        at=verified_at - BEFORE_VERIFICATION,
        organization=row["organization"],
        code=row["code"],
        facts={
            "names": row["names"],
            "network_parent": row["network_parent"],
            "scope": row["scope"],
            "countries_served": row["countries_served"],
            "regions_served": row["regions_served"],
            "working_languages": row["working_languages"],
            "provenance": provenance(row),
        },
    )
    if verification["state"] == "pending":
        return
    operations.verify_provider(
        actor=load.actor,
        at=verified_at,
        provider_id=provider.pk,
        checks=verification["checks"],
        verified_on=verified_at.date(),
        expires_on=load.calendar.day(verification["expires_on"]),
    )
