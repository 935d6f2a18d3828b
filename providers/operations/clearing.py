"""The end of test data: nobody vets it, and nothing of it is kept."""

from datetime import datetime

from django.db import transaction

from marketplace.search import operations as search
from providers.models import Offering

BATCH = 500


@transaction.atomic
def clear_test_offerings(*, before: datetime) -> int:
    """Remove test offerings that were last changed before a moment, at most 500; returns how many. Safe to repeat.

    A series stays as long as one of its members does.
    """
    old = Offering.everything.filter(is_test=True, updated_at__lt=before)
    old = old.exclude(pk__in=Offering.everything.filter(is_test=True, series__isnull=False).values("series_id"))
    keys = list(old.order_by("pk").values_list("pk", flat=True)[:BATCH])
    search.index_many("offering", {key: {} for key in keys})
    Offering.everything.filter(pk__in=keys).delete()
    return len(keys)
