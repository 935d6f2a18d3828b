"""What came of the deliveries: evaluations with their scales, and stories."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from fulfilment import operations, queries
from fulfilment.operations import EvaluationFacts
from marketplace.demo.loading.context import SOURCE, Load
from marketplace.demo.source import Row, provenance


def evaluations_of(engagement: Row, load: Load) -> list[EvaluationFacts]:
    """Give the evaluations of one engagement."""
    return [_facts(row, load) for row in load.rows("evaluations") if row["engagement"] == engagement["code"]]


def recorder(engagement_id: int, facts: EvaluationFacts, load: Load) -> Callable[[datetime], None]:
    """Give what records one evaluation when its time has come."""

    def record(at: datetime) -> None:
        operations.record_evaluation(actor=load.actor, at=at, engagement_id=engagement_id, facts=facts)
        load.new["evaluations"] += 1

    return record


def _facts(row: Row, load: Load) -> EvaluationFacts:
    low, high = row["scale"].split("-") if row["scale"] else (None, None)
    instrument = "self_assessment" if row["self_assessment"] else "objective_test"
    return EvaluationFacts(
        level=row["level"],
        # Levels 1 to 3 were asked of the participants; the fourth was read in documents by others.
        source="participants" if row["level"] < 4 else "external",
        collected_on=load.calendar.day(row["collected_on"]),
        instrument=instrument if row["level"] == 2 else "",
        method=row["method"],
        invited=row["invited"],
        answered=row["answered"],
        value=Decimal(row["value"]) if row["value"] else None,
        scale_min=Decimal(low) if low else None,
        scale_max=Decimal(high) if high else None,
        findings=row["finding"],
        external_id=row["code"],
        provenance=provenance(row),
    )


def load_stories(load: Load) -> None:
    """Load the outcome stories, after the requests that came of some of them."""
    at = load.calendar.now
    known = set(queries.stories_visible_to(load.actor, at=at).values_list("external_id", flat=True))
    engagements = queries.engagements_visible_to(load.actor, at=at).filter(source=SOURCE)
    for row in load.rows("outcome_stories"):
        if row["code"] in known:
            continue
        engagement = engagements.get(external_id=row["engagement"])
        operations.tell_outcome(
            actor=load.actor,
            at=engagement.closed_at or at,
            engagement_id=engagement.pk,
            kind=row["kind"],
            texts=row["text"],
            spin_off_request=row["spin_off_request"] or "",
            external_id=row["code"],
            provenance=provenance(row),
        )
        load.new["outcome_stories"] += 1
