"""The one writer of the chain: it puts committed records into a total order and links each to all before it.

Writers only append: they know no number and no digest, so that they neither wait for each other nor can fork the chain.
A batch is one transaction (links, head, and the end of waiting), so that a kill at any moment leaves a whole chain.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from marketplace.audit.canonical import COVERED, START, digest_of_link
from marketplace.audit.models import AuditRecord, ChainHead, ChainLink, PendingRecord
from marketplace.records.locks import is_only_writer

CHAIN_LOCK = 0x67_6D_67_61_75_64  # "gmgaud"; one advisory lock for the whole database


class ChainBrokenError(Exception):
    """The chain cannot be gone on with: its head is missing though there are links. `manage.py verify_audit` says more."""


def link_pending(*, at: datetime, limit: int = 500) -> int:
    """Append up to ``limit`` committed records to the chain, oldest first, and return how many were linked.

    0 also where another process is at it. Goes on from the stored head, never from the last link: where links were
    taken away, the gap stays to be seen. Raises ChainBrokenError.
    """
    if not waiting().exists():  # a read: an idle look takes no lock
        return 0
    with transaction.atomic():
        if not is_only_writer(CHAIN_LOCK):
            return 0
        rows = list(waiting().order_by("id").values("id", *COVERED)[:limit])
        if not rows:  # another process linked them since
            return 0
        head, links = _head(at), []
        for row in rows:
            head.position += 1
            head.digest = digest_of_link(position=head.position, previous=head.digest, linked_at=at, record=row)
            links.append(ChainLink(position=head.position, record_id=row["id"], linked_at=at, digest=head.digest))
        head.linked_at = at
        ChainLink.objects.bulk_create(links)
        PendingRecord.objects.filter(record_id__in=[row["id"] for row in rows]).delete()
        head.save()
    return len(rows)


def waiting() -> QuerySet[AuditRecord]:
    """Give the records that wait for their place."""
    return AuditRecord.objects.filter(pending__isnull=False)


def _head(at: datetime) -> ChainHead:
    head = ChainHead.objects.first()
    if head is not None:
        return head
    if ChainLink.objects.exists():
        raise ChainBrokenError("the head of the audit chain is missing")
    return ChainHead(position=0, digest=START, linked_at=at)
