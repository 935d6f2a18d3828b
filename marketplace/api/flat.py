"""Values of answers and bodies as the text of one cell: what imports read is what exports write."""

from collections.abc import Mapping
from typing import Any

from marketplace.api.renderers import dump

SEPARATOR = ";"  # between the plain values of a list


def cell_of(value: Any) -> str:
    """Write a value as text: a list of plain values with semicolons, whatever is nested as JSON, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return _list(value)
    return dump(value).decode().strip('"') if not isinstance(value, int | float) else str(value)


def _list(value: Any) -> str:
    plain = not any(isinstance(one, list | tuple | Mapping) or one is None or SEPARATOR in str(one) for one in value)
    if plain and not str(next(iter(value), "")).startswith("["):
        return SEPARATOR.join(cell_of(one) for one in value)
    return dump(list(value)).decode()
