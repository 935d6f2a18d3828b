"""The jobs of e-mail: one letter each, digests by the hour, and the purge."""

from datetime import datetime, timedelta
from uuid import UUID

from marketplace.notifications import mailing
from marketplace.notifications.models import Mail
from marketplace.notifications.queries import waiting_mail
from marketplace.notifications.transport import Result
from marketplace.work.registry import Claim, Payload, Progress, job, periodic

Sent = tuple[Mail, Result]


def send_mail(payload: Payload, *, at: datetime, progress: Progress) -> Sent | None:
    """Send one e-mail outside of any transaction; None where nothing is left to do."""
    mail = waiting_mail(UUID(payload["mail"]))
    return None if mail is None else (mail, mailing.send(mail, at=at))


# Two at a time over all workers: a slow server must not keep all of them from other work. The pauses between the attempts
# (a minute, doubling, at most six hours) reach beyond the three days for which a notice is news.
@job(
    mailing.JOB,
    prepare=send_mail,
    lease_seconds=60,
    time_limit_seconds=180,
    max_attempts=30,
    at_most=2,
    backoff_seconds=60,
    backoff_cap_seconds=6 * 3_600,
)
def end_mail(payload: Payload, *, at: datetime, prepared: Sent | None, claim: Claim) -> None:
    """Write what became of it. A worker killed before sends it again, under the same Message-ID."""
    if prepared is not None:
        mail, result = prepared
        mailing.finish(mail, result, at=at)


@periodic("notifications.digests", every=timedelta(hours=1))
@job("notifications.digests")
def gather(payload: Payload, *, at: datetime, **_: object) -> None:
    """Make the digests of the periods that ended last."""
    mailing.gather(at=at)


@periodic("notifications.purge_mail", every=timedelta(hours=1))
@job("notifications.purge_mail")
def purge(payload: Payload, *, at: datetime, **_: object) -> None:
    """Delete what ended long ago."""
    mailing.purge(at=at)
