"""Reading of the shipped files with errors that name the file and the record. Plain Python, no database."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

SHIPPED = Path(__file__).parent / "data"
LABEL_LANGUAGES = ("en", "fr", "es", "ar", "ru", "zh")
REQUIRED_LANGUAGES = ("en", "fr")


class DataFileError(Exception):
    """A vocabulary file that cannot be loaded: which file, which record, why."""

    def __init__(self, file: str, record: str, reason: str) -> None:
        super().__init__(f"{file}, {record}: {reason}")
        self.file = file
        self.record = record
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a file; every getter raises DataFileError naming the place."""

    file: str
    name: str
    fields: Mapping[str, object]

    def error(self, reason: str) -> DataFileError:
        """Make the error for this record."""
        return DataFileError(self.file, self.name, reason)

    def text(self, key: str, *, empty: bool = False) -> str:
        """Give a text field; an absent one counts as empty."""
        value = self.fields.get(key)
        if value is None:
            value = ""
        if not isinstance(value, str):
            raise self.error(f"{key} is not a text")
        if not value and not empty:
            raise self.error(f"{key} is missing")
        return value

    def labels(self, key: str) -> dict[str, str]:
        """Give a language map with English and French at least."""
        return self._checked({k: str(v) for k, v in self.mapping(key).items()}, key)

    def column_labels(self, prefix: str) -> dict[str, str]:
        """Give a language map from columns such as ``name_en``; empty ones are left out."""
        texts = {language: self.text(f"{prefix}{language}", empty=True) for language in LABEL_LANGUAGES}
        return self._checked({language: text for language, text in texts.items() if text}, f"{prefix}*")

    def mapping(self, key: str) -> Mapping[str, object]:
        """Give an object field; an absent one counts as empty."""
        value = self.fields.get(key) or {}
        if not isinstance(value, dict):
            raise self.error(f"{key} is not an object")
        return value

    def strings(self, key: str) -> list[str]:
        """Give a list of codes; an absent one counts as empty."""
        value = self.fields.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(f"{key} is not a list of texts")
        return list(value)

    def entries(self, key: str, name: str) -> list["Entry"]:
        """Give the records of a list field, each named by its own field ``name``."""
        value = self.fields.get(key)
        if not isinstance(value, list):
            raise self.error(f"{key} is not a list")
        return [entry_of(self.file, item, name, number) for number, item in enumerate(value, start=1)]

    def choice(self, key: str, allowed: Sequence[str]) -> str:
        """Give a text field that is one of ``allowed``."""
        value = self.text(key, empty="" in allowed)
        if value not in allowed:
            raise self.error(f"{key} is {value!r}, allowed are {', '.join(allowed)}")
        return value

    def flag(self, key: str) -> bool:
        """Give a field that says ``true`` or ``false``."""
        return self.choice(key, ("true", "false")) == "true"

    def whole(self, key: str) -> int:
        """Give a whole number of zero or more."""
        value = self.fields.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.error(f"{key} is not a whole number")
        return value

    def whole_or_none(self, key: str) -> int | None:
        """Give a whole number, or None where the field is empty."""
        return None if self.fields.get(key) is None else self.whole(key)

    def day(self, key: str) -> date:
        """Give an ISO date."""
        try:
            return date.fromisoformat(self.text(key))
        except ValueError as problem:
            raise self.error(f"{key} is not a date: {problem}") from problem

    def day_or_none(self, key: str) -> date | None:
        """Give an ISO date, or None where the field is empty."""
        return self.day(key) if self.text(key, empty=True) else None

    def positive(self, key: str) -> Decimal:
        """Give an exact decimal greater than zero."""
        try:
            value = Decimal(self.text(key))
        except InvalidOperation as problem:
            raise self.error(f"{key} is not a decimal number") from problem
        if not value.is_finite() or value <= 0:
            raise self.error(f"{key} is not greater than zero")
        return value

    def _checked(self, texts: dict[str, str], key: str) -> dict[str, str]:
        missing = [language for language in REQUIRED_LANGUAGES if not texts.get(language)]
        if missing:
            raise self.error(f"{key} has no text in {', '.join(missing)}")
        return texts


def entry_of(file: str, item: object, name: str, number: int) -> Entry:
    """Wrap one record, named by its field ``name`` or, lacking that, by its number in the list."""
    if not isinstance(item, dict):
        raise DataFileError(file, f"record {number}", "is not an object")
    own = item.get(name)
    return Entry(file, f"{name} {own}" if own else f"record {number}", item)


def read_json(path: Path) -> Entry:
    """Read a JSON file as one record. Raises DataFileError when it is absent or not JSON."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise DataFileError(path.name, "file", str(problem)) from problem
    if not isinstance(content, dict):
        raise DataFileError(path.name, "file", "is not an object")
    return Entry(path.name, "file", content)


def read_csv(path: Path, name: str, columns: Sequence[str]) -> Iterator[Entry]:
    """Give the rows of a CSV file, each named by its column ``name``. Raises DataFileError when columns are missing."""
    try:
        handle = path.open(encoding="utf-8", newline="")
    except OSError as problem:
        raise DataFileError(path.name, "file", str(problem)) from problem
    with handle:
        reader = csv.DictReader(handle)
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise DataFileError(path.name, "header", f"columns are missing: {', '.join(missing)}")
        for line, fields in enumerate(reader, start=2):
            if None in fields or None in fields.values():
                raise DataFileError(path.name, f"line {line}", f"does not have {len(reader.fieldnames or ())} columns")
            yield Entry(path.name, f"line {line} ({fields[name]})", fields)
