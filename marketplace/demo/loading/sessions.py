"""Dated deliveries, walked to the state that the data gives."""

from marketplace.demo.loading.context import Load
from marketplace.demo.loading.offerings import decided_at
from marketplace.demo.source import Row, provenance
from providers import operations, queries

STEPS = {"open": operations.open_session, "running": operations.start_session, "completed": operations.complete_session}
WAY = ("planned", "open", "running", "completed")


def load_sessions(load: Load) -> None:
    """Load the sessions. Those from before the catalogue existed are entered on the day their offering was published."""
    seen = queries.sessions_visible_to(load.actor, at=load.calendar.now)
    known = set(seen.values_list("code", flat=True))
    offerings = load.by_code("offerings")
    for row in load.rows("sessions"):
        if row["code"] not in known:
            _load(row, offerings[row["offering"]], load)
            load.new["sessions"] += 1


def _load(row: Row, offering: Row, load: Load) -> None:
    period = load.calendar.period(row["period"])
    entered = decided_at(offering, load)
    session = operations.create_session(
        actor=load.actor,
        at=entered,
        offering_id=queries.offering_by_reference(row["offering"]).pk,
        code=row["code"],
        facts={
            "period": period,
            "enrolment_deadline": load.calendar.day_or_none(row["enrolment_deadline"]),
            "modality": row["modality"],
            "city": row["place"]["city"] or "",
            "country": row["place"]["country"] or "",
            "venue": row["place"]["venue"] or "",
            "languages": row["languages"],
            "seats_total": row["seats"]["total"],
            "seats_min": row["seats"]["min"],
            "original_period": row["original_period"],
            "provenance": provenance(row),
        },
    )
    moments = {
        "open": entered,
        "running": max(entered, load.calendar.morning(period.start)),
        "completed": max(entered, load.calendar.evening(period.end)),
    }
    for state in WAY[1 : WAY.index(row["state"]) + 1]:
        STEPS[state](actor=load.actor, at=moments[state], session_id=session.pk)
