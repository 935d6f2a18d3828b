"""One candidate or proposal against another: what each criterion adds to or takes from the lead, and what decides.

The differences add up to the difference of the scores exactly. Decisive are the fewest advantages, the largest first, that make
up the lead: with any less there would be none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

from matching.engine.policy import CRITERIA, Criterion
from matching.engine.results import CandidateResult, Comparison, CriterionShare, ProposalPlan
from matching.engine.sentences import Param, Sentence

POINT = 1000  # score units; 1,000 points are the whole score

Shares = Mapping[Criterion, int]


def contrast(mine: Shares, others: Shares, *, rank: int, offers: tuple[str, ...] = ()) -> Comparison:
    """Compare contributions by criterion with those of number `rank`, which proposes `offers`."""
    differences = {criterion: mine.get(criterion, 0) - others.get(criterion, 0) for criterion in CRITERIA}
    total = sum(differences.values())
    shares = sorted(
        (CriterionShare(criterion, value) for criterion, value in differences.items() if value),
        key=lambda share: -abs(share.contribution),  # stable: equal ones stay in the order of CRITERIA
    )
    return Comparison(
        rank=rank,
        offers=offers,
        difference=total,
        criteria=tuple(shares),
        sentence=_sentence(total, shares, rank),
    )


def contrasted_candidates(candidates: Sequence[CandidateResult], shown: int) -> tuple[CandidateResult, ...]:
    """Return the first `shown` candidates, each compared with the one after it."""
    pairs = zip_longest(candidates, candidates[1:])
    return tuple(
        mine if other is None else replace(mine, against_next=_of_candidates(mine, other))
        for mine, other in list(pairs)[:shown]
    )


def contrasted_proposals(proposals: Sequence[ProposalPlan]) -> tuple[ProposalPlan, ...]:
    """Return the proposals, each compared with the one after it."""
    pairs = zip_longest(proposals, proposals[1:])
    return tuple(
        mine if other is None else replace(mine, against_next=_of_proposals(mine, other)) for mine, other in pairs
    )


def _of_candidates(mine: CandidateResult, other: CandidateResult) -> Comparison:
    found = contrast(_contributions(mine), _contributions(other), rank=other.rank, offers=(other.offer,))
    if found.difference:
        return found
    if mine.slot.start != other.slot.start:
        code = "contrast.same_start"
    elif _load(mine) != _load(other):
        code = "contrast.same_load"
    else:
        code = "contrast.same_draw"
    return replace(found, sentence=Sentence(code, {"rank": other.rank}))


def _of_proposals(mine: ProposalPlan, other: ProposalPlan) -> Comparison:
    """Compare proposals; more lines and fewer partners go before the score."""
    offers = tuple(sorted({part.offer for part in other.parts}))
    found = contrast(_shares(mine), _shares(other), rank=other.rank, offers=offers)
    lines, partners = len(other.uncovered) - len(mine.uncovered), len(other.providers) - len(mine.providers)
    if lines > 0:
        return replace(found, sentence=Sentence("contrast.more_lines", {"rank": other.rank, "lines": lines}))
    if partners > 0:
        return replace(found, sentence=Sentence("contrast.fewer_partners", {"rank": other.rank, "partners": partners}))
    if found.difference:
        return found
    starts = [min(part.slot.start for part in entry.parts) for entry in (mine, other)]
    code = "contrast.same_start" if starts[0] != starts[1] else "contrast.same_draw"
    return replace(found, sentence=Sentence(code, {"rank": other.rank}))


def _contributions(candidate: CandidateResult) -> dict[Criterion, int]:
    return {entry.criterion: entry.contribution for entry in candidate.breakdown}


def _shares(proposal: ProposalPlan) -> dict[Criterion, int]:
    return {share.criterion: share.contribution for share in proposal.breakdown}


def _load(candidate: CandidateResult) -> int:
    return next(entry.value for entry in candidate.breakdown if entry.criterion is Criterion.LOAD)


def _sentence(total: int, shares: Sequence[CriterionShare], rank: int) -> Sentence:
    if total == 0:
        return Sentence("contrast.equal", {"rank": rank})
    sign = 1 if total > 0 else -1
    params: dict[str, Param] = {"rank": rank, "criteria": _decisive(shares, total, sign)}
    points = abs(total) // POINT
    if not points:
        return Sentence("contrast.just_ahead" if sign > 0 else "contrast.just_behind", params)
    params["points"] = points
    if sign < 0:
        return Sentence("contrast.behind", params)
    drawbacks = tuple(share.criterion.value for share in shares if share.contribution < 0)
    if not drawbacks:
        return Sentence("contrast.ahead", params)
    return Sentence("contrast.ahead_in_spite", params | {"drawbacks": drawbacks})


def _decisive(shares: Sequence[CriterionShare], total: int, sign: int) -> tuple[str, ...]:
    found: list[str] = []
    reached = 0
    for share in shares:
        if sign * share.contribution > 0 and reached < abs(total):
            found.append(share.criterion.value)
            reached += abs(share.contribution)
    return tuple(found)
