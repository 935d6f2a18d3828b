"""Storing what was on offer for a run, in pieces: a change of one offering stores one piece, not the market once more."""

import zlib
from datetime import datetime
from functools import lru_cache

from matching.engine import Supply, digest
from matching.models import SupplyPiece, SupplySnapshot

BATCH = 500


def keep_supply(supply: Supply, *, at: datetime) -> SupplySnapshot:
    """Store what was on offer, unless an earlier run read the very same."""
    known = SupplySnapshot.objects.filter(digest=supply.digest).first()
    if known is not None:
        return known
    facts = {"pieces": _keep_pieces(supply), "content": b"", "first_used_at": at}
    return SupplySnapshot.objects.get_or_create(digest=supply.digest, defaults=facts)[0]


@lru_cache(maxsize=1)
def keep_ahead(supply: Supply) -> None:
    """Store the pieces before the transaction that needs them: to compress a whole market takes longer than all the rest of it.

    Pieces that no snapshot came to need are found by the next one that has them.
    """
    _keep_pieces(supply)


def _keep_pieces(supply: Supply) -> list[int]:
    """Store the pieces that are not there yet, and give the keys of all in order."""
    digests = [digest(piece) for piece in supply.pieces]
    missing = dict(zip(digests, supply.pieces, strict=True))
    for known in _keys(digests):
        missing.pop(known)
    fresh = [SupplyPiece(digest=name, content=zlib.compress(piece)) for name, piece in missing.items()]
    SupplyPiece.objects.bulk_create(fresh, batch_size=BATCH, ignore_conflicts=True)  # another process may be at it, too
    keys = _keys(digests)
    return [keys[name] for name in digests]


def _keys(digests: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(digests), BATCH):
        rows = SupplyPiece.objects.filter(digest__in=digests[start : start + BATCH])
        found.update(rows.order_by().values_list("digest", "pk"))
    return found
