"""Idempotency, acknowledged writes, audit: what each call left behind, found by the request ids of its attempts.

A call's attempts carry request ids of their own, and the product writes the id into the audit record and the event of
what it did. So every effect names the attempt that had it.
"""

from collections import defaultdict
from typing import Any

from tests.faults.checkers import Violation, broken, doubled, lost
from tests.faults.final import Final
from tests.faults.history import OK, REFUSED, Call, History

WITHOUT_EFFECT = ("match-runs",)  # a run that is under way already is given instead of a second one
BY_PEOPLE = ("user", "client")

Rows = list[dict[str, Any]]


def idempotency(history: History, final: Final) -> list[Violation]:
    """See that the attempts of one call had one effect and one answer."""
    acts = acts_by_request(final)
    found = [violation for call in history.calls.values() for violation in _one_effect(call, acts)]
    found += [violation for call in history.calls.values() for violation in _one_answer(call)]
    return found + [doubled(f"{row['rows']} answers are stored for the key {row['key']}") for row in final.keys]


def _one_effect(call: Call, acts: dict[str, Rows]) -> list[Violation]:
    effective = [attempt.request_id for attempt in call.attempts if acts.get(attempt.request_id)]
    if len(effective) > 1:
        return [doubled(f"call {call.number} ({call.path}) took effect in {', '.join(effective)}", call.span[0])]
    return [
        doubled(f"{request_id} ({call.path}) did {name} {len(same)} times", call.span[0])
        for request_id in effective
        for name, same in _same_acts(acts[request_id]).items()
        if len(same) > 1
    ]


def _same_acts(rows: Rows) -> dict[str, Rows]:
    found: dict[str, Rows] = defaultdict(list)
    for row in rows:
        step = f"{row['action']} of {row['resource']} {row['resource_id']} {row['from_state']}>{row['to_state']}"
        found[step].append(row)
    return found


def _one_answer(call: Call) -> list[Violation]:
    digests = {attempt.digest for attempt in call.attempts if attempt.accepted}
    if call.key and len(digests) > 1:
        return [broken(f"call {call.number} ({call.path}) was answered in {len(digests)} ways", call.span[0])]
    return []


def acknowledged(history: History, final: Final) -> list[Violation]:
    """See that what was acknowledged is there, and that what was not is there as a whole or not at all."""
    acts, events = acts_by_request(final), events_by_request(final)
    things = {str(row["resource_id"]) for row in final.audit} | {one["id"] for one in final.requests}
    found: list[Violation] = []
    for call in history.calls.values():
        found += _is_there(call, acts, events, things)
        found += _is_whole(call, acts, events)
    return found


def _is_there(call: Call, acts: dict[str, Rows], events: dict[str, Rows], things: set[str]) -> list[Violation]:
    if call.outcome != OK:
        return []
    name, at = f"call {call.number} ({call.client} {call.method} {call.path})", call.span[0]
    if call.verb == "created" and call.thing not in things:
        return [lost(f"{name}: {call.thing} is not there", at)]
    if call.path.strip("/") in WITHOUT_EFFECT:
        return []
    if not any(events.get(attempt.request_id) for attempt in call.attempts):
        return [lost(f"{name} was acknowledged and left no event", at)]
    shown = any(
        event["audience"] != "private" for attempt in call.attempts for event in events.get(attempt.request_id, ())
    )
    if shown and not any(acts.get(attempt.request_id) for attempt in call.attempts):
        return [lost(f"{name} was acknowledged and left no audit record", at)]
    return []


def _is_whole(call: Call, acts: dict[str, Rows], events: dict[str, Rows]) -> list[Violation]:
    """Compare the two halves of what each attempt did: what has left an audit record has left its event too."""
    found = []
    for attempt in call.attempts:
        told = [event for event in events.get(attempt.request_id, ()) if event["audience"] != "private"]
        done = acts.get(attempt.request_id, ())
        if told and not done:
            found.append(broken(f"{attempt.request_id} ({call.path}) left events and no audit record", attempt.sent))
    return found


def audit(history: History, final: Final) -> list[Violation]:
    """See that each audit record has its event and each event its record, and that nobody acted unasked."""
    known = {attempt.request_id: call for call in history.calls.values() for attempt in call.attempts}
    return [*_pairs(final), *_unasked(known, final)]


def _pairs(final: Final) -> list[Violation]:
    recorded, told = _count(final.audit), _count(final.outbox)
    young = {_thing(row) for row in final.audit if row["action"] == "created"}  # the trail of older things is cut
    found = []
    for thing in sorted(young):
        records, events = recorded[thing], told.get(thing, 0)
        if records != events:
            found.append(broken(f"{thing} has {records} audit records and {events} events"))
    return found


def _count(rows: Rows) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        counts[_thing(row)] += 1
    return counts


def _thing(row: dict[str, Any]) -> str:
    return f"{row['resource']} {plain(row['resource_id'])}"


def _unasked(known: dict[str, Call], final: Final) -> list[Violation]:
    found = []
    for row in final.audit:
        if row["actor_kind"] not in BY_PEOPLE or not row["request_id"]:
            continue
        call = known.get(row["request_id"])
        if call is not None and call.outcome == REFUSED:
            found.append(
                broken(f"call {call.number} ({call.path}) was refused and yet did {row['action']}", call.span[0])
            )
    return found


def acts_by_request(final: Final) -> dict[str, Rows]:
    """Group what people did by the request in which they did it."""
    found: dict[str, Rows] = defaultdict(list)
    for row in final.audit:
        if row["actor_kind"] in BY_PEOPLE:
            found[row["request_id"]].append(row)
    return found


def events_by_request(final: Final) -> dict[str, Rows]:
    """Group all events by the request that they go back to."""
    found: dict[str, Rows] = defaultdict(list)
    for row in final.outbox:
        found[row["request_id"]].append(row)
    return found


def plain(public_id: object) -> str:
    """Write a public id as the witness does."""
    return str(public_id).replace("-", "")
