"""Ranking one request, and looking for the next best for a lost part."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from marketplace.accounts import queries as accounts
from marketplace.kernel.errors import DomainError
from matching import queries
from matching.engine import ENGINE_VERSION, EngineError, Ranking, rank, snapshot
from matching.lifecycle import ENDED_PARTS
from matching.models import MatchProposal, ProposalPart
from matching.operations import policies, replacing, runs, writing
from matching.operations.supplies import keep_ahead
from matching.queries import inputs, own_offers
from matching.queries.plan_names import PlanNames, name_of
from matching.tasks.beginning import begin_run, end_run
from requests_app import queries as requests

CANDIDATES = 10  # for each line: nobody compares more


def prepare_ranking(payload: dict[str, Any], *, at: datetime, progress: Any) -> writing.Computed | str | None:
    """Compute the ranking of a run; gives None for a run that has ended and text for one that cannot be computed."""
    run = begin_run(UUID(payload["run"]), at=at)
    if run is None:
        return None
    total = 2
    progress(0, total, "reading")
    try:
        policy = policies.engine_policy(run.policy)
        need = inputs.need(cast("int", run.request_id), at=at, exclusions=run.exclusions)
        market = inputs.market(at=at)
        progress(1, total, "ranking")
        day, rates = at.date(), market.rates
        ranking = rank(need, market.catalogue, policy, as_of=day, rates=rates, limit=CANDIDATES)
        offers = own_offers.weigh_offers(need, cast("int", run.request_id), market, policy, day=day)
        content = snapshot(
            need,
            market.supply,
            policy,
            as_of=day,
            rates=rates,
            limit=CANDIDATES,
            engine_version=ENGINE_VERSION,
        )
    except (EngineError, DomainError) as error:  # the same inputs would fail again: say so instead of trying on
        return str(error)
    named = {part.offer for plan in ranking.proposals for part in plan.parts}
    rows = {key: market.rows[key] for key in named}
    keep_ahead(market.supply)
    names = PlanNames({key: name_of(market.rows[key]) for key in _spoken_of(ranking)})
    return writing.Computed(content, market.supply, at.date(), ranking, rows, names, offers)


def _spoken_of(ranking: Ranking) -> set[str]:
    """Give the offerings that a ranking names anywhere."""
    found = {step.offer for bundle in ranking.bundles for step in bundle.steps}
    for line in ranking.lines:
        found |= {entry.offer for entry in line.candidates} | {entry.offer for entry in line.near_misses}
        found |= {entry.best_offer for entry in (line.conflict.relaxations if line.conflict else ())}
    return found


def write_ranking(payload: dict[str, Any], *, at: datetime, prepared: Any, **_: object) -> None:
    """Write the answer of a run, or why there is none."""
    end_run(payload, prepared, at=at, write=writing.write_ranking)


def prepare_replacement(payload: dict[str, Any], *, at: datetime, progress: Any) -> replacing.Replacement | None:
    """Look for the next best for the lines of a lost part, without the offerings that this proposal had already."""
    part = (
        ProposalPart.objects.select_related("proposal")
        .prefetch_related("lines__line")
        .get(public_id=UUID(payload["part"]))
    )
    proposal, lines = part.proposal, [row.line for row in part.lines.all()]
    # Lines that others hold by now, or that are wanted no more, have no use for the next best.
    numbers = frozenset(line.number for line in lines if replacing.has_room(line))
    if proposal.state != "approved" or not numbers:
        return None
    had = [str(pk) for pk in proposal.parts.values_list("offering__public_id", flat=True)]
    refused = runs.refused_offerings(proposal.request_id, proposal.request.content_version)
    alone = inputs.need(proposal.request_id, at=at, exclusions=[*had, *refused], lines=numbers)
    parties, led = _team_left(proposal)
    need = inputs.beside(alone, parties, led=led)
    market = inputs.market(at=at)
    progress(1, 2, "ranking")
    policy = policies.engine_policy(policies.current_policy(at=at))
    ranking = rank(need, market.catalogue, policy, as_of=at.date(), rates=market.rates)
    whole = next((plan for plan in ranking.proposals if len(plan.parts) == 1 and plan.complete), None)
    if whole is None:
        return None
    row = market.rows[whole.parts[0].offer]
    return replacing.Replacement(whole.parts[0], row, whole.currency, proposal.request.content_version)


def _team_left(proposal: MatchProposal) -> tuple[frozenset[str], bool]:
    """Give the organizations of the partners that are still in, and whether one of them accepts to lead."""
    parts = list(queries.parts_with_partners(proposal))
    codes = accounts.codes_of(queries.partner_ids(parts))
    return frozenset(codes.values()), any(part.offering.accepts_lead for part in parts if part.state not in ENDED_PARTS)


def write_replacement(payload: dict[str, Any], *, at: datetime, prepared: Any, **_: object) -> None:
    """Put the replacement forward, or say that there is none."""
    part_id = ProposalPart.objects.values_list("pk", flat=True).get(public_id=UUID(payload["part"]))
    replacing.put_forward(part_id, prepared, at=at)


def start_run(payload: dict[str, Any], *, at: datetime) -> None:
    """Ask for a run of the request that an event is about; a request that is closed by now needs none."""
    of_request = payload["resource"] == "training_request"
    reference = payload["resource_id"] if of_request else payload["data"].get("request")
    request_id = requests.request_id_of(str(reference))
    if request_id is None:
        return
    # Somebody may have been quicker than the event.
    runs.rank_if_open(request_id, at=at, again=payload["type"] != "training_request.opened")
