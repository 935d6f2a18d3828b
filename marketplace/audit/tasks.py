"""The audit trail is verified without being asked: each day what is new, each week all of it."""

from datetime import datetime, timedelta

import structlog

from marketplace.audit import verification
from marketplace.audit.models import Verification
from marketplace.audit.verification import Anchor, Report
from marketplace.work.registry import Claim, Payload, Progress, job, periodic

log = structlog.get_logger(__name__)
WHOLE_EVERY = timedelta(days=7)  # what a walk takes on trust was itself computed within a week


def walk(payload: Payload, *, at: datetime, progress: Progress) -> Report:
    """Compute the chain again, after the last place that was found whole, or from its start where that was a week ago."""
    whole = Verification.objects.filter(first=1, findings=0, at__gt=at - WHOLE_EVERY).exists()
    last = Verification.objects.filter(findings=0).order_by("-at", "-pk").first() if whole else None
    since = Anchor(last.last, last.digest) if last else None
    report, _ = verification.verify(since=since, progress=lambda found, total: progress(found.last, total))
    return report


@periodic("audit.verify", every=timedelta(days=1))
@job("audit.verify", prepare=walk, lease_seconds=60, time_limit_seconds=1_500, max_attempts=3, at_most=1)
def verify(payload: Payload, *, at: datetime, prepared: Report, claim: Claim) -> None:
    """Keep what the walk found, for the doctor and for auditors; an alarm in the log where something does not fit."""
    kept = verification.keep(prepared, at=at)
    if kept.findings:
        log.error("audit.broken", first=kept.first, last=kept.last, findings=kept.findings, detail=kept.detail)
