"""Public ids: time-ordered UUIDs (RFC 9562, version 7), opaque to clients."""

from uuid import UUID

import uuid_utils


def new_public_id() -> UUID:
    """Make a UUIDv7; the library's type is turned into the standard one for the database drivers."""
    return UUID(int=uuid_utils.uuid7().int)
