"""Every change of a state follows the documented table, once, one after the other; and tells it with its event."""

from collections import defaultdict
from itertools import pairwise
from typing import Any

from tests.faults.checkers import Violation, broken, doubled, lost
from tests.faults.checkers.effects import plain
from tests.faults.documents import Cycle, Move, cycles
from tests.faults.final import Final
from tests.faults.history import History

Rows = list[dict[str, Any]]
CREATED = "created"


def transitions(history: History, final: Final) -> list[Violation]:
    """Walk each thing's audit records along its table, compare with its events, and with its state in the end."""
    told = _event_types(final)
    states = {plain(one["id"]): one["state"] for one in (*final.requests, *final.proposals, *final.runs)}
    states |= {plain(one["id"]): one["state"] for one in (*final.sessions, *final.engagements)}
    found: list[Violation] = []
    for (resource, thing), rows in _things(final.audit).items():
        cycle = cycles().get(resource)
        if cycle is None:
            continue
        found += _walk(cycle, resource, thing, rows)
        found += _compare(cycle, resource, thing, rows, told.get(plain(thing), {}))
        shown = states.get(plain(thing))
        if shown is not None and shown != rows[-1]["to_state"]:
            found.append(lost(f"{resource} {thing} is {shown}, but its last act led to {rows[-1]['to_state']}"))
    return found


def _things(audit: Rows) -> dict[tuple[str, str], Rows]:
    """Group the acts that led to a state by their thing; only things that came to be in this run."""
    found: dict[tuple[str, str], Rows] = defaultdict(list)
    for row in audit:
        if row["to_state"]:
            found[row["resource"], row["resource_id"]].append(row)
    return {thing: rows for thing, rows in found.items() if rows[0]["action"] == CREATED}


def _walk(cycle: Cycle, resource: str, thing: str, rows: Rows) -> list[Violation]:
    found, name = [], f"{resource} {thing}"
    if rows[0]["to_state"] != cycle.initial:
        found.append(broken(f"{name} came to be {rows[0]['to_state']}, not {cycle.initial}"))
    permitted = {(move.verb, move.source, move.target) for move in cycle.moves}
    for before, row in pairwise(rows):
        step = f"{name}: {row['action']} from {row['from_state']} to {row['to_state']}"
        if row["action"] == CREATED:
            found.append(doubled(f"{name} was created twice"))
        elif row["from_state"] != before["to_state"]:
            found.append(broken(f"{step}, but it was {before['to_state']}"))
        elif (row["action"], row["from_state"], row["to_state"]) not in permitted:
            found.append(broken(f"{step} is in no table"))
    return found


def _compare(cycle: Cycle, resource: str, thing: str, rows: Rows, told: dict[str, int]) -> list[Violation]:
    """Count, for each event type of the table, the acts that tell it and the events that were told."""
    wanted: dict[str, int] = defaultdict(int)
    for row in rows:
        wanted[_event_of(cycle, resource, row)] += 1
    found = []
    for event, number in wanted.items():
        there = told.get(event, 0)
        if there < number:
            found.append(lost(f"{resource} {thing}: {number} times {event}, told {there} times"))
        elif there > number:
            found.append(doubled(f"{resource} {thing}: {number} times {event}, told {there} times"))
    return found


def _event_of(cycle: Cycle, resource: str, row: dict[str, Any]) -> str:
    moves: list[Move] = [move for move in cycle.moves if move.verb == row["action"]]
    return moves[0].event if moves else f"{resource}.{row['action']}"


def _event_types(final: Final) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for event in final.outbox:
        found[plain(event["resource_id"])][event["type"]] += 1
    return found
