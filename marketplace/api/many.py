"""What belongs to a row and is many, fetched along with it as one JSON array: the same on both engines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import OuterRef, QuerySet

from marketplace.api.seen import Convert, Place, SeenMany, record_of
from marketplace.records.gathering import Gathered, day, moment, parsed, rows_of


@dataclass(frozen=True)
class Many:
    """The things of a relation: which of their columns are read, and how they become light records."""

    model: type[models.Model]
    relation: str
    paths: tuple[str, ...]

    def expression(self) -> Gathered:
        """Give the expression that gathers them, to annotate rows with."""
        rows, prefix = self._rows()
        return Gathered(rows, *(f"{prefix}{path}" for path in self.paths))

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
            return SeenMany([record(values) for values in rows_of(text)])

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
        (models.DateTimeField, moment),
        (models.DateField, day),
        (models.UUIDField, _uuid),
        (models.JSONField, parsed),
    )
    return next((make for of, make in makers if isinstance(kind, of)), None)


def _uuid(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)
