"""The feed: what each reader was given across the faults is what is there, in that order, once, without a gap."""

from collections import Counter
from itertools import pairwise

from tests.faults.checkers import Violation, broken, doubled, lost
from tests.faults.final import Final
from tests.faults.history import History, Page


def feed(history: History, final: Final) -> list[Violation]:
    """Compare what each reader was given with the whole feed at the end, and the feed with the outbox."""
    found = [*_outbox(final)]
    for reader, events in final.feeds.items():
        pages = [page for page in history.pages if page.reader == reader]
        found += _read(reader, pages, [(event["sequence"], event["id"]) for event in events])
        found += _versions(reader, final)
    return found


def _read(reader: str, pages: list[Page], whole: list[tuple[int, str]]) -> list[Violation]:
    end = whole[-1][0] if whole else 0  # what came after the end was read is not looked at
    given = [event for page in pages for event in page.events if event[0] <= end]
    found = [
        broken(f"{reader} was given {number} after {before}")
        for (before, _), (number, _) in pairwise(given)
        if number <= before
    ]
    names = Counter(name for _, name in given)
    found += [doubled(f"{reader} was given {name} {count} times") for name, count in names.items() if count > 1]
    places, there = dict(given), dict(whole)
    found += [lost(f"{reader} missed event {number}") for number in there if number not in places]
    found += [
        broken(f"{reader} was given {name} as {number}, where there is now {there.get(number)}")
        for number, name in places.items()
        if there.get(number) != name
    ]
    return found


def _versions(reader: str, final: Final) -> list[Violation]:
    """See that the events of one thing come in the order in which it changed."""
    last: dict[str, int] = {}
    found = []
    for event in final.feeds[reader]:
        thing = event["resource_id"]
        if event["version"] < last.get(thing, 0):
            found.append(broken(f"{event['sequence']} tells version {event['version']} of {thing} after {last[thing]}"))
        last[thing] = event["version"]
    return found


def _outbox(final: Final) -> list[Violation]:
    """See that every event has been published, under numbers without a gap."""
    found = [
        lost(f"{event['type']} {event['public_id']} was never published")
        for event in final.outbox
        if event["sequence"] is None
    ]
    numbers = sorted(event["sequence"] for event in final.outbox if event["sequence"] is not None)
    if numbers != list(range(1, len(numbers) + 1)):
        found.append(broken(f"{len(numbers)} published events have numbers up to {numbers[-1]}"))
    return found
