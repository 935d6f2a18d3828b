"""The input of a run as bytes: canonical JSON, the same for the same inputs in whatever order, and its digest."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256

from matching.engine.concepts import ThemeScheme
from matching.engine.lexicon import Lexicon
from matching.engine.places import PlaceIndex
from matching.engine.policy import Policy
from matching.engine.rates import Rates
from matching.engine.results import Ranking
from matching.engine.types import Need, Offer

FORMAT = 1

Json = str | int | bool | None | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class Supply:
    """Everything on offer as canonical JSON, encoded once for each version of the catalogue, and its digest."""

    content: bytes
    digest: str


def encode_supply(
    offers: Sequence[Offer], scheme: ThemeScheme, places: PlaceIndex, lexicon: Lexicon | None = None
) -> Supply:
    """Encode what many runs have in common; the order of the offers does not matter."""
    ordered = sorted(offers, key=lambda offer: offer.id)
    content = canonical(
        {"format": FORMAT, "offers": ordered, "scheme": scheme, "places": places, "lexicon": lexicon or Lexicon()}
    )
    return Supply(content, digest(content))


def snapshot(
    need: Need,
    supply: Supply,
    policy: Policy,
    *,
    as_of: date,
    rates: Rates,
    limit: int = 20,
    engine_version: str,
) -> bytes:
    """Return all inputs of `rank` as canonical JSON (sorted keys, no white space, UTF-8), the supply by its digest."""
    return canonical(
        {
            "format": FORMAT,
            "engine_version": engine_version,
            "as_of": as_of,
            "limit": limit,
            "need": need,
            "supply": supply.digest,
            "policy": policy,
            "rates": rates,
        }
    )


def ranking_bytes(ranking: Ranking) -> bytes:
    """Return a ranking as canonical JSON, to compare a replay with the run."""
    return canonical(ranking)


def digest(content: bytes) -> str:
    """Return the SHA-256 of the bytes, in hexadecimal."""
    return sha256(content).hexdigest()


def canonical(value: object) -> bytes:
    """Return any value of the engine as canonical JSON."""
    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def plain(value: object) -> Json:
    """Return a value of the engine as plain JSON data: days as ISO dates, amounts as strings, sets sorted.

    Raises TypeError for anything else.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain(entry) for entry in value), key=json.dumps)
    return _composite(value)


def _composite(value: object) -> Json:
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {entry.name: plain(getattr(value, entry.name)) for entry in fields(value) if entry.compare}
    raise TypeError(f"{type(value).__name__} has no place in a snapshot")
