"""What comes round by itself in matching; safe to repeat."""

from datetime import datetime, timedelta

from marketplace.work.registry import job, periodic
from matching import operations


@periodic("matching.end_unasked_shares", every=timedelta(hours=1))
@job("matching.end_unasked_shares")
def end_unasked_shares(payload: dict[str, object], *, at: datetime, **_: object) -> None:
    """End what organizations still read of requests because of proposals that ask them no longer."""
    operations.end_unasked_shares(at=at)
