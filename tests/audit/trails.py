"""A trail to test on, and hands that reach past the guards as somebody with all rights on the database could."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import connection

from marketplace.audit import operations, sequencer, triggers, verification
from marketplace.audit.models import AuditRecord, ChainLink
from marketplace.audit.verification import Anchor
from marketplace.work.context import Origin, originating

THING = UUID("00000000-0000-7000-8000-000000000001")
PERSON = UUID("00000000-0000-7000-8000-0000000000aa")


def written(at: datetime, action: str = "submit", **facts: object) -> AuditRecord:
    known = {"actor_kind": "user", "actor_id": PERSON, "actor_label": "Amina", "resource": "training_request"}
    return operations.record(at=at, resource_id=THING, action=action, **{**known, **facts})  # type: ignore[arg-type]


def linked(count: int, at: datetime) -> list[AuditRecord]:
    """Write records that have every column, and link them."""
    with originating(Origin(request_id="r-1", client_address="192.0.2.7")):
        made = [
            written(
                at,
                action=f"step{number}",
                acting_for="The office",
                organization_code="IOM",
                reference=f"GMG-{number}",
                from_state="draft",
                to_state="open",
                reason_code="other",
                reason_text=f"Because of {number}",
                changes={"title": ["a", {"é": [1, 2.5, None, True]}]},
            )
            for number in range(count)
        ]
    assert link_all(at) == count
    return made


def link_all(at: datetime) -> int:
    total = 0
    while done := sequencer.link_pending(at=at, limit=100):
        total += done
    return total


@contextmanager
def guards_lifted() -> Iterator[None]:
    """Take all triggers off, as the owner of the tables can."""
    with connection.cursor() as cursor:
        for statement in triggers.drop_statements(connection.vendor):
            cursor.execute(statement)
        try:
            yield
        finally:
            for statement in triggers.create_statements(connection.vendor):
                cursor.execute(statement)


def run(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)  # type: ignore[arg-type]


def tamper(statement: str, *values: object) -> None:
    with guards_lifted():
        run(statement, *values)


def findings(*heads: Anchor, since: Anchor | None = None) -> list[str]:
    report, _whole = verification.verify(heads=heads, since=since)
    assert report.findings == len(report.told)
    return report.told


def link_of(record: AuditRecord) -> ChainLink:
    return ChainLink.objects.get(record_id=record.pk)
