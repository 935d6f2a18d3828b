"""Finding the thing that a URL names: by opaque id, or by its human reference."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.records.lookups import sole


@dataclass(frozen=True, slots=True)
class Parent:
    """What nested things belong to: `/parents/{parent_id}/things`.

    ``visible`` gives the parents that an actor may see (called with the actor and ``at``), ``column`` is the foreign key
    of the nested thing, ``argument`` the name under which creating operations take the parent's primary key.
    """

    visible: Callable[..., QuerySet[Any]]
    column: str
    argument: str
    reference_field: str = ""


def find(things: QuerySet[Any], text: str, reference_field: str = "") -> Any:
    """Find one of the visible things. Raises DomainError(not_found), alike for absent and invisible ones."""
    column, wanted = named(text, reference_field)
    thing = sole(things.filter(**{column: wanted}))
    if thing is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    return thing


def named(text: str, reference_field: str = "") -> tuple[str, object]:
    """Give the column that a text of a URL is about, and its value. Raises DomainError(not_found)."""
    try:
        return "public_id", UUID(text)
    except ValueError:
        if not reference_field:
            raise DomainError(ErrorCode.NOT_FOUND) from None
        return reference_field, text
