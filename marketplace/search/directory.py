"""The directory: organizations, programmes and context events, found by their names, other names and codes."""

from collections.abc import Iterable, Mapping

from django.db.models import Model

from marketplace.accounts.models import ContextEvent, Organization, Programme
from marketplace.search.operations import Text, index_many

ALWAYS = ("en", "fr")  # languages in which everything can be found, by its English name where it has no other
KINDS: Mapping[str, type[Model]] = {"organization": Organization, "programme": Programme, "context_event": ContextEvent}


def index_directory(kind: str, *, public_ids: Iterable[str] | None = None) -> int:
    """Write the words of things of one kind anew (of all when none is named); returns how many."""
    rows = KINDS[kind]._default_manager.order_by("pk")
    if kind == "organization":
        rows = rows.prefetch_related("aliases")
    if public_ids is not None:
        rows = rows.filter(public_id__in=list(public_ids))
    texts = {row.pk: texts_of(row) for row in rows}
    index_many(kind, texts)
    return len(texts)


def texts_of(thing: Model) -> dict[str, Text]:
    """Give the words of a thing by language."""
    names: Mapping[str, str] = thing.names  # type: ignore[attr-defined]
    other = [alias.text for alias in thing.aliases.all()] if isinstance(thing, Organization) else []
    body = " ".join([thing.code, *other])  # type: ignore[attr-defined]
    return {language: Text(names.get(language) or names.get("en", ""), body) for language in sorted({*ALWAYS, *names})}
