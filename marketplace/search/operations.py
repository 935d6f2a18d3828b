"""Filling the index. The caller's transaction holds the record and its words together."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from marketplace.search.models import SearchDocument
from marketplace.search.words import words

BATCH = 500


@dataclass(frozen=True, slots=True)
class Text:
    """What is searched in one language; words of the title weigh more."""

    title: str
    body: str = ""


def index(resource: str, record_id: int, texts: Mapping[str, Text]) -> None:
    """Replace the words of one record; ``texts`` is by language (BCP 47), empty takes the record out."""
    index_many(resource, {record_id: texts})


@transaction.atomic
def index_many(resource: str, texts_by_record: Mapping[int, Mapping[str, Text]]) -> None:
    """Replace the words of several records."""
    ids = list(texts_by_record)
    for start in range(0, len(ids), BATCH):
        SearchDocument.objects.filter(resource=resource, record_id__in=ids[start : start + BATCH]).delete()
    index_new({resource: texts_by_record})


def index_new(texts_by_resource: Mapping[str, Mapping[int, Mapping[str, Text]]]) -> None:
    """Write the words of records that have none yet, by resource and key."""
    documents = [
        SearchDocument(
            resource=resource,
            record_id=record_id,
            language=language,
            title=_stored(text.title),
            body=_stored(text.body),
        )
        for resource, texts_by_record in texts_by_resource.items()
        for record_id, texts in texts_by_record.items()
        for language, text in texts.items()
    ]
    SearchDocument.objects.bulk_create(documents, batch_size=BATCH)


def _stored(text: str) -> str:
    """Put a blank before every word, so that " word" counts beginnings of words."""
    return "".join(f" {word}" for word in words(text))
