"""Plans of the engine turned into rows, and what they take the place of."""

import hashlib
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, cast

from django.db import transaction
from django.db.models import prefetch_related_objects

from marketplace.accounts.actors import Actor
from marketplace.lifecycles import operations as lifecycles
from marketplace.lifecycles.operations import transition
from matching.engine import (
    TRAINER_DAYS,
    OpenLine,
    PartPlan,
    ProposalPlan,
    Ranking,
    Supply,
    digest,
    plain,
    ranking_bytes,
)
from matching.lifecycle import LIVE_PROPOSALS
from matching.models import MatchProposal, MatchRun, PartLine, ProposalPart
from matching.operations.approvals import requester_ids, secretariat_family, touches
from matching.operations.ending import end
from matching.operations.supplies import keep_supply
from matching.operations.weighing import write_weights
from matching.queries import partner_ids, with_partners
from matching.queries.own_offers import WeighedOffer
from matching.queries.plan_names import PlanNames
from providers import queries as providers
from requests_app import operations as request_operations
from requests_app import queries as requests

if TYPE_CHECKING:
    from requests_app.models import TrainingRequest

ENGINE = Actor.system("matching")
Rows = Mapping[str, providers.CatalogueOffer]
Lines = Mapping[int, requests.LineFacts]
REASONS = ("lines", "sentences", "against_next", "to_first")
SLOT_KINDS = {
    "session": "session",
    "capacity": "capacity_window",
    "on_request": "on_request",
    "open_access": "open_access",
}


@dataclass(frozen=True, slots=True)
class Computed:
    """What the background half of a run hands to the half that writes: canonical inputs, the answer, the rows it names."""

    snapshot: bytes
    supply: Supply
    as_of: date
    ranking: Ranking
    rows: Mapping[str, providers.CatalogueOffer]
    names: PlanNames = field(default_factory=PlanNames)  # of offerings that sentences speak of
    offers: Mapping[int, WeighedOffer] = field(default_factory=dict)  # of providers on their own, by proposal


@transaction.atomic
def write_ranking(run_id: int, computed: Computed, *, at: datetime) -> MatchRun:
    """Write down the answer of a run: its digests, proposals and reasons; older suggestions are superseded.

    A run that was cancelled meanwhile, or whose request changed or went away, is left without proposals.
    """
    request_id = MatchRun.objects.values_list("request_id", flat=True).get(pk=run_id)
    request = request_operations.lock_request(request_id=request_id)
    run = lifecycles.lock(MatchRun.objects.filter(pk=run_id).select_related("policy"))
    run.request = request  # one and the same for all that is written: what was read of it is not read again
    if run.state not in ("queued", "running"):
        return run
    if run.mode == "request" and (run.request_content_version != request.content_version or request.state != "open"):
        reason = "need_changed" if request.state == "open" else "need_gone"
        transition(run, "cancel", actor=ENGINE, at=at, reason_code=reason)
        return run
    ranking = computed.ranking
    answer = cast("dict[str, Any]", plain(ranking))
    run.snapshot, run.snapshot_digest = zlib.compress(computed.snapshot), digest(computed.snapshot)
    run.supply = keep_supply(computed.supply, at=at)
    run.output_digest = digest(ranking_bytes(ranking))
    run.engine_version, run.as_of, run.finished_at = ranking.engine_version, computed.as_of, at
    shown = answer if run.mode == "preview" else {key: answer[key] for key in KEPT}
    run.result = {**shown, "names": computed.names.only_in(shown)}
    run.progress_done = run.progress_total = len(ranking.lines)
    columns = (*FINISHED, "result", "progress_done", "progress_total")
    counts = {"proposals": len(ranking.proposals), "request": request.reference_text}
    transition(run, "finish", target=ranking.outcome, actor=ENGINE, at=at, columns=columns, data=counts)
    if run.mode == "request":
        prefetch_related_objects([request], "co_requesters")  # whom each event of a proposal or part is for
        _supersede(run, at=at)
        write_weights(run, computed.offers, at=at)
        _write_proposals(run, computed, at=at)
        outcome = {"run": str(run.public_id), "outcome": ranking.outcome, "proposals": len(ranking.proposals)}
        request_operations.note_ranking(actor=ENGINE, at=at, request_id=request_id, data=outcome)
    return run


FINISHED = ("snapshot", "supply", "snapshot_digest", "output_digest", "engine_version", "as_of", "finished_at")
KEPT = ("outcome", "partial", "proven", "lines", "uncovered", "open_lines", "bundles")


def _supersede(run: MatchRun, *, at: datetime) -> None:
    earlier = MatchRun.objects.filter(request_id=run.request_id, mode="request", state__in=["complete", "no_solution"])
    for old in earlier.exclude(pk=run.pk).defer("snapshot").order_by("pk"):
        transition(old, "supersede", actor=ENGINE, at=at)
    suggested = MatchProposal.objects.filter(request_id=run.request_id, state="suggested", origin="engine")
    for proposal in suggested.order_by("pk"):
        proposal.request = cast("TrainingRequest", run.request)
        end(proposal, "supersede", actor=ENGINE, at=at, reason_code="newer_run")


def _write_proposals(run: MatchRun, computed: Computed, *, at: datetime) -> None:
    """Insert the proposals of a run; a way that is already being decided on is not suggested a second time."""
    live = MatchProposal.objects.filter(request_id=run.request_id, state__in=LIVE_PROPOSALS)
    taken = set(live.values_list("combination", flat=True))
    offered = set(live.filter(origin="provider").values_list("parts__offering__public_id", flat=True))
    lines = lines_by_number(cast("int", run.request_id))
    written = []
    for plan in computed.ranking.proposals:
        combination = combination_of(plan.parts)
        if combination not in taken:
            taken.add(combination)
            proposal = _insert(plan, computed.rows, run=run, lines=lines, combination=combination, at=at)
            proposal.reasons |= {"open_lines": plain(_open_lines(plan, computed.ranking))}
            if any(computed.rows[part.offer].public_id in offered for part in plan.parts):
                proposal.flags = sorted({*proposal.flags, "offered_by_provider"})
            written.append(proposal)
    _flag_all(written, at=at)


def _open_lines(plan: ProposalPlan, ranking: Ranking) -> tuple[OpenLine, ...]:
    """Give why lines stay open: worked out for the best proposal, it holds for those that cover the same lines."""
    return ranking.open_lines if plan.uncovered == ranking.proposals[0].uncovered else ()


def lines_by_number(request_id: int) -> Lines:
    """Give the lines of a request by their numbers."""
    return {line.number: line for line in requests.request_for_matching(request_id).lines}


def combination_of(parts: Iterable[PartPlan]) -> str:
    """Give the digest that is the same for the same offerings at the same slots for the same lines."""
    keys = sorted(f"{part.offer}|{part.slot.kind}|{part.slot.code or ''}|{sorted(part.lines)}" for part in parts)
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()


def write_proposal(
    plan: ProposalPlan,
    rows: Rows,
    *,
    run: MatchRun,
    lines: Lines,
    combination: str,
    at: datetime,
    request: "TrainingRequest | None" = None,
) -> MatchProposal:
    """Insert one proposal with its parts, reasons and flags; ``lines`` are those of the request by number.

    ``request`` is the one that the run ranks unless given: a plan of all needs ranks none.
    """
    proposal = _insert(plan, rows, run=run, lines=lines, combination=combination, at=at, request=request)
    flag(proposal, at=at)
    return proposal


def _insert(
    plan: ProposalPlan,
    rows: Rows,
    *,
    run: MatchRun,
    lines: Lines,
    combination: str,
    at: datetime,
    request: "TrainingRequest | None" = None,
) -> MatchProposal:
    lead = next(part for part in plan.parts if part.provider == plan.lead)
    proposal = MatchProposal(
        request=request or run.request,
        run=run,
        origin="engine",
        lead_id=rows[lead.offer].provider_id,
        rank=plan.rank,
        score=plan.score,
        breakdown=plain(plan.breakdown),
        reasons={name: plain(getattr(plan, name)) for name in REASONS},
        evidence=plan.evidence,
        covers_all=plan.complete,
        uncovered=list(plan.uncovered),
        flags=list(plan.flags),
        combination=combination,
    )
    lifecycles.create(proposal, actor=ENGINE, at=at, data={"rank": plan.rank, "score": plan.score})
    for position, part in enumerate(plan.parts, start=1):
        row = rows[part.offer]
        write_part(proposal, part, row, lines=lines, position=position, currency=plan.currency, at=at)
    return proposal


def write_part(
    proposal: MatchProposal,
    plan: PartPlan,
    row: providers.CatalogueOffer,
    *,
    lines: Lines,
    position: int,
    currency: str,
    at: datetime,
) -> ProposalPart:
    """Insert one part with the lines it takes; ``row`` is the offering in the catalogue that was ranked.

    The caller has seen to it that what was ranked is what the request says now.
    """
    session = next((entry for entry in row.sessions if str(entry.public_id) == plan.slot.code), None)
    window = next((entry for entry in row.windows if str(entry.public_id) == plan.slot.code), None)
    part = ProposalPart(
        proposal=proposal,
        position=position,
        provider_id=row.provider_id,
        offering_id=row.offering_id,
        slot_kind=SLOT_KINDS[plan.slot.kind],
        session_id=session.session_id if session else None,
        window_id=window.window_id if window else None,
        start_on=plan.slot.start,
        end_on=plan.slot.end,
        precision=session.precision if session else "day",
        participants=sum(plan.lines.values()),
        deliveries=plan.slot.deliveries,
        capacity_wanted=_capacity(plan, session, window),
        language=_language(row, [lines[number].language for number in plan.lines]),
        place={"country": session.country, "city": session.city} if session else {},
        cost_amount=plan.cost,
        cost_currency=currency if plan.cost is not None else "",
        content_version=proposal.request.content_version,
    )
    lifecycles.create(part, actor=ENGINE, at=at)
    shares = sorted(plan.lines.items())
    PartLine.objects.bulk_create(
        PartLine(part=part, line_id=lines[number].line_id, participants=count) for number, count in shares
    )
    return part


def _language(row: providers.CatalogueOffer, asked: list[str]) -> str:
    """Give the language of delivery: the one asked for, be it by interpretation, else the first of the offering."""
    wanted = next((code for code in asked if code), "")
    return wanted or (row.languages[0] if row.languages else "")


def _capacity(
    plan: PartPlan, session: providers.CatalogueSession | None, window: providers.CatalogueWindow | None
) -> int:
    """Give what the slot must hold: seats of a session, trainer days or deliveries of a window."""
    if session is not None:
        return sum(plan.lines.values())
    if window is not None:
        return plan.slot.trainer_days if window.unit == TRAINER_DAYS else plan.slot.deliveries
    return 0


def flag(proposal: MatchProposal, *, at: datetime) -> None:
    """Mark where the requester is itself a partner, and where four eyes will be due."""
    _flag_all([proposal], at=at)


def _flag_all(proposals: Collection[MatchProposal], *, at: datetime) -> None:
    """Flag several proposals in a fixed number of queries (where they are for one and the same request object)."""
    family = secretariat_family(at=at)
    parts: dict[int, list[ProposalPart]] = defaultdict(list)
    for part in with_partners(ProposalPart.objects.filter(proposal__in=[proposal.pk for proposal in proposals])):
        parts[part.proposal_id].append(part)
    for proposal in proposals:
        own = parts[proposal.pk]
        if requester_ids(proposal) & partner_ids(own):
            proposal.flags = sorted({*proposal.flags, "requester_is_partner"})
        proposal.four_eyes = touches(family, proposal, own)
    MatchProposal.objects.bulk_update(proposals, ["flags", "four_eyes", "reasons"])
