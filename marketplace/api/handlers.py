"""Jobs of the API."""

from datetime import datetime, timedelta

from marketplace.api import idempotency
from marketplace.work.registry import job, periodic


@periodic("api.purge_idempotency_keys", every=timedelta(hours=1))
@job("api.purge_idempotency_keys")
def purge_idempotency_keys(payload: dict[str, object], *, at: datetime, **_: object) -> None:
    """Delete stored answers after a day."""
    idempotency.purge(at=at)
