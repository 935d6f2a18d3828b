"""What was computed once from a catalogue, kept with it: a catalogue never changes, so nothing in here can be out of date."""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import TypeVar, cast

MOST = 2048  # entries; with 100,000 offers a mask takes 12.5 kB

MISSING = object()

Kept = TypeVar("Kept")


class Memo:
    """A bounded store; when it is full the entry that was made first goes."""

    __slots__ = ("_kept", "_lock", "_most")

    def __init__(self, most: int = MOST) -> None:
        self._kept: dict[Hashable, object] = {}
        self._most = most
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """Return what is kept under the key, made now if it is not there. The key must say all it depends on."""
        kept = self._kept.get(key, MISSING)
        if kept is not MISSING:
            return cast("Kept", kept)
        made = make()
        with self._lock:
            while len(self._kept) >= self._most:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = made
        return made
