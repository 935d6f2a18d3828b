"""The housekeeping of the audit room."""

from datetime import datetime, timedelta

import structlog

from marketplace.audit import queries, sequencer
from marketplace.work.registry import chore

log = structlog.get_logger(__name__)


@chore("audit.link", every=timedelta(0))
def link(*, at: datetime) -> int:
    """Link what has been committed since."""
    return sequencer.link_pending(at=at)


@chore("audit.tell_head", every=timedelta(hours=1))
def tell_head(*, at: datetime) -> int:
    """Say the head in the log: logs are kept elsewhere, so that whoever rewrites the chain cannot rewrite that."""
    status = queries.chain_status(at)
    if status.position:
        log.info("audit.head", position=status.position, digest=status.digest)
    return 0
