"""All open needs as a plan reads them: the requests with lines that want a partner, and what was planned before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from marketplace.accounts import queries as accounts
from matching.engine import PlanNeed, PlanTask, Rates, line_key
from matching.models import MatchRun, PlanLine
from matching.queries import inputs, spending
from matching.queries.needs import refused_by_request
from matching.queries.portfolio_parameters import changes_of, parameters_of
from requests_app import queries as requests

Codes = Mapping[int, str]


@dataclass(frozen=True, slots=True)
class OpenNeeds:
    """What is to be planned, the keys of the lines by their names, and the requests that cannot be weighed."""

    needs: tuple[PlanNeed, ...]
    line_ids: Mapping[str, tuple[int, int]]  # name of the line -> (request, line), primary keys
    left_out: tuple[str, ...]  # references of requests without a window


def open_needs(references: Sequence[str] | None = None, *, at: datetime) -> OpenNeeds:
    """Read every open request (of those named, if any) with lines that want a partner; a constant number of queries.

    Lines in live claims are placed and left out; what is left of a divisible line is planned.
    """
    found = requests.open_requests_for_matching()
    if references is not None:
        wanted = set(references)
        found = [facts for facts in found if facts.reference in wanted]
    open_facts = [facts for facts in found if any(inputs.wants_partner(line) for line in facts.lines)]
    planned = [facts for facts in open_facts if facts.window is not None]
    codes = accounts.codes_of({pk for facts in planned for pk in _organizations(facts)})
    ids = [facts.request_id for facts in planned]
    refused, taken = refused_by_request(ids), spending.committed(ids, at=at)
    return OpenNeeds(
        needs=tuple(
            _need(facts, codes, refused.get(facts.request_id, ()), taken.get(facts.request_id)) for facts in planned
        ),
        line_ids={
            line_key(facts.reference, line.number): (facts.request_id, line.line_id)
            for facts in planned
            for line in facts.lines
        },
        left_out=tuple(sorted(facts.reference for facts in open_facts if facts.window is None)),
    )


def _organizations(facts: requests.RequestFacts) -> frozenset[int]:
    funder = {facts.funder_id} if facts.funder_id is not None else set()
    return facts.co_requester_ids | facts.excluded_organization_ids | funder


def _need(facts: requests.RequestFacts, codes: Codes, refused: Iterable[str], committed: Decimal | None) -> PlanNeed:
    return PlanNeed(
        need=inputs.need_of(facts, codes, exclusions=refused, committed=committed),
        reference=facts.reference,
        content_version=facts.content_version,
        funder=codes[facts.funder_id] if facts.funder_id is not None else None,
    )


def task_of(stored: Mapping[str, Any], needs: OpenNeeds, rates: Rates, *, at: datetime) -> PlanTask:
    """Put needs and stored parameters together. Raises EngineError and DomainError(rule_broken) as these do."""
    return PlanTask(
        needs=needs.needs,
        parameters=parameters_of(stored, rates),
        changes=changes_of(stored, day=at.date()),
        previous=previous_choices(),
    )


def last_published() -> MatchRun | None:
    """Give the plan that was published last, without its large columns."""
    rows = MatchRun.objects.filter(mode="portfolio", published_at__isnull=False).defer("snapshot", "plan", "result")
    return rows.order_by("-published_at", "-pk").first()


def previous_choices() -> dict[str, tuple[str, str]]:
    """Give what the plan published last chose for each line: (offering, slot)."""
    run = last_published()
    if run is None:
        return {}
    rows = PlanLine.objects.filter(run=run, outcome="served", offering__isnull=False).values_list(
        "request__reference", "line__number", "offering__public_id", "choice__slot__kind", "choice__slot__code"
    )
    return {
        line_key(reference or "", number): (str(offering), f"{kind}:{code or ''}")
        for reference, number, offering, kind, code in rows
    }
