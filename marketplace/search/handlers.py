"""The directory lies below the index, so that the index follows it by event."""

from datetime import datetime

from marketplace.events.registry import handles
from marketplace.search.directory import KINDS, index_directory
from marketplace.work.registry import Payload, job


@handles(*(f"{kind}.{word}" for kind in KINDS for word in ("created", "changed")), kind="search.index_directory")
@job("search.index_directory")
def follow_directory(payload: Payload, *, at: datetime, **_: object) -> None:
    """Make an organization, a programme or a context event findable by the words that it has now."""
    index_directory(payload["resource"], public_ids=[payload["resource_id"]])
