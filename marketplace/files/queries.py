"""Reading documents: always from a thing that the reader sees."""

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from django.db.models import QuerySet

from marketplace.files.models import Confidentiality, Document
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.records.models import Record

R = TypeVar("R", bound=Record)


def levels_for(*, is_party: bool, is_secretariat: bool) -> frozenset[Confidentiality]:
    """Give the levels of confidentiality that a reader of the thing may read."""
    if is_secretariat:
        return frozenset(Confidentiality)
    if is_party:
        return frozenset({Confidentiality.PUBLIC, Confidentiality.PARTIES})
    return frozenset({Confidentiality.PUBLIC})


def documents_of(about: Record, *, is_party: bool, is_secretariat: bool) -> QuerySet[Document]:
    """Give the documents of one thing that the reader may read, oldest first; those taken off are left out.

    That the reader sees the thing itself is checked by the caller.
    """
    levels = levels_for(is_party=is_party, is_secretariat=is_secretariat)
    return _live(levels).filter(about_resource=about.resource, about_id=about.public_id)


def documents_by_thing(
    resource: str, ids: Iterable[UUID], *, is_party: bool, is_secretariat: bool
) -> dict[UUID, list[Document]]:
    """Give the documents of many things of one kind in one query, by public id of the thing."""
    levels = levels_for(is_party=is_party, is_secretariat=is_secretariat)
    found: dict[UUID, list[Document]] = {}
    for document in _live(levels).filter(about_resource=resource, about_id__in=list(ids)):
        found.setdefault(document.about_id, []).append(document)
    return found


def find_document(public_id: UUID, *, about: Record) -> Document | None:
    """Find a document of ``about`` by its public id, whatever its level, also when taken off; None when it has no such."""
    return Document.objects.filter(public_id=public_id, about_resource=about.resource, about_id=about.public_id).first()


def document_and_thing(document_id: int, things: "QuerySet[R]") -> tuple[Document, R]:
    """Find a document by key, also when taken off, and the one of ``things`` that it is about.

    Raises DomainError(not_found) where it is about none of them.
    """
    document = Document.objects.filter(pk=document_id, about_resource=things.model.resource).first()
    thing = things.filter(public_id=document.about_id).first() if document else None
    if document is None or thing is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    return document, thing


def _live(levels: Iterable[Confidentiality]) -> QuerySet[Document]:
    wanted = [level.value for level in levels]
    return Document.objects.filter(removed_at__isnull=True, confidentiality__in=wanted).select_related(
        "organization", "content"
    )
