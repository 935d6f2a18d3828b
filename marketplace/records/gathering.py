"""Rows of a query gathered into one JSON text, so that they come along with another row: the same on both engines."""

from datetime import UTC, date, datetime
from typing import Any

import orjson
from django.db.models import F, QuerySet, Subquery, TextField


class Gathered(Subquery):
    """The rows of a query as one JSON text, an array of the ``paths`` for each row; null or `[]` where there are none."""

    output_field = TextField()

    def __init__(self, rows: QuerySet[Any], *paths: str) -> None:
        self.names = [f"c{number}" for number in range(len(paths))]
        super().__init__(rows.values(**{name: F(path) for name, path in zip(self.names, paths, strict=True)}))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Gather by json_agg."""
        return self._gather("json_agg(json_build_array({}))::text", compiler, connection, **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Gather by json_group_array."""
        return self._gather("json_group_array(json_array({}))", compiler, connection, **context)

    def _gather(self, form: str, compiler: Any, connection: Any, **context: Any) -> Any:
        template = f"(SELECT {form.format(', '.join(self.names))} FROM (%(subquery)s) gathered)"  # noqa: S608  our own names
        return self.as_sql(compiler, connection, template=template, **context)


def rows_of(text: str | None) -> list[list[Any]]:
    """Give the rows that were gathered, with JSON values: see below what makes of them what a column has."""
    return orjson.loads(text) if text else []


def moment(value: str | None) -> datetime | None:
    """Read a moment."""
    if value is None:
        return None
    found = datetime.fromisoformat(value)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def day(value: str | None) -> date | None:
    """Read a day."""
    return None if value is None else date.fromisoformat(value)


def parsed(value: Any) -> Any:
    """Read a column of JSON, which SQLite gives as text."""
    return orjson.loads(value) if isinstance(value, str) else value
