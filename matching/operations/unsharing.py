"""Shares of requests that nothing asks for any more, and that nobody ended when it stopped."""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from matching.lifecycle import CLAIMING_PARTS
from matching.models import ProposalPart
from matching.operations.asking import end_share
from requests_app import operations as requests
from requests_app import queries as request_queries

BATCH = 200  # shares in one round


def end_unasked_shares(*, at: datetime) -> int:
    """End what organizations read of requests by being asked, where no part asks them; returns how many. Safe to repeat.

    Letting go of a part ends its share; what was let go of before that was so is found here.
    """
    asking = ProposalPart.objects.filter(
        proposal__request=OuterRef("request"), provider__organization=OuterRef("organization"), state__in=CLAIMING_PARTS
    )
    found = request_queries.asked_shares().filter(~Exists(asking)).order_by("pk")
    pairs = list(found.values_list("request_id", "organization_id")[:BATCH])
    return sum(_end(request_id, organization_id, at=at) for request_id, organization_id in pairs)


@transaction.atomic
def _end(request_id: int, organization_id: int, *, at: datetime) -> bool:
    requests.lock_request(request_id=request_id)
    return end_share(request_id, organization_id, at=at) is not None
