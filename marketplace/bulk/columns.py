"""Between flat columns and nested values: `titles.en`, `period.start`, `lines.1.theme`.

A column names a path into the shape of the single write. A list of plain values stands in one cell, with semicolons
between them; whatever is nested further may also be given as JSON in one cell. An empty cell says nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rest_framework import serializers

from marketplace.api.flat import SEPARATOR, cell_of
from marketplace.api.parsers import clean_text, load
from marketplace.api.problems import invalid_input
from marketplace.api.serializers import LanguageMapField, ReferenceField, StrictSerializer
from marketplace.bulk.shown import columns_meant
from marketplace.bulk.workbooks import InexactNumber
from marketplace.kernel.errors import DomainError, FieldError
from marketplace.kernel.text import gettext_noop as _

TEMPLATE_LANGUAGES = ("en", "fr")
MOST_COLUMNS = 500
MOST_PARTS = 200  # numbers of a list that a column may name
INEXACT = _("This number is longer than a spreadsheet holds exactly. Format the column as text, and enter it again.")
Path = tuple[str | int, ...]
Read = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Column:
    """Where the cells of a column go, and how they are read."""

    name: str
    path: Path
    read: Read

    @property
    def pointer(self) -> str:
        """The place as a JSON pointer, with numbers from 0."""
        return "".join(f"/{part}" for part in self.path)


def columns_of(form: type[StrictSerializer], names: Sequence[str]) -> list[Column]:
    """Find the column of each name. Raises DomainError(invalid_input) naming the unknown and the doubled ones."""
    errors, found, seen = _too_many(names), [], set()
    allowed = tuple(template_columns(form))
    for name in names[:MOST_COLUMNS]:
        column = _column(form(), name)
        if column is None:
            detail = _("There is no column `%(value)s`.")
            errors.append(FieldError(name[:100], "unknown_column", detail, allowed, {"value": name[:100]}))
        elif column.path in seen:
            detail = _("The column `%(value)s` is there twice.")
            errors.append(FieldError(name[:100], "doubled_column", detail, params={"value": name[:100]}))
        else:
            seen.add(column.path)
            found.append(column)
    if errors:
        raise invalid_input(errors)
    return found


def _too_many(names: Sequence[str]) -> list[FieldError]:
    if len(names) <= MOST_COLUMNS:
        return []
    return [FieldError("", "too_many_columns", _("At most %(limit)s columns."), params={"limit": MOST_COLUMNS})]


def shown_columns_of(form: type[StrictSerializer], names: Sequence[str]) -> tuple[list[Column | None], tuple[str, ...]]:
    """Find the columns of a file that a list gave; None, and the names, for what a write does not take.

    Raises DomainError(invalid_input) for more columns than are read.
    """
    if errors := _too_many(names):
        raise invalid_input(errors)
    found: list[Column | None] = []
    seen: set[Path] = set()
    for name in names:
        column = _column(form(), name) or _reference(form(), name)
        found.append(None if column is None or column.path in seen else column)
        seen.update([column.path] if column else [])
    return found, tuple(name[:100] for name, column in zip(names, found, strict=True) if column is None)


def _reference(form: StrictSerializer, name: str) -> Column | None:
    columns = (_column(form, meant, only=ReferenceField) for meant in columns_meant(name))
    return next((column for column in columns if column), None)


def _column(form: StrictSerializer, name: str, *, only: type = object) -> Column | None:
    path: list[str | int] = []
    at: Any = form
    for part in name.split("."):
        step = _step(at, part)
        if step is None:
            return None
        key, at = step
        path.append(key)
    return None if not isinstance(at, only) else Column(name, tuple(path), _reader(at))


def _step(field: Any, part: str) -> tuple[str | int, Any] | None:
    if isinstance(field, serializers.Serializer):
        inner = field.fields.get(part)
        return None if inner is None or inner.read_only else (part, inner)
    if isinstance(field, serializers.DictField):
        return (part, field.child) if part and len(part) <= 40 else None
    child = getattr(field, "child", None)
    if child is None or not (part.isascii() and part.isdigit() and 1 <= int(part[:6]) <= MOST_PARTS):
        return None
    return int(part) - 1, child


def _is_nested(field: Any) -> bool:
    return isinstance(field, serializers.Serializer | serializers.ListField | serializers.DictField) or hasattr(
        field, "child"
    )


def _reader(field: Any) -> Read:
    if isinstance(field, serializers.Serializer | serializers.DictField):
        return _json
    child = getattr(field, "child", None)
    if child is not None:
        return _json if _is_nested(child) else _list
    return str


def _json(text: str) -> object:
    return load(text.encode())


def _list(text: str) -> object:
    if text.startswith("["):
        return _json(text)
    return [part.strip() for part in text.split(SEPARATOR) if part.strip()]


def values_of(
    columns: Sequence[Column | None], cells: Sequence[str]
) -> tuple[dict[str, Any], list[FieldError], dict[str, str]]:
    """Make the nested values of a row; cells that cannot be read at all are told of with their column.

    A list closes up where numbers are left out: what comes third leads from such places to those of the columns, for `given_at`.
    """
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for column, cell in zip(columns, cells, strict=False):
        if column is None or not cell:
            continue
        if isinstance(cell, InexactNumber):
            errors.append(FieldError(column.pointer, "inexact_number", INEXACT))
            continue
        try:
            _put(values, column.path, column.read(clean_text(cell)))
        except DomainError as error:
            detail, params = error.kind.detail, dict(error.params)
            errors.append(FieldError(column.pointer, error.code.value, detail, params=params))
    moved: dict[str, str] = {}
    return _closed_up(values, "", "", moved), errors, moved


def _put(values: dict[Any, Any], path: Path, value: object) -> None:
    *before, last = path
    for part in before:
        inner = values.setdefault(part, {})
        if not isinstance(inner, dict):  # given whole, as JSON, beside its parts
            inner = values[part] = dict(enumerate(inner)) if isinstance(inner, list) else {}
        values = inner
    known = values.get(last)
    values[last] = {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value


def _closed_up(value: Any, here: str, given: str, moved: dict[str, str]) -> Any:
    """Turn what was put by number into lists, in the order of the numbers, and note what does not stand at its own."""
    if not isinstance(value, dict):
        return value
    is_list = bool(value) and all(isinstance(key, int) for key in value)
    found = {}
    for number, key in enumerate(sorted(value) if is_list else value):
        at, column = f"{here}/{number if is_list else key}", f"{given}/{key}"
        if is_list and number != key:
            moved[at] = column
        found[key] = _closed_up(value[key], at, column, moved)
    return list(found.values()) if is_list else found


def given_at(pointer: str, moved: Mapping[str, str]) -> str:
    """Give the place in the file of a place in the values that were made of it."""
    parts = pointer.split("/")
    for end in range(len(parts), 0, -1) if moved else ():
        column = moved.get("/".join(parts[:end]))
        if column is not None:
            return "/".join([column, *parts[end:]])
    return pointer


@lru_cache
def template_columns(form: type[StrictSerializer]) -> tuple[str, ...]:
    """Give the columns of a template: those a person usually fills in; of lists of things the first one."""
    return tuple(_named(form(), ""))


def _named(field: Any, name: str) -> Iterator[str]:
    if isinstance(field, serializers.Serializer):
        for part, inner in field.fields.items():
            if not inner.read_only:
                yield from _named(inner, f"{name}.{part}".lstrip("."))
    elif isinstance(field, LanguageMapField):
        yield from (f"{name}.{language}" for language in TEMPLATE_LANGUAGES)
    elif isinstance(getattr(field, "child", None), serializers.Serializer):
        yield from _named(field.child, f"{name}.1")
    else:
        yield name


def flat(value: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Give the cells of an example for these columns."""
    return {name: cell_of(_at(value, name.split("."))) for name in names}


def _at(value: Any, parts: Sequence[str]) -> Any:
    for part in parts:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) <= len(value):
            value = value[int(part) - 1]
        else:
            return None
    return value


def column_at(form: StrictSerializer, pointer: str) -> str:
    """Give the column in whose cells a JSON pointer leads; empty for the row as a whole."""
    names: list[str] = []
    at: Any = form
    for part in pointer.split("/")[1:]:
        step = _step(at, str(int(part) + 1) if part.isascii() and part.isdigit() else part)
        if step is None or (isinstance(step[0], int) and not _is_nested(step[1])):
            break
        names.append(str(step[0] + 1) if isinstance(step[0], int) else step[0])
        at = step[1]
    return ".".join(names)
