"""What is asked: each request walks its life with the dates of the data, its engagements with it."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from marketplace.demo.loading import engagements
from marketplace.demo.loading.context import Load
from marketplace.demo.source import Row, provenance
from marketplace.work import loop
from matching import operations as matching
from requests_app import operations, queries
from requests_app.operations import LineContent, RequestContent

# The data says that one request was returned, not with which words.
QUESTION = {
    "en": "How many people would take part in each group, and which authorities do they come from?",
    "fr": "Combien de personnes chaque groupe compterait-il, et de quelles autorités viendraient-elles ?",
}


def load_requests(load: Load) -> None:
    """Load the requests in the order in which they were drafted, so that a parent comes before what it led to."""
    for row in sorted(load.rows("training_requests"), key=lambda row: str(row["timeline"][0]["at"])):
        if not _is_known(row, load):
            with transaction.atomic():
                _walk(row, load)
            load.new["training_requests"] += 1


def external_id(key: str) -> str:
    """Give the name under which this source knows a request; drafts have no reference."""
    return f"demo:{key}"


def _is_known(row: Row, load: Load) -> bool:
    seen = queries.requests_visible_to(load.actor, at=load.calendar.now)
    return seen.filter(external_id=external_id(row["key"])).exists()


def _walk(row: Row, load: Load) -> None:
    moments = {step["state"]: load.calendar.moment(step["at"]) for step in row["timeline"]}
    request = operations.create_request(
        actor=load.actor,
        at=moments["draft"],
        organization=row["requesting_organization"],
        content=_content(row, load),
        external_id=external_id(row["key"]),
    )
    for state, moment in moments.items():
        if state in STEPS:
            STEPS[state](row, request.pk, load, moment)
        elif state == "matched":  # from here to the fulfilment, the state follows from the engagements
            engagements.load_engagements(row, request.pk, load, moments)


def _submit(row: Row, pk: int, load: Load, at: datetime) -> None:
    operations.submit_request(actor=load.actor, at=at, request_id=pk, reference=row["reference"])
    if row["endorsement"]["state"] == "pending":
        operations.request_endorsement(
            actor=load.actor, at=at, request_id=pk, authority=row["endorsement"]["authority"]
        )


def _open(row: Row, pk: int, load: Load, at: datetime) -> None:
    operations.open_request(actor=load.actor, at=at, request_id=pk)


def _return(row: Row, pk: int, load: Load, at: datetime) -> None:
    language = row["language"]
    operations.return_request(
        actor=load.actor, at=at, request_id=pk, question=QUESTION[language], language=language, reason_code="numbers"
    )


def _decline(row: Row, pk: int, load: Load, at: datetime) -> None:
    operations.decline_request(actor=load.actor, at=at, request_id=pk, reason_code=row["reason_code"])


def _mark_unmet(row: Row, pk: int, load: Load, at: datetime) -> None:
    """A need is called unmet only after a call for offers: it was made when the request was opened, and nobody came.

    The engine is asked once more before that; what it finds in the way is what the answer names.
    """
    opened = next(load.calendar.moment(step["at"]) for step in row["timeline"] if step["state"] == "open")
    called = operations.call_for_offers(actor=load.actor, at=opened, request_id=pk)
    ended = called.call_ends_at or at
    operations.end_call(actor=load.actor, at=min(ended, at), request_id=pk)
    operations.mark_unmet(
        actor=load.actor,
        at=at,
        request_id=pk,
        reason_code=row["reason_code"],
        conflicts=_in_the_way(pk, load, at),
    )


def _in_the_way(pk: int, load: Load, at: datetime) -> list[str]:
    """Rank a need and give the constraints that nobody meets together: the fewest that would have to go, else all that fail."""
    run = matching.request_run(actor=load.actor, at=at, request_id=pk)
    loop.run_until_idle(worker=load.actor.label, clock=lambda: at)  # nothing else is due so early
    run.refresh_from_db()
    conflicts = [line["conflict"] for line in run.result["lines"] if line["conflict"]]
    found = [entry["relaxations"][0]["codes"] if entry["relaxations"] else entry["failing"] for entry in conflicts]
    return list(dict.fromkeys(code for codes in found for code in codes))


def _close(row: Row, pk: int, load: Load, at: datetime) -> None:
    operations.close_request(actor=load.actor, at=at, request_id=pk)


STEPS: dict[str, Callable[[Row, int, Load, datetime], None]] = {
    "submitted": _submit,
    "open": _open,
    "returned": _return,
    "ineligible": _decline,
    "unmet": _mark_unmet,
    "closed": _close,
}


def _content(row: Row, load: Load) -> RequestContent:
    budget, place = row["budget"], row["place"]
    return RequestContent(
        title=row["title"],
        need_statement=row["need_statement"],
        language=row["language"],
        lines=tuple(_line(line) for line in row["lines"]),
        languages_must=tuple(row["languages"]["must"]),
        languages_may=tuple(row["languages"]["may"]),
        forms=tuple(row["acceptable_forms"]),
        modalities=tuple(row["acceptable_modalities"]),
        window=load.calendar.period(row["window"]),
        original_window=row["original_window"],
        place_preference=place["preference"],
        place_country=place["country"] or "",
        place_city=place["city"] or "",
        budget_ceiling=Decimal(budget["ceiling"]) if budget["ceiling"] else None,
        budget_currency=budget["currency"] or "",
        funding_state=budget["funding_state"],
        funder=budget["funder"] or "",
        award=row["award_wanted"],
        context_event=row["context_event"] or "",
        priority_facts=tuple(row["priority_facts"]),
        programme=row["programme"] or "",
        visibility=row["visibility"],
        channel=row["channel"],
        parent_request=row["parent_request"] or "",
        parent_relation=row["parent_relation"] or "",
        co_requesters=tuple(row["co_requesters"]),
        beneficiaries=tuple(row["beneficiaries"]),
        provenance=provenance(row),
    )


def _line(row: Row) -> LineContent:
    return LineContent(
        number=row["line"],
        theme=row["theme"],
        audience=row["audience"],
        country=row["country"] or "",
        region=row["region"] or "",
        language=row["language"],
        participants_min=row["participants"]["min"],
        participants_max=row["participants"]["max"],
        level=row["level"],
        governance_level=row["governance_level"],
    )
