"""Values of a JSON document that know where they stand, and refuse by name what they should not be."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from matching.engine.errors import EngineError
from matching.engine.keeping.reading import amount_of, day_of, shown

BAD_INSTANCE = "bad_instance"
NAMED = 20  # allowed values that a message lists


class Missing:
    """What a member that is not there has for a value."""


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its JSON pointer (RFC 6901). The API shows "" or null for what is not known: both count as missing.

    Every reader raises EngineError(bad_instance), its subject the pointer, its detail what was expected.
    """

    value: object
    pointer: str = ""

    @property
    def is_missing(self) -> bool:
        """Tell whether there is nothing here."""
        return self.value is MISSING or self.value is None or self.value == ""

    def refuse(self, expected: str) -> EngineError:
        """Make the refusal of this very value."""
        found = "nothing is there" if self.value is MISSING else f"found {shown(self.value)}"
        return EngineError(BAD_INSTANCE, self.pointer, f"{expected}; {found}")

    # --- objects and lists ---
    def member(self, name: str) -> "Node":
        """Give a member of an object; one that is not there is missing."""
        if not isinstance(self.value, dict):
            raise self.refuse("expected an object")
        step = name.replace("~", "~0").replace("/", "~1")
        return Node(self.value.get(name, MISSING), f"{self.pointer}/{step}")

    def members(self) -> dict[str, "Node"]:
        """Give all members of an object by name, none where it is missing."""
        if self.is_missing:
            return {}
        if not isinstance(self.value, dict):
            raise self.refuse("expected an object")
        return {name: self.member(name) for name in self.value}

    def only(self, known: Iterable[str]) -> "Node":
        """Give this object again after making sure that it has no other members than these."""
        allowed = list(known)
        for name, node in self.members().items():
            if name not in allowed:
                raise EngineError(BAD_INSTANCE, node.pointer, f"this name is not known here; {_allowed(allowed)}")
        return self

    def items(self) -> list["Node"]:
        """Give the entries of a list, none where it is missing."""
        if self.is_missing:
            return []
        if not isinstance(self.value, list):
            raise self.refuse("expected a list")
        return [Node(entry, f"{self.pointer}/{number}") for number, entry in enumerate(self.value)]

    # --- single values ---
    def text(self) -> str:
        """Read a text that is not empty."""
        if not isinstance(self.value, str) or not self.value:
            raise self.refuse("expected a text that is not empty")
        return self.value

    def text_or(self, default: str | None) -> str | None:
        """Read a text, or give the default where it is missing."""
        return default if self.is_missing else self.text()

    def code(self, allowed: Collection[str]) -> str:
        """Read one of the allowed codes; without any, every text is one."""
        found = self.text()
        if allowed and found not in allowed:
            raise self.refuse(_allowed(allowed))
        return found

    def code_or(self, allowed: Collection[str], default: str | None) -> str | None:
        """Read one of the allowed codes, or give the default where it is missing."""
        return default if self.is_missing else self.code(allowed)

    def codes(self, allowed: Collection[str]) -> frozenset[str]:
        """Read a list of codes."""
        return frozenset(entry.code(allowed) for entry in self.items())

    def whole(self, least: int, most: int = 10**12) -> int:
        """Read a whole number within bounds."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or not least <= self.value <= most:
            raise self.refuse(f"expected a whole number from {least} to {most}")
        return self.value

    def whole_or(self, default: int, least: int = 0) -> int:
        """Read a whole number, or give the default where it is missing."""
        return default if self.is_missing else self.whole(least)

    def truth(self, *, default: bool) -> bool:
        """Read true or false, or give the default where it is missing."""
        if self.is_missing:
            return default
        if not isinstance(self.value, bool):
            raise self.refuse("expected true or false")
        return self.value

    def day(self) -> date:
        """Read a day."""
        found = day_of(self.value)
        if found is None:
            raise self.refuse("expected a day as YYYY-MM-DD")
        return found

    def day_or(self, default: date | None) -> date | None:
        """Read a day, or give the default where it is missing."""
        return default if self.is_missing else self.day()

    def amount(self) -> Decimal:
        """Read an amount of money as the API writes it: a text of digits, not below 0."""
        found = amount_of(self.value)
        if found is None or found < 0:
            raise self.refuse('expected an amount as a text such as "24000.00"')
        return found

    def amount_or(self, default: Decimal | None) -> Decimal | None:
        """Read an amount, or give the default where it is missing."""
        return default if self.is_missing else self.amount()

    def texts(self) -> dict[str, str]:
        """Read a language map; empty texts are left out."""
        return {language: node.text() for language, node in self.members().items() if not node.is_missing}


def _allowed(codes: Collection[str]) -> str:
    found = sorted(codes)
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f"allowed are {', '.join(found[:NAMED])}{more}"
