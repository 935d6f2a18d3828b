"""Webhooks: each event at least once, in order for each thing, with a valid signature, and none of another organization."""

from collections import defaultdict

from tests.faults.checkers import Violation, broken, lost
from tests.faults.final import Final
from tests.faults.history import Arrival, History

TAKEN = 204


def webhooks(history: History, final: Final) -> list[Violation]:
    """Compare what each receiver got with what its organization finds in the feed at the end."""
    found = []
    for owner, events in final.hooks.items():
        arrivals = [one for one in history.arrivals if one.owner == owner]
        visible = {str(event["id"]): event for event in events}
        found += [
            broken(f"{owner} got {one.event} with a wrong signature", one.at) for one in arrivals if not one.valid
        ]
        found += [
            broken(f"{owner} got {one.event} ({one.subject}), which is not for it", one.at)
            for one in arrivals
            if one.sequence and one.event not in visible
        ]
        taken = {one.event for one in arrivals if one.status == TAKEN}
        begins = final.hooks_begin[owner]
        found += [
            lost(f"{owner} never got {event['type']} {key} ({event['sequence']})")
            for key, event in visible.items()
            if event["sequence"] > begins and key not in taken
        ]
        found += _order(owner, arrivals, {key: int(event["sequence"]) for key, event in visible.items()}, begins)
    return found


def _order(owner: str, arrivals: list[Arrival], visible: dict[str, int], begins: int) -> list[Violation]:
    """See that nothing about a thing came before all that is earlier about it had been taken; repetitions may come at any time."""
    subjects = {one.event: one.subject for one in arrivals}
    earlier: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for key, sequence in sorted(visible.items(), key=lambda item: item[1]):
        if sequence > begins and key in subjects:
            earlier[subjects[key]].append((sequence, key))
    taken: set[str] = set()
    found = []
    for one in arrivals:
        missing = [key for sequence, key in earlier[one.subject] if sequence < one.sequence and key not in taken]
        if missing and one.event not in taken:
            found.append(broken(f"{owner} got {one.event} of {one.subject} before {missing[0]}", one.at))
        if one.status == TAKEN:
            taken.add(one.event)
    return found
