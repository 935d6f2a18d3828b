"""What is offered: drafted, vetted, published; retired only after its sessions are loaded."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from marketplace.demo.loading.context import Load
from marketplace.demo.source import Row, provenance
from providers import operations, queries

SAME_NAME = [
    "objectives",
    "prerequisites",
    "language_of_record",
    "themes",
    "scheme_concepts",
    "form",
    "modality",
    "series",
    "programme",
    "languages",
    "interpretation_possible",
    "audiences",
    "level",
    "governance_levels",
    "customisable",
    "scope",
    "countries_served",
    "regions_served",
    "lead_time_days",
    "workload_hours_per_week",
    "award",
]
# How long the steps before a decision took, by our own choice: the data gives the day of the decision alone.
DRAFTED_BEFORE, SUBMITTED_BEFORE = timedelta(days=21), timedelta(days=14)
UNDECIDED_SINCE = timedelta(days=11)  # before the demo day


def load_offerings(load: Load) -> None:
    """Load the offerings, series first, up to their decision."""
    seen = queries.offerings_visible_to(load.actor, at=load.calendar.now)
    known = set(seen.values_list("code", flat=True))
    for row in sorted(load.rows("offerings"), key=lambda row: not row.get("is_umbrella")):
        if row["code"] not in known:
            _load(row, load)
            load.new["offerings"] += 1


def decided_at(row: Row, load: Load) -> datetime:
    """Give when the panel decided on an offering; before the demo day where it has not."""
    decided_on = load.calendar.day_or_none(row["vetting"]["decided_on"])
    if decided_on is not None:
        return load.calendar.morning(decided_on)
    return load.calendar.morning(load.calendar.demo_day - UNDECIDED_SINCE) + SUBMITTED_BEFORE


def _load(row: Row, load: Load) -> None:
    decision = decided_at(row, load)
    offering = operations.create_offering(
        actor=load.actor,
        at=load.calendar.past(decision - DRAFTED_BEFORE),
        provider_id=queries.provider_by_code(row["provider"]).pk,
        code=row["code"],
        external_id=row["external_id"],
        source=row["source"],
        facts=_facts(row, load),
    )
    if row["state"] == "draft":
        return
    operations.submit_offering(
        actor=load.actor, at=load.calendar.past(decision - SUBMITTED_BEFORE), offering_id=offering.pk
    )
    if row["state"] == "in_vetting":
        return
    operations.publish_offering(
        actor=load.actor,
        at=decision,
        offering_id=offering.pk,
        panel=row["vetting"]["panel"],
        vetted_on=decision.date(),
        expires_on=load.calendar.day_or_none(row["vetting"]["expires_on"]),
    )


def _facts(row: Row, load: Load) -> dict[str, Any]:
    delivery, cost = row["delivery"], row["cost"]
    return {
        **{name: row[name] for name in SAME_NAME},
        "titles": row["title"],
        "summaries": row["summary"],
        "is_umbrella": bool(row.get("is_umbrella")),
        "components": row.get("components", []),
        "sequence": row.get("sequence", []),
        "places": [{key: value for key, value in place.items() if value} for place in delivery["places"]],
        "in_country_on_request": delivery["in_country_on_request"],
        "on_request": delivery["on_request"],
        "duration_hours": row["hours"],
        "participants_min": row["participants"]["min"],
        "participants_max": row["participants"]["max"],
        "cost_per_delivery": Decimal(cost["per_delivery"]),
        "cost_per_participant": Decimal(cost["per_participant"]),
        "currency": cost["currency"],
        "cost_includes": cost["includes"],
        "accreditor": row["accreditor"] or "",
        "reach": [*row.get("reach", []), *_told_participations(row, load)],
        "partners": row["partners"],
        "provenance": provenance(row),
    }


def _told_participations(row: Row, load: Load) -> list[Row]:
    """What the texts say of participants of an offering is its reach: told, never counted at a delivery."""
    told = {(fact["measure"], fact["value"]) for fact in row.get("reach", [])}
    return [
        {
            "measure": fact["measure"],
            "value": fact["value"],
            "per": fact["period"],
            **({"qualifier": fact["qualifier"]} if fact.get("qualifier") else {}),
            "provenance": fact["provenance"],
        }
        for fact in load.rows("participations")
        if fact["offering"] == row["code"] and (fact["measure"], fact["value"]) not in told
    ]


def retire_offerings(load: Load) -> None:
    """Retire what is no longer offered, the day after its last session ended."""
    ends: dict[str, datetime] = {}
    for session in load.rows("sessions"):
        end = load.calendar.evening(load.calendar.day(session["period"]["end"]))
        ends[session["offering"]] = max(end, ends.get(session["offering"], end))
    for row in load.rows("offerings"):
        offering = queries.offering_by_reference(row["code"])
        if row["state"] != "retired" or offering.state == "retired":
            continue
        last = max(decided_at(row, load), ends.get(row["code"], decided_at(row, load)))
        operations.retire_offering(
            actor=load.actor, at=load.calendar.past(last + timedelta(days=1)), offering_id=offering.pk
        )
