"""A plan made public: its served lines become suggestions, one proposal for each request, to be decided on as any other."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError, rule_broken
from marketplace.kernel.text import gettext_noop
from marketplace.lifecycles.operations import find_transition, lock, transition
from matching.engine import PlannedShare, ProposalPlan, UnservedLine, choice_from_plain, proposal_of
from matching.lifecycle import LIVE_PROPOSALS
from matching.models import MatchProposal, MatchRun, PlanLine
from matching.operations.writing import ENGINE, Rows, combination_of, write_proposal
from matching.queries import inputs
from requests_app import operations as request_operations
from requests_app import queries as requests

PUBLISHED = ("published_at", "published_by")
NAMED = 50  # requests that changed, in one refusal


@transaction.atomic
def publish_plan(*, actor: Actor, at: datetime, run_id: int, expected_version: int | None = None) -> MatchRun:
    """Turn a complete plan into suggestions, all or none; what is live already in the same way is not doubled.

    Raises DomainError(permission_denied), DomainError(wrong_state) for a plan that is not complete or was superseded,
    DomainError(rule_broken) for a run that is no plan, was published already, or whose needs changed (each is named).
    """
    permissions.check(actor, Permission.MATCHING_RUN, at=at)
    run = lock(
        MatchRun.objects.filter(pk=run_id).select_related("policy").defer("snapshot", "plan", "result"),
        expected_version=expected_version,
    )
    _check_publishable(run)
    lines = _planned_lines(run)
    facts = _lock_needs(lines)
    market = inputs.market(at=at)
    _check_unchanged(lines, facts, market.rows)
    count = 0
    for request_id, rows in sorted(lines.items()):
        if any(row.outcome == "served" for row in rows):
            count += _suggest(run, facts[request_id], rows, market.rows, at=at)
    run.published_at, run.published_by = at, actor.label
    transition(run, "publish", actor=actor, at=at, columns=PUBLISHED, data={"proposals": count})
    return run


def _check_publishable(run: MatchRun) -> None:
    if run.mode != "portfolio":
        detail = gettext_noop("Only a plan of all needs (mode portfolio) can be published.")
        raise rule_broken("/mode", "not_a_plan", detail)
    find_transition(run, "publish")
    if run.published_at is not None:
        raise rule_broken("", "published_already", gettext_noop("This plan was published already."))


def _planned_lines(run: MatchRun) -> Mapping[int, Sequence[PlanLine]]:
    found: dict[int, list[PlanLine]] = defaultdict(list)
    rows = PlanLine.objects.filter(run=run).select_related("line", "request", "offering")
    for row in rows.order_by("request_id", "line__number"):
        found[row.request_id].append(row)
    return found


def _lock_needs(lines: Mapping[int, Sequence[PlanLine]]) -> Mapping[int, requests.RequestFacts]:
    """Lock the requests that get a suggestion, in the order of their keys, and read them as they are now."""
    served = sorted(pk for pk, rows in lines.items() if any(row.outcome == "served" for row in rows))
    for request_id in served:
        request_operations.lock_request(request_id=request_id)
    return {facts.request_id: facts for facts in requests.open_requests_for_matching(served)}


def _check_unchanged(
    lines: Mapping[int, Sequence[PlanLine]], facts: Mapping[int, requests.RequestFacts], rows: Rows
) -> None:
    errors = list(_changed(lines, facts, rows))[:NAMED]
    if errors:
        raise DomainError(ErrorCode.RULE_BROKEN, errors=errors)


def _changed(
    lines: Mapping[int, Sequence[PlanLine]], facts: Mapping[int, requests.RequestFacts], rows: Rows
) -> Iterable[FieldError]:
    """Name each request that is no longer as it was planned, and each offering that is gone."""
    for request_id, planned in sorted(lines.items()):
        for row in planned:
            if row.outcome == "served":
                now = facts.get(request_id)
                if now is None or now.content_version != row.content_version or not _has_room(now, row):
                    detail = gettext_noop("The request %(request)s has changed since the plan was made.")
                    params = {"request": row.request.reference_text}
                    yield FieldError("/requests", "need_changed", detail, (), params)
                    break
                if not _is_on_offer(row, rows):
                    detail = gettext_noop("%(offering)s, planned for %(request)s, is no longer on offer as planned.")
                    params = {"request": row.request.reference_text, "offering": _name(row)}
                    yield FieldError("/requests", "offering_changed", detail, (), params)
                    break


def _has_room(facts: requests.RequestFacts, row: PlanLine) -> bool:
    line = next((line for line in facts.lines if line.line_id == row.line_id), None)
    return line is not None and inputs.wants_partner(line) and line.free >= row.choice["participants"]


def _is_on_offer(row: PlanLine, rows: Rows) -> bool:
    offer = rows.get(row.choice["offer"])
    code = row.choice["slot"]["code"]
    if offer is None:
        return False
    slots = {str(session.public_id) for session in offer.sessions} | {str(window.public_id) for window in offer.windows}
    return code is None or code in slots


def _name(row: PlanLine) -> str:
    return row.offering.reference_text if row.offering is not None else row.hypothetical


def _suggest(
    run: MatchRun, facts: requests.RequestFacts, planned: Sequence[PlanLine], rows: Rows, *, at: datetime
) -> int:
    """Write the proposal of one request unless the same way is live; give how many were written."""
    plan = _proposal(facts, planned, rows)
    combination = combination_of(plan.parts)
    live = MatchProposal.objects.filter(request_id=facts.request_id, state__in=LIVE_PROPOSALS)
    if live.filter(combination=combination).exists():
        return 0
    lines = {line.number: line for line in facts.lines}
    request = planned[0].request
    write_proposal(plan, rows, run=run, request=request, lines=lines, combination=combination, at=at)
    outcome = {"run": str(run.public_id), "outcome": "complete", "proposals": 1}
    request_operations.note_ranking(actor=ENGINE, at=at, request_id=facts.request_id, data=outcome)
    return 1


def _proposal(facts: requests.RequestFacts, planned: Sequence[PlanLine], rows: Rows) -> ProposalPlan:
    free = {line.line_id: line.free for line in facts.lines}
    shares = [
        PlannedShare(
            line=row.line.number,
            maximum=free[row.line_id],
            largest=rows[row.choice["offer"]].participants_max or 1,
            choice=choice_from_plain(row.choice),
        )
        for row in planned
        if row.outcome == "served"
    ]
    left = [
        UnservedLine(row.line.number, max(1, free[row.line_id]), row.theme)
        for row in planned
        if row.outcome != "served"
    ]
    return proposal_of(shares, left)
