"""Where free texts name a person: every column of words in every table, but for those that have rules of their own."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models

from marketplace.privacy.inventory import HOLDINGS, SECRET, Fate, Holds
from marketplace.privacy.people import Identity, rows_of

LONG_ENOUGH = 60  # characters: a shorter column holds a code
AROUND = 40  # characters told before and after a name
# Written anew from the rows they copy (search), or spoken of one by one (audit), or not free text at all.
LEFT_OUT = frozenset({"audit", "search", "oauth2_provider", "sessions", "identity", "axes", "contenttypes", "auth"})
# What is kept to compute a run again: another word in it, and the digests no longer agree.
SEALED = frozenset({"matching.MatchRun", "matching.PlanLine"})
HELD = frozenset(f"{holding.model}.{holding.column}" for holding in HOLDINGS)


@dataclass(frozen=True, slots=True)
class Place:
    """One column of one row whose words name a person; ``around`` shows them, ``sealed`` ones cannot be changed."""

    model: str
    column: str
    key: int
    thing: str  # public id, or the key where the row has none
    around: str
    sealed: bool

    @property
    def name(self) -> str:
        """The place in one word, by which a person chooses it."""
        return f"{self.model}.{self.column}:{self.thing}"


def columns_of_words() -> "Iterator[tuple[type[models.Model], models.Field[Any, Any]]]":
    """Give every column that may hold words of people: long texts, texts by language, and JSON."""
    for model in apps.get_models():
        if model._meta.app_label in LEFT_OUT or model._meta.proxy:
            continue
        for column in model._meta.local_concrete_fields:
            if _holds_words(column) and str(column) not in HELD and column.name not in SECRET:
                yield model, column


def _holds_words(column: "models.Field[Any, Any]") -> bool:
    if isinstance(column, models.TextField | models.JSONField):
        return True
    if not isinstance(column, models.CharField) or isinstance(column, models.EmailField | models.URLField):
        return False
    return not (column.choices or column.unique or column.primary_key) and (column.max_length or 0) >= LONG_ENOUGH


def places_naming(who: Identity) -> Iterator[Place]:
    """Give each place that names the person, table by table. Reads every row of every column of words."""
    for model, column in columns_of_words():
        id_column = "public_id" if any(field.name == "public_id" for field in model._meta.fields) else "pk"
        rows = model._default_manager.order_by("pk").values_list("pk", id_column, column.name)
        for key, thing, value in rows.exclude(_goes_anyway(model, who)).iterator():
            found = next((text for text in texts_in(value) if who.is_named_in(text)), None)
            if found is not None:
                label = model._meta.label
                yield Place(label, column.name, key, str(thing), _around(found, who), label in SEALED)


def _goes_anyway(model: type[models.Model], who: Identity) -> models.Q:
    """Rows of the person alone, which erasing deletes or hollows out."""
    found = models.Q(pk__in=[])
    for holding in HOLDINGS:
        if holding.model == model._meta.label and (holding.fate is Fate.DELETED or holding.holds is Holds.ITSELF):
            found |= models.Q(pk__in=rows_of(holding, who).values("pk"))
    return found


def texts_in(value: Any) -> Iterator[str]:
    """Give the texts of a value, be it a text or JSON of any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts_in(part)


def rewritten(value: Any, change: Callable[[str], str]) -> Any:
    """Give a value with every text in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: rewritten(part, change) for key, part in value.items()}
    if isinstance(value, list):
        return [rewritten(part, change) for part in value]
    return value


def _around(text: str, who: Identity) -> str:
    start, end = who.first_naming(text)
    shown = text[max(0, start - AROUND) : end + AROUND]
    return re.sub(r"\s+", " ", shown).strip()
