"""What belongs to a row and is many, fetched along with it as one JSON array: the same on both engines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import models
from django.db.models import F, OuterRef, QuerySet, Subquery, TextField

from marketplace.api.seen import Convert, Place, SeenMany, record_of


class Gathered(Subquery):
    """The rows of a query as one JSON text, an array for each row; null or `[]` where there are none."""

    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Gather by json_agg."""
        return self._gather("json_agg(json_build_array({}))::text", compiler, connection, **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Gather by json_group_array."""
        return self._gather("json_group_array(json_array({}))", compiler, connection, **context)

    def _gather(self, form: str, compiler: Any, connection: Any, **context: Any) -> Any:
        columns = ", ".join(self.query.values_select_names)  # type: ignore[attr-defined]
        template = f"(SELECT {form.format(columns)} FROM (%(subquery)s) gathered)"  # noqa: S608  names of our own
        return self.as_sql(compiler, connection, template=template, **context)


@dataclass(frozen=True)
class Many:
    """The things of a relation: which of their columns are read, and how they become light records."""

    model: type[models.Model]
    relation: str
    paths: tuple[str, ...]

    def expression(self) -> Gathered:
        """Give the expression that gathers them, to annotate rows with."""
        rows, prefix = self._rows()
        names = {f"c{number}": F(f"{prefix}{path}") for number, path in enumerate(self.paths)}
        found = Gathered(rows.values(**names))
        found.query.values_select_names = tuple(names)  # type: ignore[attr-defined]
        return found

    def _rows(self) -> tuple[QuerySet[Any], str]:
        link: Any = self.model._meta.get_field(self.relation)
        if link.many_to_many:
            prefix = f"{link.m2m_reverse_field_name()}__"
            rows = link.remote_field.through._default_manager.filter(**{link.m2m_field_name(): OuterRef("pk")})
        else:
            prefix, rows = "", link.related_model._default_manager.filter(**{link.field.name: OuterRef("pk")})
        order = [_prefixed(name, prefix) for name in link.related_model._meta.ordering] or [f"{prefix}pk"]
        return rows.order_by(*order), prefix

    def convert(self) -> Convert:
        """Give the function from the JSON text to the light records."""
        target: Any = self.model._meta.get_field(self.relation).related_model
        places: dict[str, Place] = {path: (number, from_json(target, path)) for number, path in enumerate(self.paths)}
        record = record_of(target, places)

        def things(text: str | None) -> SeenMany:
            return SeenMany([record(values) for values in orjson.loads(text)] if text else ())

        return things


def _prefixed(name: str, prefix: str) -> str:
    return f"-{prefix}{name[1:]}" if name.startswith("-") else f"{prefix}{name}"


def field_at(model: type[models.Model], path: str) -> Any:
    """Find the model field at the end of a path. Raises FieldDoesNotExist."""
    found: Any = None
    for name in path.split("__"):
        if found is not None:
            model = found.related_model
        found = model._meta.pk if name == "pk" else model._meta.get_field(name)
    return found


def from_json(model: type[models.Model], path: str) -> Convert | None:
    """Give what turns a JSON value back into what the column has; None where it is that already."""
    kind = field_at(model, path)
    makers: Sequence[tuple[type, Convert]] = (
        (models.BooleanField, bool),
        (models.DateTimeField, _moment),
        (models.UUIDField, _uuid),
        (models.JSONField, _parsed),
    )
    return next((make for of, make in makers if isinstance(kind, of)), None)


def _moment(value: str | None) -> datetime | None:
    if value is None:
        return None
    found = datetime.fromisoformat(value)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _uuid(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)


def _parsed(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value
