"""What was agreed and delivered before there was a platform: imports, one step after the other with their request.

The data dates the request (matched, in delivery, fulfilled, closed) and the period of each engagement. The first
engagement begins with the request's delivery and the last one ends it; the others begin and end with their own periods.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from fulfilment import operations
from fulfilment import queries as fulfilment
from fulfilment.operations import ImportFacts
from marketplace.accounts import queries as accounts
from marketplace.demo.loading import evaluations
from marketplace.demo.loading.context import SOURCE, Load
from marketplace.demo.source import Row, provenance
from matching.queries import AgreedLine, AgreedPart, AgreedPartner, AgreedTerms
from providers import queries as providers
from requests_app import queries as requests

WAY = ("agreed", "in_delivery", "delivered", "evaluating", "closed")
CONFIRMED_AFTER = timedelta(days=14)  # of the end, as imports have it
HISTORIC = "historic"  # why an evaluation was waived, where the data does not say


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to one engagement; sorting by moment and order gives the history."""

    at: datetime
    order: int
    take: Callable[[datetime], None]


def load_engagements(request: Row, request_id: int, load: Load, moments: Mapping[str, datetime]) -> None:
    """Load all engagements of a request that is open, in the order of their steps."""
    rows = [row for row in load.rows("engagements") if row["request"] == request["reference"]]
    rows.sort(key=lambda row: (row["agreed_period"]["start"], row["code"]))
    steps: list[Step] = []
    for row in rows:
        engagement_id = _import(row, request_id, load, moments["matched"])
        dates = _dates(row, load, moments, first=row is rows[0], last=row is rows[-1])
        steps += _steps(row, engagement_id, load, dates)
        load.new["engagements"] += 1
    for step in sorted(steps, key=lambda step: (step.at, step.order)):
        step.take(step.at)


def _dates(row: Row, load: Load, moments: Mapping[str, datetime], *, first: bool, last: bool) -> dict[str, datetime]:
    period = load.calendar.period(row["agreed_period"])
    begun = moments.get("in_delivery", load.calendar.now)
    ended = moments.get("fulfilled", load.calendar.now)
    starts = begun if first else min(max(begun, load.calendar.morning(period.start)), ended)
    delivered = ended if last else max(starts, min(load.calendar.evening(period.end), ended))
    return {
        "in_delivery": starts,
        "delivered": delivered,
        "evaluating": min(delivered + CONFIRMED_AFTER, ended),
        "closed": moments.get("closed", load.calendar.now),
    }


def _steps(row: Row, engagement_id: int, load: Load, dates: Mapping[str, datetime]) -> Iterator[Step]:
    wanted = WAY[1 : WAY.index(row["state"]) + 1]
    for state in wanted:
        yield Step(dates[state], WAY.index(state), _taker(row, state, engagement_id, load))
    for facts in evaluations.evaluations_of(row, load):
        collected = max(dates["in_delivery"], load.calendar.evening(facts.collected_on))
        order = WAY.index("evaluating")  # before the closing of the same moment
        yield Step(collected, order, evaluations.recorder(engagement_id, facts, load))


def _taker(row: Row, state: str, engagement_id: int, load: Load) -> Callable[[datetime], None]:
    if state == "closed":
        return lambda at: _close(row, engagement_id, load, at)
    return lambda at: _advance(engagement_id, state, load, at)


def _advance(engagement_id: int, state: str, load: Load, at: datetime) -> None:
    operations.advance_import(actor=load.actor, at=at, engagement_id=engagement_id, state=state)


def _close(row: Row, engagement_id: int, load: Load, at: datetime) -> None:
    waiver = row["evaluation_waiver"] or {"reason_code": HISTORIC, "text": {}}
    seen = fulfilment.engagements_visible_to(load.actor, at=at)
    for level in seen.values_list("missing_levels", flat=True).get(pk=engagement_id):
        operations.waive_evaluation(
            actor=load.actor,
            at=at,
            engagement_id=engagement_id,
            level=level,
            reason_code=waiver["reason_code"],
            reason_text=waiver["text"].get("en", ""),
        )
    operations.close_engagement(actor=load.actor, at=at, engagement_id=engagement_id)


def _import(row: Row, request_id: int, load: Load, agreed_at: datetime) -> int:
    engagement = operations.import_engagement(
        actor=load.actor,
        at=agreed_at,
        agreed_at=agreed_at,
        terms=_terms(row, request_id, load),
        facts=ImportFacts(
            source=SOURCE,
            external_id=row["code"],
            provenance=provenance(row),
            original_period=row["original_period"],
        ),
        state="agreed",
    )
    return engagement.pk


def _terms(row: Row, request_id: int, load: Load) -> AgreedTerms:
    codes = {party["organization"] for party in row["parties"]}
    ids = {code: accounts.organization_by_code(code).pk for code in codes}
    lead = next(party["organization"] for party in row["parties"] if party["role"] == "lead")
    return AgreedTerms(
        request_id=request_id,
        lead_organization_id=ids[lead],
        parts=(_part(row, request_id, load),),
        partners=tuple(AgreedPartner(ids[party["organization"]], party["role"]) for party in row["parties"]),
    )


def _part(row: Row, request_id: int, load: Load) -> AgreedPart:
    offering = providers.offering_by_reference(row["offering"])
    session = providers.find_session(row["session"])
    period = load.calendar.period(row["agreed_period"])
    lines = {line.number: line for line in requests.request_for_matching(request_id).lines}
    return AgreedPart(
        part_id=part_id(row["code"]),
        provider_id=offering.provider_id,
        organization_id=offering.provider.organization_id,
        offering_id=offering.pk,
        form=offering.form,
        modality=offering.modality,
        lines=tuple(AgreedLine(lines[number].line_id, lines[number].participants_max) for number in row["lines"]),
        session_id=session.pk if session else None,
        start_on=period.start,
        end_on=period.end,
        precision=period.precision.value,
        city=session.city if session else "",
        country=session.country if session else "",
        venue=session.venue if session else "",
        language=lines[row["lines"][0]].language,
    )


def part_id(code: str) -> UUID:
    """Give the claimant of an engagement's lines: always the same for the same code."""
    return uuid5(NAMESPACE_URL, f"demo:engagement:{code}")
