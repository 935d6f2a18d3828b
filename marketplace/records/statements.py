"""Statements that are written once: the ORM builds a query, its SQL is kept, and later calls only give other values.

Building and compiling a query of many columns takes longer than PostgreSQL takes to answer it, and so does planning it: a
kept statement is prepared on its connection, with one plan for all values. What may vary is found, not declared: the query
is built twice, with two sets of values, and where the parameters differ, the values stand. A query that depends on a value
in any other way is not kept (`keep` gives None), and its caller asks the ORM each time.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import count
from sys import intern
from typing import Any
from uuid import UUID

import psycopg
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import QuerySet
from psycopg.types.datetime import TimestamptzLoader

Build = Callable[..., QuerySet[Any, Any]]
Row = Sequence[Any]
KNOWN = 2_000  # statements of which a process keeps how PostgreSQL reads them
PLACEHOLDER = re.compile("%[s%]")
PREPARE_AFTER = 2  # times that a connection was asked the same


@lru_cache(maxsize=KNOWN)
def numbered(sql: str) -> bytes:
    """Write Django's placeholders as PostgreSQL's ($1, $2 ...); psycopg would look for them in a long statement each time."""
    numbers = count(1)
    return PLACEHOLDER.sub(lambda found: "%" if found[0] == "%%" else f"${next(numbers)}", sql).encode()


class PreparedCursor(psycopg.RawCursor[Any]):
    """A cursor that binds on the server, so that its statements can be prepared, and reads moments in C."""

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.adapters.register_loader("timestamptz", TimestamptzLoader)

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Prepare and run."""
        return super().execute(numbered(query), params, prepare=True)


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters; ``places`` says which of them is which of the values."""

    sql: str
    params: tuple[Any, ...]
    places: tuple[tuple[int, int], ...]
    compiler: Any
    converters: Any

    def rows(self, *values: object) -> list[Row]:
        """Ask with these values."""
        params: Sequence[Any] = self.params
        if self.places:
            adapted = [_adapted(value) for value in values]
            params = list(params)
            for place, which in self.places:
                params[place] = adapted[which]
        found = _asked(self.sql, params)
        if self.converters:
            return [tuple(row) for row in self.compiler.apply_converters(found, self.converters)]
        return found


def keep(build: Build, *values: object) -> Statement | None:
    """Write the statement of a query that is built with ``values``; None where it cannot be asked with others.

    A None among the values stays one: whoever keeps statements keeps another for each set of values that are None.
    """
    others = [_other(value, number) for number, value in enumerate(values)]
    try:
        compiler, sql, params = _compiled(build(*values))
        _, other_sql, other_params = _compiled(build(*others))
    except EmptyResultSet:  # the ORM knows that there is nothing, and asks nothing
        return None
    if sql != other_sql or len(params) != len(other_params):
        return None
    adapted = [_adapted(value) for value in others]
    places: list[tuple[int, int]] = []
    for place, (one, other) in enumerate(zip(params, other_params, strict=True)):
        if type(one) is type(other) and one == other:
            continue
        which = next((number for number, value in enumerate(adapted) if value is not None and value == other), None)
        if which is None or one != _adapted(values[which]):
            return None
        places.append((place, which))
    converters = compiler.get_converters([column[0] for column in compiler.select])
    return Statement(intern(sql), params, tuple(places), compiler, converters)


class Kept:
    """One query of the product's own, kept for each set of values that are None."""

    def __init__(self, build: Build) -> None:
        self.build = build
        self.statements: dict[tuple[object, ...], Statement] = {}

    def __call__(self, *values: object) -> list[Row]:
        """Ask with these values. Raises LookupError where the query depends on them otherwise than by parameters."""
        key = (connection.vendor, *(value is None for value in values))
        found = self.statements.get(key)
        if found is None:
            found = keep(self.build, *values)
            if found is None:
                raise LookupError("this query cannot be kept")
            self.statements[key] = found
        return found.rows(*values)


def _compiled(query: QuerySet[Any, Any]) -> tuple[Any, str, tuple[Any, ...]]:
    compiler = query.query.get_compiler(connection=connection)
    sql, params = compiler.as_sql()
    return compiler, sql, tuple(params)


def _asked(sql: str, params: Sequence[Any]) -> list[Row]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.cursor = _prepared(connection)
        cursor.execute(sql, params)
        found: list[Row] = cursor.fetchall()
        return found


def _prepared(wrapper: BaseDatabaseWrapper) -> PreparedCursor:
    """Give a cursor that prepares; the first one of a connection settles that one plan serves all values."""
    server: Any = wrapper.connection
    if server.prepare_threshold is None:
        server.prepare_threshold = PREPARE_AFTER
        with server.cursor() as first:
            first.execute("SET plan_cache_mode = force_generic_plan")
    return PreparedCursor(server)


def _other(value: object, number: int) -> object:
    """Give another value of the same kind, different for each number."""
    away = number + 1
    if isinstance(value, datetime):
        return (
            value + timedelta(microseconds=away)
            if value.microsecond < 999_000
            else value - timedelta(microseconds=away)
        )
    makers: tuple[tuple[type, Callable[[Any], object]], ...] = (
        (date, lambda day: day + timedelta(days=away) if day.year < 9999 else day - timedelta(days=away)),
        (int, lambda whole: whole + 1_000_003 * away if whole < 2**30 else whole - 1_000_003 * away),
        (str, lambda text: f"{text}~{away}"),
        (Decimal, lambda exact: exact + away),
        (UUID, lambda _: UUID(int=away)),
    )
    return next((make(value) for kind, make in makers if isinstance(value, kind)), value)


def _adapted(value: object) -> object:
    """Give a value as the engine gets it."""
    ops = connection.ops
    if isinstance(value, datetime):
        return ops.adapt_datetimefield_value(value)
    if isinstance(value, date):
        return ops.adapt_datefield_value(value)
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value


__all__ = ["Kept", "Statement", "keep"]
