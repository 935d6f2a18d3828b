"""The programmes that needs and offerings belong to, and the forums that needs are tied to."""

from marketplace.accounts import operations
from marketplace.accounts.models import ContextEvent, Programme
from marketplace.demo.loading.context import Load
from marketplace.demo.loading.organizations import REGISTERED_AT
from marketplace.demo.source import Row, provenance


def load_programmes(load: Load) -> None:
    """Load the programmes, parents first: a parent stands above its parts in the file."""
    known = set(Programme.objects.values_list("code", flat=True))
    for row in load.rows("programmes"):
        if row["code"] not in known:
            _save_programme(row, load)
            load.new["programmes"] += 1


def _save_programme(row: Row, load: Load) -> None:
    period = row["period"]
    kept = provenance(row)
    if row.get("reporting_duties"):
        kept["reporting_duties"] = row["reporting_duties"]
    operations.save_programme(
        actor=load.actor,
        at=REGISTERED_AT,
        code=row["code"],
        names=row["names"],
        lead=row["lead"],
        parent=row["parent"],
        members=row["members"],
        funders=row["funders"],
        countries=row["countries"],
        start_on=load.calendar.day_or_none(period["start"]),
        end_on=load.calendar.day_or_none(period["end"]),
        precision=period["precision"],
        original_period=row["original_period"],
        provenance=kept,
    )


def load_context_events(load: Load) -> None:
    """Load the forums and dialogues."""
    known = set(ContextEvent.objects.values_list("code", flat=True))
    for row in load.rows("context_events"):
        if row["code"] in known:
            continue
        period = load.calendar.period(row["period"])
        operations.save_context_event(
            actor=load.actor,
            at=REGISTERED_AT,
            code=row["code"],
            names=row["names"],
            start_on=period.start,
            end_on=period.end,
            precision=period.precision.value,
            host_country=row["host_country"] or "",
            original_period=row["original_period"],
            provenance=provenance(row),
        )
        load.new["context_events"] += 1
