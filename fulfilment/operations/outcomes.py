"""What an engagement tells the track record of its providers (domain rule 8)."""

from datetime import datetime
from uuid import uuid5

from fulfilment.models import Delivery, Engagement, Evaluation
from providers import operations as providers


def feed_outcomes(engagement: Engagement, *, at: datetime) -> int:
    """Hand the measured evaluations of a closed engagement to the track record, once each; returns how many.

    A provider's own assessment never counts; an evaluation of the whole speaks for each offering delivered.
    """
    if engagement.state != "closed":
        return 0
    fresh = Evaluation.objects.filter(engagement=engagement, fed_at__isnull=True, value__isnull=False)
    fed = 0
    for evaluation in fresh.exclude(source="provider").exclude(answered__isnull=True).exclude(answered=0):
        concerned = _concerned(evaluation)
        for provider_id, offerings in concerned.items():
            # The track record knows an evaluation once: one that speaks for several providers gets an id for each.
            key = evaluation.public_id if len(concerned) == 1 else uuid5(evaluation.public_id, str(provider_id))
            providers.record_outcome(
                evaluation_id=key,
                offering_id=offerings.pop() if len(offerings) == 1 else None,
                provider_id=provider_id,
                level=evaluation.level,
                value=evaluation.outcome or 0,
                answered=evaluation.answered or 0,
                source=evaluation.source,
                at=at,
            )
        evaluation.fed_at = at
        evaluation.save(update_fields=["fed_at"])
        fed += 1
    return fed


def _concerned(evaluation: Evaluation) -> dict[int, set[int]]:
    """Give the providers that an evaluation speaks of, with their offerings."""
    deliveries = Delivery.objects.filter(engagement_id=evaluation.engagement_id, state="confirmed")
    if evaluation.delivery_id is not None:
        deliveries = deliveries.filter(pk=evaluation.delivery_id)
    found: dict[int, set[int]] = {}
    for provider_id, offering_id in deliveries.values_list("provider_id", "offering_id").order_by("provider_id"):
        found.setdefault(provider_id, set()).add(offering_id)
    return found
