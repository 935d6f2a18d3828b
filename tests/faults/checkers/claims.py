"""Seats, capacity and lines are given once; a decision that needs four eyes has them."""

from collections import defaultdict
from typing import Any

from tests.faults.checkers import Violation, broken, doubled
from tests.faults.final import Final
from tests.faults.history import History

LIVE_HOLDS = ("held", "confirmed")
LIVE_PARTS = ("asked", "countered", "accepted", "awaiting_second_approval")
LIVE_PROPOSALS = ("approved", "confirmed")
SECOND = "awaiting_second_approval"

Rows = list[dict[str, Any]]


def seats(history: History, final: Final) -> list[Violation]:
    """See that no session and no capacity window is promised beyond what it has, and that they count right."""
    found = []
    for place, size, free in [
        *((one, one["seats_total"], one["seats_free"]) for one in final.sessions if one["seats_total"] is not None),
        *((one, one["quantity"], one["free"]) for one in final.windows),
    ]:
        taken = _held(final.holds, place["id"])
        if taken > size:
            found.append(broken(f"{taken} of {size} are promised of {place['reference']} {place['id']}"))
        if taken + free != size:
            found.append(broken(f"{place['reference']} {place['id']}: {size} in all, {taken} held, {free} free"))
    return found


def _held(holds: Rows, place: str) -> int:
    name = place.replace("-", "")
    return sum(
        hold["quantity"] for hold in holds if hold["state"] in LIVE_HOLDS and name in (hold["session"], hold["win"])
    )


def approvals(history: History, final: Final) -> list[Violation]:
    """See that each line has one live claim at most, and that nobody approved twice what needs two people."""
    return [*_claims(final.proposals), *_four_eyes(final.audit), *_engagements(final.engagements)]


def _claims(proposals: Rows) -> list[Violation]:
    claims: dict[tuple[str, int], set[str]] = defaultdict(set)
    for proposal in proposals:
        for part in proposal["parts"]:
            if proposal["state"] in LIVE_PROPOSALS and part["state"] in LIVE_PARTS:
                for line in part["lines"]:
                    claims[proposal["request"], line["line"]].add(part["id"])
    return [
        doubled(f"line {line} of {request} is claimed by {len(parts)} parts: {', '.join(sorted(parts))}")
        for (request, line), parts in claims.items()
        if len(parts) > 1
    ]


def _four_eyes(audit: Rows) -> list[Violation]:
    """Remember who approved first; the approval that follows must be somebody else's."""
    first: dict[str, str] = {}
    found = []
    for row in audit:
        if row["action"] != "approve":
            continue
        thing = row["resource_id"]
        if row["to_state"] == SECOND:
            first[thing] = row["actor_id"]
        elif row["from_state"] == SECOND and first.get(thing) == row["actor_id"]:
            found.append(broken(f"{row['resource']} {thing} was approved twice by {row['actor_id']}"))
    return found


def _engagements(engagements: Rows) -> list[Violation]:
    made: dict[str, int] = defaultdict(int)
    for engagement in engagements:
        made[engagement["proposal"]] += 1
    return [
        doubled(f"{count} engagements follow from the proposal {name}")
        for name, count in made.items()
        if name and count > 1
    ]
