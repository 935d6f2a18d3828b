"""Work of this app that waits for its time; each is safe to repeat."""

from datetime import datetime, timedelta

from django.conf import settings

from marketplace.accounts.actors import Actor
from marketplace.work.registry import job, periodic
from requests_app import operations

CLOCK = Actor.system("deadlines")


@job("requests.withdraw_unanswered")
def withdraw_unanswered(payload: dict[str, str], *, at: datetime, **_: object) -> None:
    """Withdraw a request that was never answered."""
    operations.withdraw_unanswered(
        actor=CLOCK, at=at, request_id=int(payload["request_id"]), due_at=datetime.fromisoformat(payload["due_at"])
    )


@periodic("requests.expire_endorsements", every=timedelta(hours=6))
@job("requests.expire_endorsements")
def expire_endorsements(payload: dict[str, str], *, at: datetime, **_: object) -> None:
    """End the endorsements whose validity is over."""
    operations.expire_endorsements(actor=CLOCK, at=at)


@periodic("requests.clear_test_data", every=timedelta(hours=1))
@job("requests.clear_test_data")
def clear_test_data(payload: dict[str, str], *, at: datetime, **_: object) -> None:
    """Remove what systems in test mode have not touched for days."""
    operations.clear_test_requests(before=at - timedelta(days=settings.TEST_DATA_DAYS))
