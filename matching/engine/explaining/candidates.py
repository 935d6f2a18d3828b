"""The candidates of a line and the proposals of a request with what sets each apart from the next and from the first."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from matching.engine.explaining.contrast import contrasted_candidates, contrasted_proposals
from matching.engine.explaining.counterfactuals import to_first
from matching.engine.explaining.explanation import Pair, candidate
from matching.engine.results import CandidateResult, LineRanking, ProposalPlan


def explained_candidates(pairs: Sequence[Pair], limit: int, as_of: date) -> tuple[CandidateResult, ...]:
    """Return up to `limit` candidates from the pairs of a line, best first.

    One pair more than the limit tells how far the last one shown is ahead.
    """
    found = contrasted_candidates([candidate(pair, rank) for rank, pair in enumerate(pairs, start=1)], limit)
    return tuple(
        entry if number == 0 else replace(entry, to_first=to_first(pairs[number], pairs[0], as_of))
        for number, entry in enumerate(found)
    )


def explained_proposals(proposals: Sequence[ProposalPlan], lines: Sequence[LineRanking]) -> tuple[ProposalPlan, ...]:
    """Return the proposals compared one with the next; those of a single line say what would put them first."""
    found = contrasted_proposals(proposals)
    if len(lines) != 1:
        return found
    ways = {entry.offer: entry.to_first for entry in lines[0].candidates}
    return tuple(replace(entry, to_first=ways.get(entry.parts[0].offer, ())) for entry in found)
