"""A plan made public: its served lines become suggestions, one proposal for each request, to be decided on as any other.

Asked for in one short transaction, then written request by request in the background, each in a transaction of its own
that also counts it on the run: a worker that takes over goes on where the last one ended, and nothing is written twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from marketplace.accounts import permissions
from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError, rule_broken
from marketplace.kernel.text import gettext_noop
from marketplace.lifecycles.operations import find_transition, lock, record_change, transition
from marketplace.work import operations as work
from matching.engine import PlannedShare, ProposalPlan, UnservedLine, choice_from_plain, proposal_of
from matching.lifecycle import LIVE_PROPOSALS
from matching.models import MatchProposal, MatchRun, PlanLine
from matching.operations.runs import PRIORITY
from matching.operations.writing import ENGINE, Rows, combination_of, write_proposal
from matching.queries import inputs
from matching.queries.publication import SKIPPED, STAGE, publication_under_way
from requests_app import operations as request_operations
from requests_app import queries as requests

KIND = "matching.publish"
UNREAD = ("snapshot", "plan", "result")  # large, and not looked at here
UNSHOWN = ("alternates", "reasons", "shortage")  # of a line, likewise
PROGRESS = ("progress_done", "progress_total", "progress_stage")
PUBLISHED = ("published_at", "published_by", "publication", *PROGRESS)
NAMED = 50  # requests that changed, in one refusal
SUPERSEDED = "superseded"

Planned = Mapping[int, Sequence[PlanLine]]  # all lines of a plan, by request


# --- asking -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def publish_plan(*, actor: Actor, at: datetime, run_id: int, expected_version: int | None = None) -> MatchRun:
    """Have a complete plan turned into suggestions in the background; a publication under way is not begun a second time.

    One whose job died goes on where it ended. Raises DomainError(permission_denied, precondition_failed),
    DomainError(wrong_state) for a plan that is not complete or was superseded, DomainError(rule_broken) for a run that is
    no plan, was published already, or whose needs changed (each is named).
    """
    permissions.check(actor, Permission.MATCHING_RUN, at=at)
    run = lock(MatchRun.objects.filter(pk=run_id).defer(*UNREAD), expected_version=expected_version)
    _check_publishable(run)
    if publication_under_way(run):
        return run
    lines = planned_lines(run.pk)
    served = served_requests(lines)
    kept = run.publication or {"done": 0, "proposals": 0, "live_already": 0, "skipped": [], "stopped": ""}
    _check_unchanged(lines, served[kept["done"] :], at=at)
    key = f"publish:{run.public_id}:{run.version}"
    run.publication = {**kept, "job": key, "asked_at": at.isoformat().replace("+00:00", "Z"), "asked_by": actor.label}
    run.progress_done, run.progress_total, run.progress_stage = kept["done"], len(served), STAGE
    record_change(run, "publication_asked", actor=actor, at=at, data={"requests": len(served)})
    payload = {"run": str(run.public_id), "job": key, "actor": accounts.names_of_actor(actor)}
    work.enqueue(KIND, payload, key=key, at=at, priority=PRIORITY)
    return run


def _check_publishable(run: MatchRun) -> None:
    if run.mode != "portfolio":
        detail = gettext_noop("Only a plan of all needs (mode portfolio) can be published.")
        raise rule_broken("/mode", "not_a_plan", detail)
    find_transition(run, "publish")
    if run.published_at is not None:
        raise rule_broken("", "published_already", gettext_noop("This plan was published already."))


def planned_lines(run_id: int) -> Planned:
    """Give all lines of a plan by request, in the order of their numbers."""
    found: dict[int, list[PlanLine]] = defaultdict(list)
    rows = PlanLine.objects.filter(run_id=run_id).select_related("line", "request", "offering").defer(*UNSHOWN)
    for row in rows.order_by("request_id", "line__number"):
        found[row.request_id].append(row)
    return found


def served_requests(lines: Planned) -> list[int]:
    """Give the requests that get a suggestion, by key: the order in which they are written."""
    return sorted(pk for pk, rows in lines.items() if any(row.outcome == "served" for row in rows))


def _check_unchanged(lines: Planned, served: Sequence[int], *, at: datetime) -> None:
    """Look at all requests without locking them; each is looked at again, locked, when its turn comes."""
    facts = {found.request_id: found for found in requests.open_requests_for_matching(served)}
    rows = inputs.market(at=at).rows
    found = (_change(facts.get(pk), lines[pk], rows) for pk in served)
    errors = [FieldError("/requests", code, SKIPPED[code], (), params) for code, params in filter(None, found)]
    if errors:
        raise DomainError(ErrorCode.RULE_BROKEN, errors=errors[:NAMED])


def _change(
    facts: requests.RequestFacts | None, planned: Iterable[PlanLine], rows: Rows
) -> tuple[str, dict[str, str]] | None:
    """Say by its code and names why a request cannot be served as planned: it is no longer as it was, or an offering is gone."""
    for row in planned:
        if row.outcome != "served":
            continue
        names = {"request": row.request.reference_text}
        if facts is None or facts.content_version != row.content_version or not _has_room(facts, row):
            return "need_changed", names
        if not _is_on_offer(row, rows):
            return "offering_changed", {**names, "offering": _name(row)}
    return None


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


# --- writing ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def publish_request(
    run_id: int, job: str, position: int, planned: Sequence[PlanLine], rows: Rows, *, at: datetime
) -> bool:
    """Write the proposal of the request that comes at ``position`` (from 0) and count it on the run; False ends the job.

    It ends where the plan was superseded or the publication is another job's. A request that changed or closed since the
    plan was made is skipped and named; one where the same way is live already gets no second proposal; one that was
    counted before is left alone.
    """
    request = request_operations.lock_request(request_id=planned[0].request_id)
    run = lock(MatchRun.objects.filter(pk=run_id).select_related("policy").defer(*UNREAD))
    if not _goes_on(run, job):
        return False
    kept = run.publication
    if position < kept["done"]:
        return True
    facts = next(iter(requests.open_requests_for_matching([request.pk])), None)
    change = _change(facts, planned, rows)
    if facts is None or change is not None:
        code, params = change or ("need_changed", {"request": request.reference_text})
        kept["skipped"] = [*kept["skipped"], {"code": code, **params}]
    else:
        kept[_suggest(run, facts, planned, rows, at=at)] += 1
    kept["done"] = run.progress_done = position + 1
    run.version += 1
    run.save(update_fields=["publication", "progress_done", "version"])
    return True


def _goes_on(run: MatchRun, job: str) -> bool:
    return run.state == "complete" and run.published_at is None and run.publication.get("job") == job


def _suggest(
    run: MatchRun, facts: requests.RequestFacts, planned: Sequence[PlanLine], rows: Rows, *, at: datetime
) -> str:
    """Write the proposal of one request unless the same way is live; say which it was."""
    plan = _proposal(facts, planned, rows)
    combination = combination_of(plan.parts)
    live = MatchProposal.objects.filter(request_id=facts.request_id, state__in=LIVE_PROPOSALS)
    if live.filter(combination=combination).exists():
        return "live_already"
    lines = {line.number: line for line in facts.lines}
    request = planned[0].request
    write_proposal(plan, rows, run=run, request=request, lines=lines, combination=combination, at=at)
    outcome = {"run": str(run.public_id), "outcome": "complete", "proposals": 1}
    request_operations.note_ranking(actor=ENGINE, at=at, request_id=facts.request_id, data=outcome)
    return "proposals"


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


# --- closing ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def close_publication(run_id: int, payload: Mapping[str, Any], *, at: datetime) -> MatchRun:
    """End a publication of which every request was looked at, in the name of who asked.

    Where a newer plan took its place meanwhile, what was suggested stays to be decided on, the rest is not, and the run,
    which counts as not published, says so.
    """
    run = lock(MatchRun.objects.filter(pk=run_id).defer(*UNREAD))
    kept = run.publication
    if run.published_at is not None or kept.get("job") != payload["job"] or kept["stopped"]:
        return run
    run.progress_stage = ""
    data = {"proposals": kept["proposals"], "live_already": kept["live_already"], "skipped": len(kept["skipped"])}
    if run.state == SUPERSEDED:
        kept["stopped"] = SUPERSEDED
        record_change(run, "publication_stopped", actor=ENGINE, at=at, data=data)
        return run
    actor = accounts.actor_again(payload["actor"])
    run.published_at, run.published_by = at, actor.label
    transition(run, "publish", actor=actor, at=at, columns=PUBLISHED, data=data)
    return run
