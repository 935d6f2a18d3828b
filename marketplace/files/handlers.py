"""Chores of files."""

from datetime import datetime, timedelta

from marketplace.files import uploads
from marketplace.work.registry import job, periodic


@periodic("files.sweep", every=timedelta(hours=1))
@job("files.sweep")
def sweep(payload: dict[str, object], *, at: datetime, **_: object) -> None:
    """Delete files that nobody needs."""
    uploads.sweep(at=at)
