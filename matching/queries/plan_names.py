"""Names of a plan as people know them: the engine speaks of ids and slots, a reader of codes and dates."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from matching.engine import HYPOTHETICAL
from providers import queries as providers

Row = providers.CatalogueOffer | providers.NamedOffer
Rows = Mapping[str, Row]
SESSION, CAPACITY, PROVIDER = "session:", "capacity:", "provider:"


@dataclass(frozen=True, slots=True)
class PlanNames:
    """Words for candidates and capacities; what is not in it stays as it is."""

    words: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str | None) -> str | None:
        """Give the word for one name."""
        return None if name is None else self.words.get(name, name)

    def of_offerings(self) -> dict[str, str]:
        """Give the words for offerings alone, by public id."""
        return {name: word for name, word in self.words.items() if _is_id(name)}

    def only_in(self, value: Any) -> dict[str, str]:
        """Give those words that sentences of some stored data need."""
        found: dict[str, str] = {}
        self._collect(value, found)
        return found

    def _collect(self, value: Any, found: dict[str, str]) -> None:
        if isinstance(value, list):
            for entry in value:
                self._collect(entry, found)
        elif isinstance(value, dict):
            for entry in value.values():
                self._collect(entry, found)
        elif isinstance(value, str) and value in self.words:
            found[value] = self.words[value]

    def in_words(self, value: Any) -> Any:
        """Give stored data with every name in the parameters of a sentence put into words."""
        if isinstance(value, list):
            return [self.in_words(entry) for entry in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"code", "params"}:
            return {**value, "params": {name: self._named(entry) for name, entry in value["params"].items()}}
        return {name: self.in_words(entry) for name, entry in value.items()}

    def _named(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._named(entry) for entry in value]
        return self.words.get(value, value) if isinstance(value, str) else value


def plan_names(candidates: Iterable[str], capacities: Iterable[str], rows: Rows) -> PlanNames:
    """Make the words for candidates (`OFFER|SLOT`) and capacities (`session:ID`, `capacity:ID`, `provider:CODE`)."""
    slots = dict(_slots(rows))
    words = {name: _candidate(name, rows, slots) for name in candidates}
    words |= {name: slots.get(name, name.partition(":")[2]) for name in capacities}
    words |= {key: name_of(row) for key, row in rows.items()}
    return PlanNames(words)


def names_in(*values: Any) -> PlanNames:
    """Make the words for what some stored data names, reading these things and no others."""
    texts = {text for value in values for text in _texts(value)}
    candidates = {text for text in texts if "|" in text}
    capacities = {text for text in texts if text.startswith((SESSION, CAPACITY, PROVIDER))}
    slots = capacities | {text.split("|")[1] for text in candidates}
    rows = providers.named_offers(
        {text for text in (*texts, *(text.split("|")[0] for text in candidates)) if _is_id(text)},
        sessions={slot.removeprefix(SESSION) for slot in slots if slot.startswith(SESSION)},
        windows={slot.removeprefix(CAPACITY) for slot in slots if slot.startswith(CAPACITY)},
    )
    return plan_names(candidates, capacities, rows)


def _texts(value: Any) -> Iterable[str]:
    """Give every text that lies anywhere in stored data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple | dict):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from _texts(entry)


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def name_of(row: Row) -> str:
    """Give the code of an offering; without one its provider and its title in a language that it has."""
    titles = dict(row.titles)
    title = titles.get("en") or next((titles[language] for language in sorted(titles)), "")
    return row.code or f"{row.provider_code}: {title}"


def _slots(rows: Rows) -> Iterable[tuple[str, str]]:
    """Give sessions as "OFFERING 2027-03-08" and windows as "PROVIDER 2027-01-01/2027-06-30"."""
    for row in rows.values():
        for session in row.sessions:
            yield f"session:{session.public_id}", f"{name_of(row)} {session.start_on.isoformat()}"
        for window in row.windows:
            period = f"{window.start_on.isoformat()}/{window.end_on.isoformat()}"
            yield f"capacity:{window.public_id}", f"{row.provider_code} {period}"


def _candidate(name: str, rows: Rows, slots: Mapping[str, str]) -> str:
    """Give a candidate as its offering, with the date where it is a session; "(min.)" marks the smallest group.

    "(1+2)" names the lines that come together.
    """
    offer, slot, *more = name.split("|")
    code = name_of(rows[offer]) if offer in rows else offer.removeprefix(HYPOTHETICAL)
    shown = slots.get(slot, code) if slot.startswith("session:") else code
    marks = ["min." if mark == "least" else mark for mark in more]
    return f"{shown} ({', '.join(marks)})" if marks else shown
