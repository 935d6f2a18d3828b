"""All checkers over one shape's run, and the figures of the table."""

import statistics
from collections import defaultdict
from dataclasses import dataclass, field

from tests.faults.checkers import BROKEN, DOUBLED, LOST, Checker, Violation
from tests.faults.checkers.background import answers, tenancy, work
from tests.faults.checkers.claims import approvals, seats
from tests.faults.checkers.effects import acknowledged, audit, idempotency
from tests.faults.checkers.feed import feed
from tests.faults.checkers.transitions import transitions
from tests.faults.checkers.webhooks import webhooks
from tests.faults.final import Final
from tests.faults.history import OK, Call, Fault, History

CHECKERS: dict[str, Checker] = {
    "seats": seats,
    "approvals": approvals,
    "transitions": transitions,
    "feed": feed,
    "webhooks": webhooks,
    "idempotency": idempotency,
    "audit": audit,
    "acknowledged": acknowledged,
    "tenancy": tenancy,
    "work": work,
    "answers": answers,
}
CALM = "(calm)"


@dataclass
class Row:
    """The figures of one kind of fault in one shape; a call belongs to the fault during which it was under way."""

    shape: str
    kind: str
    faults: int = 0
    calls: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    broken: int = 0
    unrecovered: int = 0
    recoveries: list[float] = field(default_factory=list)


def judge(history: History, final: Final) -> dict[str, list[Violation]]:
    """Run every checker."""
    return {name: check(history, final) for name, check in CHECKERS.items()}


def table(shape: str, history: History, found: dict[str, list[Violation]]) -> list[Row]:
    """Count by kind of fault."""
    rows: dict[str, Row] = defaultdict(lambda: Row(shape, CALM))
    for fault in history.faults:
        row = rows.setdefault(fault.kind, Row(shape, fault.kind))
        row.faults += 1
        if fault.recovery is None:
            row.unrecovered += 1
        else:
            row.recoveries.append(fault.recovery)
    for call in history.calls.values():
        row = rows[_kind_at(history.faults, call)]
        row.calls += 1
        row.acknowledged += call.outcome == OK
    for violation in (one for violations in found.values() for one in violations):
        _count(rows[_kind_of(history.faults, violation)], violation)
    return sorted(rows.values(), key=lambda row: (row.kind == CALM, row.kind))


def _kind_at(faults: list[Fault], call: Call) -> str:
    begin, end = call.span if call.attempts else (0.0, 0.0)
    for fault in faults:
        if begin <= (fault.recovered or fault.ended) and end >= fault.began:
            return fault.kind
    return CALM


def _kind_of(faults: list[Fault], violation: Violation) -> str:
    at = violation.at
    for fault in faults:
        if at is not None and fault.began - 1.0 <= at <= (fault.recovered or fault.ended):
            return fault.kind
    return CALM


def _count(row: Row, violation: Violation) -> None:
    row.lost += violation.kind == LOST
    row.doubled += violation.kind == DOUBLED
    row.broken += violation.kind == BROKEN


def percentile(values: list[float], share: int) -> float:
    """Compute the value below which that many per cent lie (nearest of the sorted values); 0.0 of none."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]
