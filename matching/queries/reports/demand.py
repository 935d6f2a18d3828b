"""Demand line by line: of a plan, or of the open lines and their latest rankings; only of requests that the reader reads.

An open line is unmet when the latest ranking found no offering for it, and a line that was answered "not yet met" stays
unmet until it is reopened. In a plan a line is unmet when the plan serves it by nobody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import unknown_reference
from marketplace.vocabularies import queries as vocabularies
from matching.models import PLAN_MODES, MatchRun, PlanLine
from matching.queries.access import runs_visible_to
from matching.queries.inputs import wants_partner
from requests_app import queries as requests

OPEN = "open"  # in the place of a run: count from the open lines, plan or no plan
NOT_YET_MET = "unmet"  # state of requests and lines
ANSWERED = ("complete", "no_solution")
OTHER = "other"  # of the code list `unmet_reasons`


@dataclass(frozen=True, slots=True)
class Filters:
    """What the reader asks for; None: everything. A theme brings its narrower ones, an area all that lies in it."""

    theme: str | None = None
    region: str | None = None
    language: str | None = None
    form: str | None = None


@dataclass(frozen=True, slots=True)
class Basis:
    """What is counted: a plan, or the open lines as of a day."""

    as_of: date
    run: UUID | None = None


@dataclass(frozen=True, slots=True)
class DemandLine:
    """One line that wants a partner, or wanted one when the plan was made. `ranked` False: no answer for it yet."""

    request_id: int
    request: str
    number: int
    theme: str
    country: str
    region: str
    language: str
    forms: tuple[str, ...]
    participants: int
    unmet: bool
    reason: str = ""
    ranked: bool = True


def demand(
    *, actor: Actor, at: datetime, run: str | None = None, filters: Filters | None = None
) -> tuple[Basis, list[DemandLine]]:
    """Read the lines: of the run named, else of the latest plan that the actor sees, else of what is open.

    Raises DomainError(unknown_reference) for a run that the actor does not see or that is no finished plan.
    """
    plan = None if run == OPEN else _plan(run, actor, at)
    lines = _of_plan(plan, actor, at) if plan is not None else _of_open_lines(actor, at)
    basis = Basis(as_of=plan.as_of or at.date(), run=plan.public_id) if plan is not None else Basis(at.date())
    wanted = filters or Filters()
    return basis, [line for line in lines if _passes(line, wanted)]


def _plan(named: str | None, actor: Actor, at: datetime) -> MatchRun | None:
    plans = runs_visible_to(actor, at=at).filter(mode__in=PLAN_MODES).defer("result", "snapshot", "plan")
    if named is None:
        return plans.filter(mode="portfolio", state="complete").order_by("-finished_at", "-pk").first()
    try:
        found = plans.filter(public_id=UUID(named), state__in=(*ANSWERED, "superseded")).first()
    except ValueError:
        found = None
    if found is None:
        raise unknown_reference("?run", named)
    return found


def _of_plan(plan: MatchRun, actor: Actor, at: datetime) -> Iterable[DemandLine]:
    rows = PlanLine.objects.filter(run=plan, request__in=requests.visible_subquery(actor, at=at)).order_by("position")
    columns = ("request_id", "request__reference", "line__number", "theme", "country", "region", "language", "forms")
    for row in rows.values(*columns, "line__participants_max", "outcome", "unmet_reason"):
        yield DemandLine(
            request_id=row["request_id"],
            request=row["request__reference"],
            number=row["line__number"],
            theme=row["theme"],
            country=row["country"],
            region=row["region"],
            language=row["language"],
            forms=tuple(sorted(row["forms"])),
            participants=row["line__participants_max"],
            unmet=row["outcome"] == "unmet",
            reason=row["unmet_reason"] or (OTHER if row["outcome"] == "unmet" else ""),
        )


def _of_open_lines(actor: Actor, at: datetime) -> Iterable[DemandLine]:
    readable = requests.requests_readable_by(actor, at=at)
    answers = _answers(readable.filter(state="open").values_list("pk", flat=True))
    for facts in requests.unserved_requests(readable):
        for line in facts.lines:
            given_up = line.state == NOT_YET_MET
            if given_up or wants_partner(line):
                answer = answers.get((facts.request_id, line.number))
                reason = _given_up(facts) if given_up else answer or ""
                yield DemandLine(
                    request_id=facts.request_id,
                    request=facts.reference,
                    number=line.number,
                    theme=line.theme,
                    country=line.country,
                    region=line.region or area_of(line.country),
                    language=line.language,
                    forms=tuple(sorted(facts.forms)),
                    participants=line.free,
                    unmet=bool(reason),
                    reason=reason,
                    ranked=given_up or answer is not None,
                )


def _given_up(facts: requests.RequestFacts) -> str:
    return facts.reason_code if facts.reason_code in vocabularies.codes("unmet_reasons") else OTHER


def _answers(request_ids: "QuerySet[Any, int]") -> Mapping[tuple[int, int], str]:
    """Give what the latest rankings say, by request and line: why there is no offering, "" where there is one."""
    found: dict[tuple[int, int], str] = {}
    runs = MatchRun.objects.filter(request__in=request_ids, mode="request", state__in=ANSWERED).order_by("pk")
    for request_id, lines in runs.values_list("request_id", "result__lines").iterator(chunk_size=200):
        for line in lines or ():
            conflict = line["conflict"] or {}
            none = not line["eligible"]
            found[request_id, line["line"]] = next(iter(conflict.get("reasons", ())), OTHER) if none else ""
    return found


def area_of(country: str) -> str:
    """Give the nearest M49 area around a country, the world for none."""
    areas = vocabularies.places().regions_of(country)
    return areas[0] if areas else vocabularies.WORLD


def _passes(line: DemandLine, wanted: Filters) -> bool:
    places = vocabularies.places()
    return (
        (wanted.theme is None or line.theme in (wanted.theme, *vocabularies.concept_descendants(wanted.theme)))
        and (wanted.region is None or places.contains(wanted.region, line.country or line.region))
        and (wanted.language is None or line.language == wanted.language)
        and (wanted.form is None or not line.forms or wanted.form in line.forms)
    )
