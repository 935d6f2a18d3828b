"""What is hashed, byte by byte (ADR 0016): anybody who has the rows can compute it again, in any language.

Canonical JSON here is: keys sorted, no white space, everything outside ASCII escaped, strings and whole numbers only.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

ERASABLE = ("actor_label", "acting_for", "reason_text", "changes", "client_address")
# Columns of a record that its link covers: all but the internal id.
COVERED = (
    *("public_id", "at", "actor_kind", "actor_id", "organization_code", "resource", "resource_id", "reference"),
    *("action", "from_state", "to_state", "reason_code", "request_id", "seals"),
)
VALUE_DOMAIN, LINK_DOMAIN, SET_DOMAIN = "gmg-audit-value-1", "gmg-audit-link-1", "gmg-audit-erased-1"
START = hashlib.sha256(b"gmg-audit-chain-1").hexdigest()  # stands before the first link
SALT_BYTES = 32


def canonical(value: object) -> str:
    """Write a JSON value in its one form. Raises TypeError or ValueError for what JSON does not know."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def instant(at: datetime) -> str:
    """Write an instant in UTC to the microsecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _sha256(*parts: str) -> str:
    """Hash parts, which contain no NUL, with a NUL between them."""
    return hashlib.sha256("\0".join(parts).encode("ascii")).hexdigest()


def seal(field: str, value: object) -> tuple[str, dict[str, str]]:
    """Make the digest of a value under a new salt, and what is kept of the value beside it."""
    kept = {"salt": secrets.token_hex(SALT_BYTES), "text": canonical(value)}
    return digest_of_value(field, kept), kept


def digest_of_value(field: str, kept: Mapping[str, str]) -> str:
    """Compute the seal of a kept value; without its salt nobody can."""
    return _sha256(VALUE_DOMAIN, field, kept["salt"], kept["text"])


def digest_of_link(*, position: int, previous: str, linked_at: datetime, record: Mapping[str, Any]) -> str:
    """Compute the digest of a link over its place, the digest before it and the covered columns of ``record``."""
    row = {name: _plain(record[name]) for name in COVERED}
    facts = {"linked_at": instant(linked_at), "position": position, "previous": previous, "record": row}
    return _sha256(LINK_DOMAIN, canonical(facts))


def _plain(value: Any) -> object:
    if isinstance(value, datetime):
        return instant(value)
    return value if isinstance(value, str | dict) else str(value)


class ErasedSet:
    """A digest of which values an act erased, whatever the order they are met in: the sum of their digests."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0

    def add(self, record_public_id: object, field: str) -> None:
        """Count one value in."""
        self.count += 1
        self._sum = (self._sum + int(_sha256(SET_DOMAIN, str(record_public_id), field), 16)) % 2**256

    @property
    def digest(self) -> str:
        """The digest in hexadecimal."""
        return f"{self._sum:064x}"
