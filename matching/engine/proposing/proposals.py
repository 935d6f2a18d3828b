"""From a packing to a proposal with its parts, lead, score and reasons.

The score is the mean of the lines' scores weighted by their maximum participants, lines not covered counting 0. In
whole numbers: the sum is divided down, and what the criteria lose by rounding is given back to the largest
remainders, so that the contributions add up to the score exactly.
"""

from matching.engine.catalogue import UNKNOWN
from matching.engine.explaining.ceiling import left_of_ceiling
from matching.engine.explaining.explanation import Pair, breakdown, evidence_share, flags, slot_choice
from matching.engine.policy import CRITERIA
from matching.engine.proposing.packing import Packing, Task, cost_at, deliveries_at
from matching.engine.reference.rates import to_amount, to_cents
from matching.engine.results import CriterionShare, LineShare, PartPlan, ProposalPlan
from matching.engine.scoring import tie_hash
from matching.engine.sentences import Sentence

LINE_ONLY_FLAGS = {"joint_delivery_needed", "over_ceiling", "cost_unknown", "reduced_to_budget"}


def plan(task: Task, packing: Packing) -> ProposalPlan:
    """Describe a packing as a proposal (its rank is given later)."""
    pairs = {line: _pair(task, packing, line) for line in packing.assigned}
    shares = tuple(
        LineShare(
            line=task.scored[line].line.number,
            participants=packing.of_line(line),
            score=sum(entry.contribution for entry in breakdown(pair)),
            breakdown=breakdown(pair),
            flags=tuple(code for code in flags(pair) if code not in LINE_ONLY_FLAGS),
        )
        for line, pair in pairs.items()
    )
    parts = tuple(_part(task, packing, row) for row in sorted(packing.people, key=lambda row: _part_order(task, row)))
    covered = {share.line for share in shares}
    uncovered = tuple(line.number for line in task.need.lines if line.number not in covered)
    score, contributions = _aggregate(task, packing)
    return ProposalPlan(
        rank=0,
        parts=parts,
        lead=_lead(task, parts),
        providers=tuple(sorted({part.provider for part in parts})),
        lines=shares,
        uncovered=uncovered,
        complete=not uncovered,
        score=score,
        breakdown=contributions,
        evidence=_evidence(task, pairs),
        cost=None if packing.cost == UNKNOWN else to_amount(packing.cost),
        currency=task.need.budget.currency or task.policy.currency,
        flags=_flags(task, packing, shares, uncovered, parts),
        sentences=_sentences(task, packing, parts, uncovered),
    )


def sort_key(task: Task, proposal: ProposalPlan) -> tuple[int, int, int, int, int]:
    """Return the order of proposals: most lines, fewest partners, best score, earliest start, tie hash."""
    start = min(part.slot.start for part in proposal.parts).toordinal()
    ties = tie_hash(task.policy, task.need, ",".join(sorted({part.offer for part in proposal.parts})))
    return (len(proposal.uncovered), len(proposal.providers), -proposal.score, start, ties)


def _pair(task: Task, packing: Packing, line: int) -> Pair:
    """Return the pair of a line with the figures as packed."""
    offer, rows = packing.assigned[line], packing.rows_of(line)
    pair = Pair(task.scored[line], task.position(line, offer, rows[0]))
    costs = [cost_at(task, packing, row) for row in rows]
    pair.seats = packing.of_line(line)
    pair.deliveries = sum(deliveries_at(task, packing, row) for row in rows)
    pair.cost = UNKNOWN if UNKNOWN in costs else sum(costs)
    pair.values = packing.values[line]
    return pair


def _part_order(task: Task, row: int) -> tuple[str, int]:
    return task.catalogue.offer_at(row).id, row


def _part(task: Task, packing: Packing, row: int) -> PartPlan:
    lines = packing.people[row]
    first = min(line for line, number in lines.items() if number)
    pair = Pair(task.scored[first], task.position(first, task.catalogue.slots.offer.item(row), row))
    pair.seats, pair.deliveries = packing.total(row), deliveries_at(task, packing, row)
    cost = cost_at(task, packing, row)
    return PartPlan(
        offer=pair.offer.id,
        provider=pair.offer.provider,
        slot=slot_choice(pair),
        lines={task.scored[line].line.number: number for line, number in sorted(lines.items()) if number},
        cost=None if cost == UNKNOWN else to_amount(cost),
    )


def _aggregate(task: Task, packing: Packing) -> tuple[int, tuple[CriterionShare, ...]]:
    whole = sum(line.maximum for line in task.need.lines)
    totals = [
        sum(task.scored[line].line.maximum * values[number] for line, values in packing.values.items())
        * task.policy.weights[criterion]
        for number, criterion in enumerate(CRITERIA)
    ]
    score = sum(totals) // whole
    parts = [total // whole for total in totals]
    by_remainder = sorted(range(len(totals)), key=lambda number: (-(totals[number] % whole), number))
    for number in by_remainder[: score - sum(parts)]:
        parts[number] += 1
    return score, tuple(CriterionShare(*entry) for entry in zip(CRITERIA, parts, strict=True))


def _evidence(task: Task, pairs: dict[int, Pair]) -> int:
    weights = {line: task.scored[line].line.maximum for line in pairs}
    return sum(weights[line] * evidence_share(pair) for line, pair in pairs.items()) // sum(weights.values())


def _lead(task: Task, parts: tuple[PartPlan, ...]) -> str:
    """Return the provider with most participants among those that accept to lead; all, if none does."""
    willing = [part for part in parts if _can_lead(task, part)] or list(parts)
    totals: dict[str, int] = {}
    for part in willing:
        totals[part.provider] = totals.get(part.provider, 0) + sum(part.lines.values())
    return min(totals, key=lambda code: (-totals[code], tie_hash(task.policy, task.need, code)))


def _can_lead(task: Task, part: PartPlan) -> bool:
    return task.catalogue.offers[task.catalogue.index(part.offer)].can_lead


def _flags(
    task: Task, packing: Packing, shares: tuple[LineShare, ...], uncovered: tuple[int, ...], parts: tuple[PartPlan, ...]
) -> tuple[str, ...]:
    raised = {code for share in shares for code in share.flags}
    ceiling = task.need.budget.left
    if uncovered:
        raised.add("partial_cover")
    if packing.cost == UNKNOWN:
        raised.add("cost_unknown")
    elif ceiling is not None and packing.cost > to_cents(ceiling):
        raised.add("over_ceiling")
    if not any(_can_lead(task, part) for part in parts):
        raised.add("no_willing_lead")
    return tuple(sorted(raised))


def _sentences(
    task: Task, packing: Packing, parts: tuple[PartPlan, ...], uncovered: tuple[int, ...]
) -> tuple[Sentence, ...]:
    lines, partners = len(task.need.lines), len({part.provider for part in parts})
    if uncovered:
        first = Sentence("proposal.partial", {"covered": lines - len(uncovered), "lines": lines, "partners": partners})
    elif partners > 1:
        first = Sentence("proposal.team", {"partners": partners, "lines": lines})
    else:
        first = Sentence("proposal.one", {"lines": lines})
    said = [first]
    said += [
        Sentence("proposal.uncovered", {"line": str(number), "theme": task.need.line(number).theme})
        for number in uncovered
    ]
    if packing.cost != UNKNOWN:
        currency = task.need.budget.currency or task.policy.currency
        said.append(Sentence("proposal.cost", {"amount": f"{to_amount(packing.cost)} {currency}"}))
    left = left_of_ceiling(task.need, task.policy)
    if left:
        said.append(Sentence("proposal.ceiling_left", left))
    return tuple(said)
