"""What providers offer on their own is weighed with each ranking, and held to the hard conditions when it is approved."""

from collections.abc import Mapping
from datetime import datetime

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop
from marketplace.lifecycles.operations import record_change
from matching.engine import EngineError, plain
from matching.lifecycle import SUPERSEDABLE
from matching.models import MatchProposal, MatchRun
from matching.operations.ending import end
from matching.operations.policies import current_policy, engine_policy
from matching.queries import inputs, own_offers
from matching.queries.market import offer
from matching.queries.own_offers import WeighedOffer
from matching.queries.serving import provider_supply

ENGINE = Actor.system("matching")
OUTSIDE = "outside_conditions"  # flag of an offer that breaks a hard condition


def write_weights(run: MatchRun, weighed: Mapping[int, WeighedOffer], *, at: datetime) -> None:
    """Keep with each open offer what a run found: score and reasons, or what stands in its way.

    One whose lines have all been placed is answered: they are served by others.
    """
    rows = MatchProposal.objects.select_for_update(of=("self",)).select_related("request", "lead")
    for proposal in rows.filter(pk__in=weighed, state__in=SUPERSEDABLE).order_by("pk"):
        found = weighed[proposal.pk]
        if found.placed:
            end(proposal, "supersede", actor=ENGINE, at=at, reason_code="need_served")
            continue
        proposal.run = run if found.is_eligible else None
        proposal.score, proposal.evidence = found.score, found.evidence
        proposal.breakdown = plain(found.breakdown)
        proposal.reasons = dict(found.reasons or {}) | {"obstacles": plain(found.obstacles)}
        kept = {code for code in proposal.flags if code == "requester_is_partner"}
        proposal.flags = sorted({*kept, *found.flags, *((OUTSIDE,) if found.obstacles else ())})
        record_change(proposal, "weighed", actor=ENGINE, at=at)


def check_conditions(proposal: MatchProposal, *, at: datetime) -> None:
    """Raise DomainError(rule_broken) where a locked own offer breaks a hard condition of the need as it stands now."""
    part = proposal.parts.select_related("offering", "session").prefetch_related("lines__line").first()
    if part is None:
        return
    try:
        need = inputs.need(proposal.request_id, at=at)
    except EngineError:  # no line is left: that is for the claims to say
        return
    supply = provider_supply(part.provider_id, at=at)
    row = supply.rows.get(str(part.offering.public_id))
    policy, rates = engine_policy(current_policy(at=at)), inputs.rates_of(at.date())
    offered = None if row is None else offer(row)
    found = own_offers.weigh(need, part, offered, supply.catalogue, rates, policy, day=at.date())
    if not found.obstacles:
        return
    detail = gettext_noop("The offer does not meet these conditions of line %(line)s: %(codes)s.")
    errors = [
        FieldError("", "outside_conditions", detail, (), {"line": entry["line"], "codes": ", ".join(entry["codes"])})
        for entry in found.obstacles
    ]
    raise DomainError(ErrorCode.RULE_BROKEN, errors=errors)
