"""From what a list shows to what a write takes, so that a file that was exported can be imported again.

What is shown only (state, dates, labels ...) is passed over. A thing that is named by another is shown as `provider_id`
or as `{"code": ..., "name": ...}`, and written as one text.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rest_framework import serializers

from marketplace.api.serializers import ReferenceField

ENDS = ("_id", ".code")  # of the columns that name another thing
NOTHING = object()


def columns_meant(name: str) -> tuple[str, ...]:
    """Give the columns that a shown column may stand for, where they name another thing."""
    return tuple(name.removesuffix(end) for end in ENDS if name.endswith(end))


def written(field: Any, value: Any) -> Any:
    """Give of a shown value what a write takes; NOTHING where it takes none of it."""
    if isinstance(field, serializers.Serializer) and isinstance(value, Mapping):
        return written_and_rest(field, value)[0]
    if isinstance(field, ReferenceField) and isinstance(value, Mapping):
        return value.get("code", value.get("id", NOTHING))
    child = getattr(field, "child", None)
    if child is not None and isinstance(value, list):
        value = [one for one in (written(child, inner) for inner in value) if one is not NOTHING]
    return NOTHING if _is_left_open(field, value) else value


def _is_left_open(field: Any, value: Any) -> bool:
    """Tell whether it is shown as nothing because nothing was said, and a write would refuse it said so."""
    return (
        (value is None and not field.allow_null)
        or (value == "" and not getattr(field, "allow_blank", False))
        or (value in ({}, []) and not getattr(field, "allow_empty", True))
    )


def written_and_rest(form: Any, values: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Give the members that a write takes, and the names of those that it does not."""
    found: dict[str, Any] = {}
    used: set[str] = set()
    for name, field in form.fields.items():
        shown = _shown_as(name, field, values.__contains__)
        if shown is not None and not field.read_only:
            used.add(shown)
            found[name] = written(field, values[shown])
    rest = tuple(name for name in values if name not in used)
    return {name: value for name, value in found.items() if value is not NOTHING}, rest


def _shown_as(name: str, field: Any, is_shown: Callable[[str], bool]) -> str | None:
    if is_shown(name):
        return name
    return f"{name}_id" if isinstance(field, ReferenceField) and is_shown(f"{name}_id") else None
