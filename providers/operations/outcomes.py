"""What deliveries were worth, fed into the track record of provider and offering (domain rule 8)."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, QuerySet, Sum

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import rule_broken
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from providers.models import Offering, Provider, TrackRecordEntry

COLUMNS = ("level", "value", "answered", "source")
OWN_ASSESSMENT = "provider"


@transaction.atomic
def record_outcome(
    *,
    at: datetime,
    evaluation_id: UUID,
    provider_id: int,
    offering_id: int | None,
    level: int,
    value: int,
    answered: int,
    source: str,
    actor: Actor | None = None,
) -> TrackRecordEntry:
    """Enter one evaluation (public id), or correct what was entered of it; ``value`` is normalised to 0..1000.

    The mean of provider and offering is weighted by the people who answered. Safe to repeat. Raises
    DomainError(rule_broken) for a provider's own assessment, DomainError(not_found) for an unknown provider.
    """
    if source == OWN_ASSESSMENT:
        raise rule_broken("/source", "own_assessment", _("A provider's own assessment never enters its track record."))
    by = actor or Actor.system("track_record")
    provider = lifecycles.lock(Provider.objects.select_related("organization").filter(pk=provider_id))
    facts = {"level": level, "value": value, "answered": answered, "source": source}
    entry = TrackRecordEntry.objects.filter(evaluation_id=evaluation_id).first()
    if entry is None:
        entry = TrackRecordEntry(
            evaluation_id=evaluation_id, provider=provider, offering_id=offering_id, happened_at=at, **facts
        )
        lifecycles.insert(entry, actor=by, at=at)
    elif any(getattr(entry, column) != facts[column] for column in COLUMNS):
        changes = {column: [getattr(entry, column), facts[column]] for column in COLUMNS}
        for column in COLUMNS:
            setattr(entry, column, facts[column])
        lifecycles.record_change(entry, "changed", actor=by, at=at, changes=changes)
    else:
        return entry
    entries = TrackRecordEntry.objects.filter(provider_id=provider_id)
    _sum_up(Provider.objects.filter(pk=provider_id), entries, at)
    if entry.offering_id is not None:
        of_offering = entries.filter(offering_id=entry.offering_id)
        _sum_up(Offering.objects.filter(pk=entry.offering_id), of_offering, at)
    return entry


def _sum_up(
    rows: "QuerySet[Provider] | QuerySet[Offering]", entries: "QuerySet[TrackRecordEntry]", at: datetime
) -> None:
    """Write count, answers and mean (rounded half up) on the one row; its version tells readers of the catalogue."""
    totals = entries.aggregate(count=Count("pk"), answers=Sum("answered"), weighted=Sum(F("value") * F("answered")))
    answers = totals["answers"] or 0
    rows.update(
        outcome_count=totals["count"],
        outcome_answers=answers,
        outcome_mean=(2 * totals["weighted"] + answers) // (2 * answers) if answers else None,
        version=F("version") + 1,
        updated_at=at,
    )
