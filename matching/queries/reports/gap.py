"""The gap report: demand, supply and what is not met by theme, region, language and forms; and what would close most."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from matching.engine import Cell, EngineError, GapRanking, Policy, Served, UnmetLine, priority, rank_gaps, serving
from matching.queries import inputs, spending
from matching.queries.reports.demand import Basis, DemandLine, Filters, demand
from requests_app import queries as requests

CellKey = tuple[str, str, str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Count:
    """Lines, and the participants they have."""

    lines: int
    participants: int


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked, what of it is unmet, and for which reasons (most lines first)."""

    asked: Count
    unmet: Count
    reasons: tuple[tuple[str, Count], ...]
    unranked: int  # lines that no ranking has answered yet


@dataclass(frozen=True, slots=True)
class GapCell:
    """One cell; `language` empty and `forms` empty: any. `supply` counts offerings on the market that match it."""

    theme: str
    region: str
    language: str
    forms: tuple[str, ...]
    demand: Demand
    supply: int


@dataclass(frozen=True, slots=True)
class GapReport:
    """Cells, most unmet first; sums; hypothetical offerings. `references` names the requests of the ranking by its ids.

    `matching`: offerings that match any cell; `on_market`: all that could be booked today.
    """

    basis: Basis
    cells: tuple[GapCell, ...]
    total: Demand
    requests: int
    matching: int
    on_market: int
    ranking: GapRanking
    references: dict[str, str]


def gap_report(
    *,
    actor: Actor,
    at: datetime,
    policy: Policy,
    run: str | None = None,
    filters: Filters | None = None,
    offerings: int = 10,
) -> GapReport:
    """Count what the actor may read, and rank ``offerings`` hypothetical offerings by the unmet lines they would close.

    The number of queries is the same whatever the size. Raises DomainError(unknown_reference) for an unknown run.
    """
    basis, lines = demand(actor=actor, at=at, run=run, filters=filters)
    market = inputs.market(at=at)
    by_cell: dict[CellKey, list[DemandLine]] = {}
    for line in lines:
        by_cell.setdefault((line.theme, line.region, line.language, line.forms), []).append(line)
    served = serving([_cell(key, rows) for key, rows in by_cell.items()], market.catalogue, policy, as_of=at.date())
    unmet, references = _unmet([line for line in lines if line.unmet], market, at)
    return GapReport(
        basis=basis,
        cells=_cells(by_cell, served),
        total=_counted(lines),
        requests=len({line.request_id for line in lines}),
        matching=served.any_cell,
        on_market=served.on_market,
        ranking=rank_gaps(
            unmet,
            market.catalogue.scheme,
            market.catalogue.places,
            policy,
            as_of=at.date(),
            rates=market.rates,
            limit=offerings,
        ),
        references=references,
    )


def _cell(key: CellKey, rows: Iterable[DemandLine]) -> Cell:
    theme, region, language, forms = key
    places = frozenset((row.country, None) if row.country else (None, region) for row in rows)
    return Cell(theme, places, language or None, frozenset(forms))


def _cells(by_cell: dict[CellKey, list[DemandLine]], served: Served) -> tuple[GapCell, ...]:
    found = [
        GapCell(*key, _counted(rows), supply)
        for (key, rows), supply in zip(by_cell.items(), served.by_cell, strict=True)
    ]
    return tuple(
        sorted(
            found,
            key=lambda cell: (
                -cell.demand.unmet.lines,
                -cell.demand.unmet.participants,
                -cell.demand.asked.lines,
                (cell.theme, cell.region, cell.language, cell.forms),
            ),
        )
    )


def _counted(lines: Sequence[DemandLine]) -> Demand:
    unmet = [line for line in lines if line.unmet]
    by_reason = Counter(line.reason for line in unmet)
    reasons = sorted(by_reason, key=lambda reason: (-by_reason[reason], reason))
    return Demand(
        asked=_count(lines),
        unmet=_count(unmet),
        reasons=tuple((reason, _count(line for line in unmet if line.reason == reason)) for reason in reasons),
        unranked=sum(not line.ranked for line in lines),
    )


def _count(lines: Iterable[DemandLine]) -> Count:
    people = [line.participants for line in lines]
    return Count(len(people), sum(people))


def _unmet(lines: Sequence[DemandLine], market: inputs.Market, at: datetime) -> tuple[list[UnmetLine], dict[str, str]]:
    """Give the unmet lines as the engine reads them; those placed since, and without a window, are left out."""
    numbers: dict[int, set[int]] = {}
    for line in lines:
        numbers.setdefault(line.request_id, set()).add(line.number)
    facts = requests.requests_for_matching(numbers)
    codes = accounts.codes_of({pk for row in facts for pk in row.co_requester_ids | row.excluded_organization_ids})
    taken = spending.committed([row.request_id for row in facts], at=at)
    found: list[UnmetLine] = []
    references: dict[str, str] = {}
    for row in facts:
        try:
            named = frozenset(numbers[row.request_id])
            need = inputs.need_of(row, codes, lines=named, committed=taken.get(row.request_id))
        except EngineError:  # nothing is left of it to place
            continue
        urgency = priority(need, market.catalogue.places, as_of=at.date()).priority_class
        found += [UnmetLine(need, line.number, line.maximum, urgency) for line in need.lines]
        references[need.id] = row.reference
    return found, references
