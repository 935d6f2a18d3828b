"""The audit trail is verified without being asked: each day what is new, each week all of it."""

from datetime import datetime, timedelta

import structlog

from marketplace.audit import queries, verification
from marketplace.audit.verification import Anchor, Report
from marketplace.work.registry import Claim, Payload, Progress, job, periodic

log = structlog.get_logger(__name__)
WHOLE_EVERY = timedelta(days=7)  # what a walk takes on trust was itself computed within a week


def walk(payload: Payload, *, at: datetime, progress: Progress) -> tuple[datetime, Report]:
    """Compute the chain again and tell when that began: from the place up to which it was found whole, or from its start.

    From its start where that was a week ago, and where findings stand.
    """
    last = queries.walk_to_go_on_from(whole_since=at - WHOLE_EVERY)
    since = Anchor(last.last, last.digest) if last else None
    report, _ = verification.verify(since=since, progress=lambda found, total: progress(found.last, total))
    return at, report


@periodic("audit.verify", every=timedelta(days=1))
@job("audit.verify", prepare=walk, lease_seconds=60, time_limit_seconds=1_500, max_attempts=3, at_most=1)
def verify(payload: Payload, *, at: datetime, prepared: tuple[datetime, Report], claim: Claim) -> None:
    """Keep what the walk found, for the doctor and for auditors; an alarm in the log where something does not fit."""
    began, report = prepared
    kept = verification.keep(report, at=began)
    if kept.findings:
        log.error("audit.broken", first=kept.first, last=kept.last, findings=kept.findings, detail=kept.detail)
