"""The end of test data: nobody decides about it, and nothing of it is kept."""

from datetime import datetime

from django.db import transaction

from marketplace.search import operations as search
from requests_app.models import RequestRevision, TrainingRequest
from requests_app.queries import FULL_TEXT, SUMMARY_TEXT

BATCH = 500


@transaction.atomic
def clear_test_requests(*, before: datetime) -> int:
    """Remove test requests that were last changed before a moment, at most 500; returns how many. Safe to repeat."""
    old = TrainingRequest.everything.filter(is_test=True, updated_at__lt=before).order_by("pk")
    keys = list(old.values_list("pk", flat=True)[:BATCH])
    for words in (FULL_TEXT, SUMMARY_TEXT):
        search.index_many(words, {key: {} for key in keys})
    RequestRevision.objects.filter(request__in=keys).delete()
    TrainingRequest.everything.filter(parent_request__in=keys).update(parent_request=None)
    TrainingRequest.everything.filter(pk__in=keys).delete()
    return len(keys)
