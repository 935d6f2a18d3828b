"""Members of a JSON instance, read strictly: whatever is wrong is named by its JSON pointer (RFC 6901) and what is allowed.

Each function takes a parsed value and the pointer at which it stands, and raises EngineError(bad_instance).
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from matching.engine.errors import EngineError
from matching.engine.keeping.reading import shown

BAD_INSTANCE = "bad_instance"

Value = TypeVar("Value")


def refuse(pointer: str, detail: str) -> EngineError:
    """Make the refusal of what stands at a pointer."""
    return EngineError(BAD_INSTANCE, pointer, detail)


def escaped(name: str) -> str:
    """Write a member's name as a step of a pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def object_of(value: object, at: str, members: Sequence[str], needed: Sequence[str]) -> dict[str, object]:
    """Return an object that has no members but those allowed, and all that are needed."""
    if not isinstance(value, dict):
        raise refuse(at, f"expected an object, found {shown(value)}")
    for name in value:
        if name not in members:
            raise refuse(f"{at}/{escaped(name)}", f"unknown; allowed are {', '.join(members)}")
    for name in needed:
        if name not in value:
            raise refuse(f"{at}/{name}", "missing")
    return value


def list_of(value: object, at: str, read: Callable[[object, str], Value]) -> list[Value]:
    """Return the entries of a list, each read by `read(entry, pointer)`."""
    if not isinstance(value, list):
        raise refuse(at, f"expected a list, found {shown(value)}")
    return [read(entry, f"{at}/{number}") for number, entry in enumerate(value)]


def word(value: object, at: str) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise refuse(at, f"expected a text that is not empty, found {shown(value)}")
    return value


def whole(value: object, at: str, least: int = 0, most: int | None = None) -> int:
    """Return a whole number between two others, both allowed; without `most` from the first on."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least or (most is not None and value > most):
        allowed = f"from {least} on" if most is None else f"from {least} to {most}"
        raise refuse(at, f"expected a whole number {allowed}, found {shown(value)}")
    return value


def truth(value: object, at: str) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise refuse(at, f"expected true or false, found {shown(value)}")
    return value
