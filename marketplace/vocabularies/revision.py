"""The token that changes whenever a vocabulary changes, and the one snapshot that each process keeps of all of them.

A snapshot is kept only if it was read under a committed token: a change that is rolled back (or a test that ends)
leaves nothing behind. Other processes notice a change within VOCABULARY_CHECK_SECONDS.
"""

import threading
import uuid
from collections.abc import Callable
from datetime import datetime
from math import inf
from time import monotonic
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db import transaction

from marketplace.vocabularies.models import Revision

T = TypeVar("T")
_caches: list["SnapshotCache[Any]"] = []  # every cache hears of every change; there is one, of all vocabularies


class SnapshotCache(Generic[T]):
    """Keep what ``load`` gives for as long as the stored token stays the same."""

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._kept: tuple[str, T] | None = None
        self._checked = -inf
        self._own = threading.local()  # tokens written in this thread's open transaction
        _caches.append(self)

    def get(self) -> T:
        """Give the present snapshot: one query to look at the token, none if the last look was a moment ago."""
        kept = self._kept
        if kept and not self._uncommitted() and monotonic() - self._checked < settings.VOCABULARY_CHECK_SECONDS:
            return kept[1]
        token = _stored_token()
        uncommitted = self._uncommitted()
        if token in uncommitted:
            return self._of_transaction(token)
        uncommitted.clear()  # what this thread wrote was rolled back
        if not kept or kept[0] != token:
            kept = self._kept = (token, self._load())
        self._checked = monotonic()
        return kept[1]

    def changed(self, token: str) -> None:
        """Remember that the open transaction of this thread wrote ``token``; other threads go on as before."""
        self._uncommitted()[token] = None
        transaction.on_commit(self._committed)

    def forget(self) -> None:
        """Look at the stored token at the next reading."""
        self._checked = -inf

    def _of_transaction(self, token: str) -> T:
        """Give what the open transaction sees, read once for each token and kept by this thread alone."""
        uncommitted = self._uncommitted()
        found = uncommitted[token]
        if found is None:
            found = uncommitted[token] = self._load()
        return found

    def _committed(self) -> None:
        self._uncommitted().clear()
        self.forget()

    def _uncommitted(self) -> dict[str, T | None]:
        tokens: dict[str, T | None] = self._own.__dict__.setdefault("tokens", {})
        return tokens


def _stored_token() -> str:
    return Revision.objects.filter(pk=Revision.SINGLE).values_list("token", flat=True).first() or ""


def announce_change(at: datetime) -> None:
    """Give the vocabularies a new token; call inside the transaction that changes them."""
    token = uuid.uuid4().hex
    Revision.objects.update_or_create(pk=Revision.SINGLE, defaults={"token": token, "changed_at": at})
    for cache in _caches:
        cache.changed(token)
