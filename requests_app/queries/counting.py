"""Whether what is counted on lines is what is claimed of them (domain rule 1)."""

from collections.abc import Iterator

from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce

from marketplace.kernel.rules import Breach
from requests_app.models import RequestLine


def miscounted_lines() -> Iterator[Breach]:
    """Give the lines whose counter differs from their live claims, or of which more is claimed than there is."""
    live = Coalesce(Sum("claims__participants", filter=Q(claims__released_at__isnull=True)), 0)
    counted = RequestLine.objects.select_related("request").annotate(live=live)
    wrong = counted.exclude(claimed=F("live")) | counted.filter(participants_max__lt=F("live"))
    for row in wrong.iterator():
        yield Breach(
            f"line {row.reference_text}",
            f"{row.claimed} of {row.participants_max} participants counted, {row.live} claimed",
        )
