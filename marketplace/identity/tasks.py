"""Work of the identity room in the background."""

from datetime import datetime, timedelta

from oauth2_provider.models import clear_expired

from marketplace.identity import operations
from marketplace.work.registry import job, periodic


@periodic("identity.forget_expired", every=timedelta(hours=6))
@job("identity.forget_expired")
def forget_expired(payload: dict[str, object], *, at: datetime, **_: object) -> None:
    """Delete the OAuth tokens and codes whose time is over, and the sessions that have ended."""
    clear_expired()
    operations.forget_ended_sessions(at=at)
