"""The moment that rows bear which are written together: close to their commit, so that `updated_since` misses none.

Nobody sees a row before its transaction commits. Whoever has asked in the meantime asks the next time for what changed
after that, and would never get a row that bears an older moment. The overlap that docs/reading.md tells clients to ask
with is longer than `FRESH` and what comes between the last look at the clock and the commit.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice

from marketplace.accounts.journal import listening
from marketplace.records.models import Record

Clock = Callable[[], datetime]
FRESH = timedelta(seconds=10)
TOGETHER = 500  # rows in one statement


class Stamps:
    """The moments of one transaction, and what was written in it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._first: datetime | None = None
        self._keys: dict[type[Record], set[int]] = {}

    @contextmanager
    def batch(self) -> Iterator[datetime]:
        """Give the moment of a batch, and remember what is noted while it is written."""
        at = self._clock()
        self._first = self._first or at
        with listening() as heard:
            yield at
        for entry in heard:
            for record in (entry.record, entry.record.root):
                self._keys.setdefault(type(record), set()).add(record.pk)

    def refresh(self) -> datetime:
        """Give the moment of the end; what was written bears it too where its own is no longer fresh."""
        at = self._clock()
        if self._first is not None and at - self._first > FRESH:
            for model, keys in self._keys.items():
                waiting = iter(sorted(keys))
                while some := list(islice(waiting, TOGETHER)):
                    model._base_manager.filter(pk__in=some).update(updated_at=at)
        return at
