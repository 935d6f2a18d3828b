"""The planned lines of one request put together into a proposal: parts by offer and slot, lead, score, reasons.

Score and contributions are those of proposals everywhere: the mean of the lines' scores weighted by their maximum
participants, lines not served counting 0; what is lost by rounding goes back to the largest remainders.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from matching.engine.planning.results import PlannedChoice
from matching.engine.policy import CRITERIA, Criterion
from matching.engine.results import CriterionResult, CriterionShare, LineShare, PartPlan, ProposalPlan, SlotChoice
from matching.engine.sentences import Sentence, sentence_from_plain

# Said of the whole proposal, or true of one line only.
LINE_ONLY_FLAGS = {"joint_delivery_needed", "over_ceiling", "cost_unknown", "reduced_to_budget"}
DATED = "session"


@dataclass(frozen=True, slots=True)
class PlannedShare:
    """One served line: at most `maximum` participants wish to come; `largest` is what one delivery of the offer takes."""

    line: int
    maximum: int
    largest: int
    choice: PlannedChoice


@dataclass(frozen=True, slots=True)
class UnservedLine:
    """A line that the plan leaves open."""

    line: int
    maximum: int
    theme: str


def choice_from_plain(data: Mapping[str, Any]) -> PlannedChoice:
    """Read a stored choice back. Raises KeyError, ValueError and EngineError(bad_sentence) for anything else."""
    slot = data["slot"]
    days = {name: date.fromisoformat(slot[name]) for name in ("start", "end")}
    read = {
        "slot": SlotChoice(**{**slot, **days}),
        "breakdown": tuple(_criterion(entry) for entry in data["breakdown"]),
        "flags": tuple(data["flags"]),
        "together": tuple(data.get("together", ())),
        "cost": None if data["cost"] is None else Decimal(data["cost"]),
    }
    return PlannedChoice(**{**data, **read})


def _criterion(data: Mapping[str, Any]) -> CriterionResult:
    read = {"criterion": Criterion(data["criterion"]), "sentence": sentence_from_plain(data["sentence"])}
    return CriterionResult(**{**data, **read})


def proposal_of(shares: Sequence[PlannedShare], left: Sequence[UnservedLine]) -> ProposalPlan:
    """Put the served lines of one request together; `left` are its lines that stay open."""
    ordered = sorted(shares, key=lambda share: share.line)
    parts = _parts(ordered)
    currency = ordered[0].choice.currency
    costs = [part.cost for part in parts]
    cost = None if None in costs else sum((entry for entry in costs if entry is not None), Decimal(0))
    uncovered = tuple(sorted(entry.line for entry in left))
    score, contributions = _aggregate(ordered, left)
    return ProposalPlan(
        rank=1,
        parts=parts,
        lead=_lead(parts, frozenset(share.choice.provider for share in ordered if share.choice.can_lead)),
        providers=tuple(sorted({part.provider for part in parts})),
        lines=tuple(_share(share) for share in ordered),
        uncovered=uncovered,
        complete=not uncovered,
        score=score,
        breakdown=contributions,
        evidence=_evidence(ordered),
        cost=cost,
        currency=currency,
        flags=_flags(ordered, uncovered, cost),
        sentences=_sentences(parts, ordered, left, cost, currency),
    )


def _parts(shares: Sequence[PlannedShare]) -> tuple[PartPlan, ...]:
    """Give one part for each offer at each slot: the same offer for several lines is one delivery, participants summed."""
    groups: dict[tuple[str, str, str], list[PlannedShare]] = {}
    for share in shares:
        slot = share.choice.slot
        groups.setdefault((share.choice.offer, slot.kind, slot.code or ""), []).append(share)
    return tuple(_part(group) for _, group in sorted(groups.items()))


def _part(group: Sequence[PlannedShare]) -> PartPlan:
    first = group[0].choice
    people = sum(share.choice.participants for share in group)
    planned = sum(share.choice.slot.deliveries for share in group)
    deliveries = 1 if first.slot.kind == DATED else min(planned, max(1, -(-people // group[0].largest)))
    days = first.slot.trainer_days // max(1, first.slot.deliveries)
    costs = [share.choice.cost for share in group]
    return PartPlan(
        offer=first.offer,
        provider=first.provider,
        slot=replace(
            first.slot,
            start=min(share.choice.slot.start for share in group),
            end=max(share.choice.slot.end for share in group),
            seats=people,
            deliveries=deliveries,
            trainer_days=days * deliveries,
        ),
        lines={share.line: share.choice.participants for share in group},
        # Lines that share a delivery cost less than this: the estimate stays on the safe side.
        cost=None if None in costs else sum((cost for cost in costs if cost is not None), Decimal(0)),
    )


def _lead(parts: Sequence[PartPlan], willing: frozenset[str]) -> str:
    """Return the provider with most participants among those that accept to lead; all, if none does."""
    totals: dict[str, int] = {}
    for part in [part for part in parts if part.provider in willing] or parts:
        totals[part.provider] = totals.get(part.provider, 0) + sum(part.lines.values())
    return min(totals, key=lambda code: (-totals[code], code))


def _share(share: PlannedShare) -> LineShare:
    return LineShare(
        line=share.line,
        participants=share.choice.participants,
        score=share.choice.score,
        breakdown=share.choice.breakdown,
        flags=tuple(code for code in share.choice.flags if code not in LINE_ONLY_FLAGS),
    )


def _aggregate(shares: Sequence[PlannedShare], left: Sequence[UnservedLine]) -> tuple[int, tuple[CriterionShare, ...]]:
    whole = sum(share.maximum for share in shares) + sum(entry.maximum for entry in left)
    totals = dict.fromkeys(CRITERIA, 0)
    for share in shares:
        for entry in share.choice.breakdown:
            totals[entry.criterion] += share.maximum * entry.contribution
    score = sum(totals.values()) // whole
    parts = {criterion: total // whole for criterion, total in totals.items()}
    by_remainder = sorted(CRITERIA, key=lambda criterion: (-(totals[criterion] % whole), CRITERIA.index(criterion)))
    for criterion in by_remainder[: score - sum(parts.values())]:
        parts[criterion] += 1
    return score, tuple(CriterionShare(criterion, parts[criterion]) for criterion in CRITERIA)


def _evidence(shares: Sequence[PlannedShare]) -> int:
    return sum(share.maximum * share.choice.evidence for share in shares) // sum(share.maximum for share in shares)


def _flags(shares: Sequence[PlannedShare], uncovered: tuple[int, ...], cost: Decimal | None) -> tuple[str, ...]:
    raised = {code for share in shares for code in share.choice.flags if code not in LINE_ONLY_FLAGS}
    if uncovered:
        raised.add("partial_cover")
    if cost is None:
        raised.add("cost_unknown")
    return tuple(sorted(raised))


def _sentences(
    parts: Sequence[PartPlan],
    shares: Sequence[PlannedShare],
    left: Sequence[UnservedLine],
    cost: Decimal | None,
    currency: str,
) -> tuple[Sentence, ...]:
    lines, partners = len(shares) + len(left), len({part.provider for part in parts})
    if left:
        first = Sentence("proposal.partial", {"covered": len(shares), "lines": lines, "partners": partners})
    elif partners > 1:
        first = Sentence("proposal.team", {"partners": partners, "lines": lines})
    else:
        first = Sentence("proposal.one", {"lines": lines})
    said = [Sentence("plan.published"), first]
    said += [Sentence("proposal.uncovered", {"line": str(entry.line), "theme": entry.theme}) for entry in left]
    if cost is not None:
        said.append(Sentence("proposal.cost", {"amount": f"{cost} {currency}"}))
    return tuple(said)
