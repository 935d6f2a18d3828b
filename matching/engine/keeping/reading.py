"""Snapshots read back: canonical JSON into the very values it was made from, strictly, so that a run can be replayed.

What is read follows from the types of the dataclasses themselves: a member that is missing, unknown or of another
type is refused and named by its JSON pointer (RFC 6901). Encoding what was read gives the same bytes again.
"""

import json
import types
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from matching.engine.errors import EngineError
from matching.engine.keeping.snapshot import FORMAT, later_fields
from matching.engine.policy import Policy
from matching.engine.reference.concepts import ThemeScheme
from matching.engine.reference.places import PlaceIndex
from matching.engine.reference.rates import Rates
from matching.engine.text.lexicon import Lexicon
from matching.engine.types import Need, Offer
from matching.engine.version import ENGINE_VERSION

Value = TypeVar("Value")
Reader = Callable[[object], Any]

BAD_SNAPSHOT = "bad_snapshot"


@dataclass(frozen=True, slots=True)
class SupplyInputs:
    """What was on offer: all that `build_catalogue` takes."""

    format: int
    offers: tuple[Offer, ...]
    scheme: ThemeScheme
    places: PlaceIndex
    lexicon: Lexicon


@dataclass(frozen=True, slots=True)
class RunInputs:
    """All inputs of one ranking; `supply` is the digest of the bytes that `decode_supply` reads."""

    format: int
    engine_version: str
    as_of: date
    limit: int
    need: Need
    supply: str
    policy: Policy
    rates: Rates


def decode_snapshot(content: bytes) -> RunInputs:
    """Read what `snapshot` wrote. Raises EngineError(bad_snapshot, other_engine).

    `other_engine`: the bytes were written by another version of the engine, which would not answer the same.
    """
    return decode(RunInputs, content)


def decode_supply(content: bytes) -> SupplyInputs:
    """Read what `encode_supply` wrote. Raises EngineError(bad_snapshot)."""
    return typed(SupplyInputs, _in_format(document_of(content, BAD_SNAPSHOT)))


def decode(kind: type[Value], content: bytes) -> Value:
    """Read the inputs of any kind of run: a dataclass that names `format` and `engine_version`.

    Raises EngineError(bad_snapshot, other_engine).
    """
    document = document_of(content, BAD_SNAPSHOT)
    _check_version(document)
    return typed(kind, _in_format(document))


def _in_format(document: object) -> object:
    found = document.get("format") if isinstance(document, dict) else None
    if found != FORMAT:
        raise EngineError(BAD_SNAPSHOT, "/format", f"format {shown(found)}; this engine reads format {FORMAT}")
    return document


def _check_version(document: object) -> None:
    """Look at the version first: what another engine wrote need not have the members that this one knows."""
    if not isinstance(document, dict) or not isinstance(document.get("engine_version"), str):
        raise EngineError(BAD_SNAPSHOT, "/engine_version", "a snapshot names the version of its engine")
    if document["engine_version"] != ENGINE_VERSION:
        raise EngineError(
            "other_engine",
            "/engine_version",
            f"made by engine {document['engine_version']}; this is {ENGINE_VERSION}",
        )


# --- JSON, strictly ---------------------------------------------------------------------------------------------------


def document_of(content: bytes, code: str) -> object:
    """Parse JSON (RFC 8259) in UTF-8, strictly: a name occurs once, numbers are finite.

    Whole numbers become int, others Decimal, so that nothing is rounded. Raises EngineError of the given code.
    """

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise EngineError(code, "", f'the name "{twice}" occurs twice in one object')
        return found

    def refuse(word: str) -> object:
        raise EngineError(code, "", f"{word} is no number of JSON")

    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=unique, parse_constant=refuse, parse_float=Decimal)
    except UnicodeDecodeError as error:
        raise EngineError(code, "", f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise EngineError(code, "", f"not JSON: {error.msg} at line {error.lineno} column {error.colno}") from error
    except RecursionError as error:
        raise EngineError(code, "", "nested too deeply") from error


# --- values by their types --------------------------------------------------------------------------------------------


class _Wrong(Exception):  # noqa: N818  a message on its way up, collecting the pointer; it never leaves this module
    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.steps: list[str] = []

    def under(self, step: object) -> "_Wrong":
        self.steps.append(str(step).replace("~", "~0").replace("/", "~1"))
        return self


def typed(kind: type[Value], document: object) -> Value:
    """Read a dataclass of the engine from its plain form. Raises EngineError(bad_snapshot) with the JSON pointer."""
    try:
        found: Value = _reader(cast("Hashable", kind))(document)
    except _Wrong as wrong:
        pointer = "".join(f"/{step}" for step in reversed(wrong.steps))
        raise EngineError(BAD_SNAPSHOT, pointer, wrong.detail) from wrong
    return found


@cache
def _reader(kind: Any) -> Reader:
    """Make the reader of a type, once for each type."""
    if kind in SIMPLE:
        return SIMPLE[kind]
    if get_origin(kind) in (Union, types.UnionType):
        return _optional(kind)
    if get_origin(kind) in COLLECTIONS:
        return COLLECTIONS[get_origin(kind)](get_args(kind))
    if is_dataclass(kind):
        return _record(kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _code(kind)
    raise TypeError(f"{kind} has no place in a snapshot")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Wrong(f"expected a text, found {shown(value)}")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Wrong(f"expected a whole number, found {shown(value)}")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Wrong(f"expected true or false, found {shown(value)}")
    return value


def _day(value: object) -> date:
    found = day_of(value)
    if found is None:
        raise _Wrong(f"expected a day as YYYY-MM-DD, found {shown(value)}")
    return found


def _amount(value: object) -> Decimal:
    found = amount_of(value)
    if found is None:
        raise _Wrong(f"expected an amount as a text of digits, found {shown(value)}")
    return found


SIMPLE: Mapping[Any, Reader] = {str: _text, int: _whole, bool: _truth, date: _day, Decimal: _amount}


def _optional(kind: Any) -> Reader:
    [inner] = [_reader(entry) for entry in get_args(kind) if entry is not types.NoneType]
    return lambda value: None if value is None else inner(value)


def _code(kind: type[StrEnum]) -> Reader:
    allowed = {entry.value: entry for entry in kind}

    def read(value: object) -> StrEnum:
        if not isinstance(value, str) or value not in allowed:
            raise _Wrong(f"expected one of {', '.join(allowed)}, found {shown(value)}")
        return allowed[value]

    return read


def _at(step: object, reader: Reader, value: object) -> Any:
    try:
        return reader(value)
    except _Wrong as wrong:
        raise wrong.under(step) from None


def _each(reader: Reader, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _Wrong(f"expected a list, found {shown(value)}")
    return [_at(number, reader, entry) for number, entry in enumerate(value)]


def _tuple(arguments: tuple[Any, ...]) -> Reader:
    if arguments[1:] == (Ellipsis,):
        reader = _reader(arguments[0])
        return lambda value: tuple(_each(reader, value))
    readers = [_reader(entry) for entry in arguments]

    def read(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != len(readers):
            raise _Wrong(f"expected a list of {len(readers)}, found {shown(value)}")
        return tuple(_at(number, reader, value[number]) for number, reader in enumerate(readers))

    return read


def _set(arguments: tuple[Any, ...]) -> Reader:
    reader = _reader(arguments[0])

    def read(value: object) -> frozenset[Any]:
        entries = _each(reader, value)
        found = frozenset(entries)
        if len(found) != len(entries):
            raise _Wrong("an entry occurs twice")
        return found

    return read


def _mapping(arguments: tuple[Any, ...]) -> Reader:
    names, values = (_reader(entry) for entry in arguments)

    def read(value: object) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise _Wrong(f"expected an object, found {shown(value)}")
        return {_at(name, names, name): _at(name, values, entry) for name, entry in value.items()}

    return read


COLLECTIONS: Mapping[Any, Callable[[tuple[Any, ...]], Reader]] = {
    tuple: _tuple,
    frozenset: _set,
    Mapping: _mapping,
}


def _record(kind: Any) -> Reader:
    hints = get_type_hints(kind)
    readers = {entry.name: _reader(hints[entry.name]) for entry in fields(kind) if entry.init and entry.compare}
    later = later_fields(kind)

    def read(value: object) -> Any:
        if not isinstance(value, dict):
            raise _Wrong(f"expected an object, found {shown(value)}")
        _check_names(value, readers, later)
        found = {name: _at(name, reader, value[name]) for name, reader in readers.items() if name in value}
        try:
            return kind(**found)
        except EngineError as error:  # what the thing itself refuses
            raise _Wrong(f"{error.code}: {error.detail}") from error

    return read


def _check_names(value: Mapping[str, object], known: Mapping[str, object], later: Collection[str]) -> None:
    unknown = sorted(set(value) - set(known))
    if unknown:
        raise _Wrong(f"unknown; allowed are {', '.join(known)}").under(unknown[0])
    missing = [name for name in known if name not in value and name not in later]
    if missing:
        raise _Wrong("missing").under(missing[0])


def day_of(value: object) -> date | None:
    """Read a day written YYYY-MM-DD; None for anything else, other ways of ISO 8601 to write a day included."""
    try:
        found = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.isoformat() == value else None


def amount_of(value: object) -> Decimal | None:
    """Read an exact amount written as a text ("24000.00"); None for anything else."""
    try:
        found = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() and str(found) == value else None


def shown(value: object) -> str:
    """Show a value of a document in a message: cut short, lists and objects by their kind."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


SHOWN = 60  # characters of a value that a message repeats
