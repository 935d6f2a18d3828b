"""The input of a run as bytes: canonical JSON, the same for the same inputs in whatever order, and its digest."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256

import orjson

from matching.engine.policy import Policy
from matching.engine.reference.concepts import ThemeScheme
from matching.engine.reference.places import PlaceIndex
from matching.engine.reference.rates import Rates
from matching.engine.results import Ranking
from matching.engine.text.lexicon import Lexicon
from matching.engine.types import KEPT_WHEN_GIVEN, Need, Offer

FORMAT = 1
LAST_OF_A_PIECE = "00"  # ending of an id; one random id in 256 has it
CODES_ONLY = re.compile(r"[#-\[\]-~]*")  # ASCII above the quotation mark, without the backslash: nothing is escaped

FIELDS: dict[type, tuple[str, ...] | None] = {}  # looked up for every value, found out once for each type
LATER: dict[
    type, tuple[str, ...]
] = {}  # fields that came later: without a value they leave no trace, so older bytes stay as they are

Json = str | int | bool | None | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class Supply:
    """Everything on offer as canonical JSON, encoded once for each version of the catalogue, and its digest.

    In pieces, because most of it is what it was before the last change: they are cut behind offers that are chosen by their ids
    alone, so that a change leaves all pieces but one as they were.
    """

    pieces: tuple[bytes, ...]
    digest: str

    @property
    def content(self) -> bytes:
        """The whole."""
        return b"".join(self.pieces)


def encode_supply(
    offers: Sequence[Offer],
    scheme: ThemeScheme,
    places: PlaceIndex,
    lexicon: Lexicon | None = None,
    *,
    encode: Callable[[Offer], bytes] | None = None,
) -> Supply:
    """Encode what many runs have in common; the order of the offers does not matter.

    `encode` may give the canonical JSON of an offer from a store of what was encoded before.
    """
    around = {"format": FORMAT, "lexicon": lexicon or Lexicon(), "offers": [], "places": places, "scheme": scheme}
    before, opening, after = canonical(around).partition(b'"offers":[')
    listed = _in_pieces(sorted(offers, key=lambda offer: offer.id), encode or canonical)
    pieces = (before + opening, *listed, after)
    taken = sha256()
    for piece in pieces:
        taken.update(piece)
    return Supply(pieces, taken.hexdigest())


def _in_pieces(ordered: Sequence[Offer], encode: Callable[[Offer], bytes]) -> Iterator[bytes]:
    """Give the members of the list, some hundred in a piece, each with the comma that stands before it."""
    piece: list[bytes] = []
    for number, offer in enumerate(ordered):
        piece += (b",", encode(offer)) if number else (encode(offer),)
        if offer.id.endswith(LAST_OF_A_PIECE):
            yield b"".join(piece)
            piece = []
    if piece:
        yield b"".join(piece)


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
    """Return any value of the engine as canonical JSON: keys sorted, no white space, UTF-8."""
    found = plain(value)
    try:
        return orjson.dumps(found, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # whole numbers beyond 64 bits; the bytes are the same, they only take longer
        return json.dumps(found, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def plain(value: object) -> Json:
    """Return a value of the engine as plain JSON data: days as ISO dates, amounts as strings, sets sorted.

    Raises TypeError for anything else.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    names = _field_names(type(value))
    if names is not None:
        found = {name: plain(getattr(value, name)) for name in names}
        for name in LATER[type(value)]:
            if found[name] is None:
                del found[name]
        return found
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, set | frozenset):
        return _sorted([plain(entry) for entry in value])
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    return _scalar(value)


def _scalar(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in a snapshot")


def _sorted(entries: list[Json]) -> list[Json]:
    """Sort as JSON text; codes, of letters and the like, stand in that order by themselves."""
    codes = [entry for entry in entries if isinstance(entry, str)]
    if len(codes) == len(entries) and CODES_ONLY.fullmatch("".join(codes)):
        return sorted(codes)  # type: ignore[return-value]  # lists are invariant
    return sorted(entries, key=json.dumps)


def later_fields(kind: type) -> tuple[str, ...]:
    """Return the fields of a dataclass that are kept only where they have a value."""
    return tuple(entry.name for entry in fields(kind) if entry.metadata == KEPT_WHEN_GIVEN)


def _field_names(kind: type) -> tuple[str, ...] | None:
    """Return the fields of a dataclass that count; None for any other type."""
    if kind not in FIELDS:
        LATER[kind] = later_fields(kind) if is_dataclass(kind) else ()
        FIELDS[kind] = tuple(entry.name for entry in fields(kind) if entry.compare) if is_dataclass(kind) else None
    return FIELDS[kind]
