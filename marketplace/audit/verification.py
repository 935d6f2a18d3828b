"""Walking along the chain and computing it again: streams, so that millions of rows need no more memory than a batch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, QuerySet

from marketplace.audit import triggers
from marketplace.audit.canonical import COVERED, START, ErasedSet, digest_of_link, digest_of_value
from marketplace.audit.models import AuditRecord, ChainHead, ChainLink, ErasableValues, PendingRecord, Verification

BATCH = 2_000
MOST_TOLD = 100  # findings told one by one; all are counted
ERASE = "values_erased"  # the action of the act that erases values


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place in the chain that somebody kept elsewhere."""

    position: int
    digest: str


@dataclass(slots=True)
class Report:
    """What a walk found. ``last`` is where another walk may go on, with ``digest`` as its anchor."""

    first: int = 1
    last: int = 0
    digest: str = START
    records: int = 0
    findings: int = 0
    compared: bool = (
        False  # with heads that were kept elsewhere, or the place it began at was not the one that was kept
    )
    told: list[str] = field(default_factory=list)

    def add(self, what: str) -> None:
        """Count a finding, and keep its words while there is room."""
        self.findings += 1
        if len(self.told) < MOST_TOLD:
            self.told.append(what)

    @property
    def anchor(self) -> Anchor:
        """The last place that was computed again."""
        return Anchor(self.last, self.digest)


Tell = Callable[[Report, int], None]  # what was found so far, and the last position of all


def verify(
    *, since: Anchor | None = None, heads: tuple[Anchor, ...] = (), progress: Tell | None = None
) -> tuple[Report, bool]:
    """Compute the chain again from its start, or from a place that is trusted, to its head.

    Returns the report and whether it covers the whole chain. ``heads`` are places kept outside of the database: only they
    show a chain that was computed anew from some place on, or cut together with its head.
    """
    whole = since is None or since.position == 0
    walk = _Walk(since, heads)
    head = ChainHead.objects.first()  # read before the walk: what is linked meanwhile belongs to the next one
    total = head.position if head else 0
    for batch in _links(walk.report.last, total):
        walk.along(batch)
        if progress is not None:
            progress(walk.report, total)
    walk.end(head)
    for finding in (*_outside(whole=whole), *walk.erasures(whole=whole)):
        walk.report.add(finding)
    return walk.report, whole


def keep(report: Report, *, at: datetime) -> Verification:
    """Keep the outcome of a walk that began at ``at``, for the doctor and for auditors."""
    return Verification.objects.create(
        at=at,
        first=report.first,
        last=report.last,
        digest=report.digest,
        findings=report.findings,
        compared=report.compared,
        detail=report.told[:20],
    )


def anchor_at(position: int) -> Anchor:
    """Take the stored digest of a place on trust, to begin a walk after it. Raises LookupError where there is no such place."""
    if position == 0:
        return Anchor(0, START)
    digest = ChainLink.objects.filter(position=position).values_list("digest", flat=True).first()
    if digest is None:
        raise LookupError(f"the chain has no position {position}")
    return Anchor(position, digest)


def anchor_before(moment: datetime) -> Anchor:
    """Find the last place that was linked before a moment."""
    last = (
        ChainLink.objects.filter(linked_at__lt=moment).order_by("-position").values_list("position", flat=True).first()
    )
    return anchor_at(last or 0)


def _links(after: int, last: int) -> Iterator[list[dict[str, Any]]]:
    links = ChainLink.objects.order_by("position").values("position", "record_id", "linked_at", "digest")
    while batch := list[Any](links.filter(position__gt=after, position__lte=last)[:BATCH]):
        yield batch
        after = batch[-1]["position"]


class _Walk:
    """One walk: where it stands, and what it has met."""

    def __init__(self, since: Anchor | None, heads: tuple[Anchor, ...]) -> None:
        self.report = Report(compared=bool(heads))
        self._kept = {head.position: head.digest for head in heads}
        self._erased: dict[str, ErasedSet] = {}
        if since is not None:
            self.report.first, self.report.last, self.report.digest = since.position + 1, since.position, since.digest
            stored = anchor_at(since.position) if _is_there(since.position) else None
            if stored is None or stored.digest != since.digest:
                self.report.compared = True  # who looks at the database alone may find that all of it fits together
                self.report.add(f"position {since.position}: not what was kept of it")

    def along(self, batch: list[dict[str, Any]]) -> None:
        ids = [link["record_id"] for link in batch]
        records = {row["id"]: row for row in AuditRecord.objects.filter(pk__in=ids).values("id", *COVERED)}
        rows = ErasableValues.objects.filter(pk__in=ids).values_list("record_id", "sealed", "erased")
        beside = {pk: (sealed, erased) for pk, sealed, erased in rows}
        for link in batch:
            self._step(link, records.get(link["record_id"]))
            if (record := records.get(link["record_id"])) is not None:
                self._values(link["position"], record, *beside.get(record["id"], ({}, {})))

    def _step(self, link: dict[str, Any], record: dict[str, Any] | None) -> None:
        report, position = self.report, link["position"]
        if position != report.last + 1:
            report.add(f"positions {report.last + 1} to {position - 1}: links are missing")
        if record is None:
            report.add(f"position {position}: its record is missing")
        else:
            report.records += 1
            digest = digest_of_link(
                position=position, previous=report.digest, linked_at=link["linked_at"], record=record
            )
            if digest != link["digest"]:
                report.add(f"position {position}: record {record['public_id']} or its link was changed")
        # Going on from the stored digest, one changed record is one finding and not one for each that follows.
        report.last, report.digest = position, link["digest"]
        if self._kept.get(position, report.digest) != report.digest:
            report.add(f"position {position}: the digest is not the one that was kept elsewhere")

    def _values(self, position: int, record: dict[str, Any], sealed: dict[str, Any], erased: dict[str, str]) -> None:
        for name, digest in record["seals"].items():
            if name in sealed:
                if not _fits(name, sealed[name], digest):
                    self.report.add(f"position {position}: {name} is not what was sealed")
            elif name in erased:
                self._erased.setdefault(str(erased[name]), ErasedSet()).add(record["public_id"], name)
            else:
                self.report.add(f"position {position}: {name} is missing and no act erased it")
        stray = (set(sealed) | set(erased)) - set(record["seals"]) | set(sealed) & set(erased)
        for name in sorted(stray):
            self.report.add(f"position {position}: {name} is there without a seal, or both kept and erased")

    def end(self, head: ChainHead | None) -> None:
        """Compare the last link with the stored head and with the heads that were kept elsewhere."""
        report = self.report
        if head is None:
            if ChainLink.objects.exists():
                report.add("the head of the chain is missing")
        elif (head.position, head.digest) != (report.last, report.digest):
            report.add(f"the head says position {head.position}, the chain ends at {report.last} or differs there")
        if head is not None and (beyond := ChainLink.objects.filter(position__gt=head.position).count()):
            newest = ChainHead.objects.first()  # where the sequencer went on meanwhile, all is well
            if newest is None or newest.position < head.position + beyond:
                report.add(f"{beyond} links stand after the head")
        for position in sorted(self._kept):
            if position > report.last:
                report.add(f"position {position}: was kept elsewhere, and the chain is shorter now")

    def erasures(self, *, whole: bool) -> Iterator[str]:
        """Compare what is erased with what the acts of erasing say that they erased.

        An act that was linked after this walk began may have erased what the walk had passed already: the next one compares.
        """
        for act, met in self._erased.items():
            said = _act(act)
            if said is None:
                yield f"{met.count} values are gone by an act {act} that is not in the trail"
            elif whole and self._has_passed(said) and _told(said) != (met.count, met.digest):
                yield f"the act {act} erased {_told(said)[0]} values, and other {met.count} are gone by it"
        for record in _acts().iterator() if whole else ():
            if self._has_passed(record) and _told(record)[0] and str(record.public_id) not in self._erased:
                yield f"the act {record.public_id} erased {_told(record)[0]} values, and none is gone by it"

    def _has_passed(self, record: AuditRecord) -> bool:
        link = getattr(record, "link", None)  # none while it waits for its place
        return link is not None and link.position <= self.report.last


def _is_there(position: int) -> bool:
    return position == 0 or ChainLink.objects.filter(position=position).exists()


def _fits(name: str, kept: Any, digest: str) -> bool:
    try:
        return digest_of_value(name, kept) == digest
    except (KeyError, TypeError, ValueError):  # not even in the form of a kept value
        return False


def _acts() -> QuerySet[AuditRecord]:
    return AuditRecord.objects.select_related("erasable", "link").filter(action=ERASE).order_by("id")


def _act(public_id: str) -> AuditRecord | None:
    try:
        return _acts().filter(public_id=UUID(public_id)).first()
    except ValueError:
        return None


def _told(act: AuditRecord) -> tuple[object, object]:
    return act.changes.get("values"), act.changes.get("digest")


def _outside(*, whole: bool) -> Iterator[str]:
    """Look for what is in no chain: records that nobody linked, values and waiting entries without a record, missing guards."""
    for trigger in triggers.missing(connection):
        yield f"the trigger {trigger.name} on {trigger.table} is missing (`manage.py migrate` makes it again)"
    if not whole:
        return
    stray = AuditRecord.objects.filter(link__isnull=True, pending__isnull=True).order_by("id")
    for public_id in stray.values_list("public_id", flat=True)[:MOST_TOLD]:
        yield f"record {public_id}: in no chain, and not waiting for it"
    for model, what in ((ErasableValues, "values"), (PendingRecord, "waiting entries")):
        orphans = model._default_manager.exclude(pk__in=AuditRecord.objects.values("pk")).aggregate(count=Count("pk"))
        if orphans["count"]:
            yield f"{orphans['count']} {what} whose record is missing"
