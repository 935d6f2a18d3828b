"""JSON Merge Patch (RFC 7396): what a patch says of a nested object is merged into what the thing shows of it."""

from collections.abc import Mapping
from typing import Any

from rest_framework.serializers import BaseSerializer, DictField, Field, Serializer


def merge_patch(form: BaseSerializer[Any], shown: Mapping[str, Any], patch: Any) -> Any:
    """Give ``patch`` with its nested objects completed from ``shown``; null takes a member of an object away.

    Only objects that input and output have alike are merged; lists are replaced whole, as the RFC says. Anything but an
    object is given back as it is, for the shape check to refuse.
    """
    if not isinstance(patch, Mapping):
        return patch
    fields: Mapping[str, Field[Any, Any, Any, Any]] = form.fields if isinstance(form, Serializer) else {}
    return {name: _merged(fields.get(name), shown.get(name), value) for name, value in patch.items()}


def _merged(field: Any, shown: Any, value: Any) -> Any:
    if not isinstance(value, Mapping) or not isinstance(shown, Mapping):
        return value
    if isinstance(field, Serializer):
        known: dict[str, Any] = {
            str(name): shown[name] for name in field.fields if name in shown and shown[name] is not None
        }
        return {**known, **merge_patch(field, known, value)}  # null is for the field to understand
    if isinstance(field, DictField):
        return {name: kept for name, kept in {**shown, **value}.items() if kept is not None}
    return value
