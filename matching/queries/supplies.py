"""What was on offer for a run, read back."""

import zlib

from matching.models import SupplyPiece, SupplySnapshot


def supply_content(kept: SupplySnapshot) -> bytes:
    """Give the canonical JSON of what was on offer. Raises zlib.error and KeyError where it is damaged."""
    if kept.pieces is None:
        return zlib.decompress(kept.content)
    pieces = SupplyPiece.objects.in_bulk(kept.pieces)
    return b"".join(zlib.decompress(pieces[key].content) for key in kept.pieces)
