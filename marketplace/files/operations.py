"""Attaching documents to things and taking them off; who may do so, the thing's own app checks."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from urllib.parse import urlsplit
from uuid import UUID

from django.db import transaction

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization
from marketplace.files.models import Confidentiality, Document
from marketplace.files.uploads import take_upload
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from marketplace.records.models import LifecycleRecord, Record
from marketplace.vocabularies import queries as vocabularies

LARGEST_BYTES = 2**40  # a figure beyond it is a mistake
MEDIA_TYPE = re.compile(r"^[a-z]+/[a-z0-9][a-z0-9.+-]{0,80}$")  # RFC 6838, lower case
SHA256 = re.compile(r"^[0-9a-f]{64}$")
LEVELS = tuple(level.value for level in Confidentiality)


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What a caller says of a document; its content was uploaded, or is kept at ``url`` (https) or under
    ``external_reference``. Of an upload the product itself knows type, size and hash.
    """

    kind: str
    title: str
    language: str
    confidentiality: str = Confidentiality.PARTIES.value
    media_type: str = ""
    size_bytes: int | None = None
    sha256: str = ""
    url: str = ""
    external_reference: str = ""
    issued_on: date | None = None
    upload: UUID | None = None


@transaction.atomic
def attach_document(
    *, actor: Actor, at: datetime, about: Record, organization: Organization, facts: DocumentFacts
) -> Document:
    """Attach a document of ``organization`` to ``about``, with audit record and event.

    Raises DomainError(rule_broken) naming each wrong field, and DomainError(unknown_reference) for an upload that is not
    the caller's to attach. Who may attach is checked by the caller.
    """
    errors = [error for check in CHECKS for error in check(facts)]
    if errors:
        raise DomainError(ErrorCode.RULE_BROKEN, errors=errors)
    content = take_upload(facts.upload, actor=actor, at=at) if facts.upload else None
    if content is not None:
        facts = replace(facts, media_type=content.media_type, size_bytes=content.size_bytes, sha256=content.sha256)
    document = Document(
        about_resource=about.resource,
        about_id=about.public_id,
        about_reference=about.reference_text,
        organization=organization,
        kind=facts.kind,
        title=facts.title.strip(),
        language=facts.language,
        confidentiality=facts.confidentiality,
        media_type=facts.media_type,
        size_bytes=facts.size_bytes,
        sha256=facts.sha256,
        url=facts.url,
        external_reference=facts.external_reference,
        issued_on=facts.issued_on,
        content=content,
        added_by=actor.label,
    )
    document.thing = about
    lifecycles.insert(document, actor=actor, at=at, changes={"kind": facts.kind, "about": about.reference_text})
    return document


@dataclass(frozen=True, slots=True)
class Remover:
    """For whom a caller may take documents off a thing: the organizations they speak for there, or the secretariat.

    ``permission`` is the one that a caller on no side lacks.
    """

    organization_ids: Collection[int]
    secretariat: bool
    permission: str


@transaction.atomic
def remove_document(
    document: Document,
    *,
    about: Record,
    remover: Remover,
    actor: Actor,
    at: datetime,
    expected_version: int | None = None,
) -> Document:
    """Take a document off its thing, for the party that it is from or as the secretariat: no side takes off what
    another has put on record, and nothing leaves the record of a thing that has ended.

    The row stays for the timeline, and taking it off again changes nothing. Raises DomainError(permission_denied,
    wrong_state), and DomainError(precondition_failed) when the caller read an older version.
    """
    if not remover.secretariat and document.organization_id not in remover.organization_ids:
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission=remover.permission)
    if isinstance(about, LifecycleRecord) and about.state in about.lifecycle.final:
        raise lifecycles.wrong_state(about, "remove-document")
    row = lifecycles.lock(Document.objects.filter(pk=document.pk), expected_version=expected_version)
    if row.removed_at is not None:
        return row
    row.removed_at, row.removed_by = at, actor.label
    row.thing = about
    lifecycles.record_change(row, "removed", actor=actor, at=at)
    return row


# --- what a caller may say ----------------------------------------------------------------------------------------


def _codes(facts: DocumentFacts) -> Iterable[FieldError]:
    named = (("document_kinds", facts.kind, "/kind"), ("languages", facts.language, "/language"))
    found = (vocabularies.check_code(scheme, code, pointer) for scheme, code, pointer in named)
    yield from (error for error in found if error)
    if facts.confidentiality not in LEVELS:
        detail = _("This is not a level of confidentiality.")
        yield FieldError("/confidentiality", "unknown_code", detail, LEVELS)


def _title(facts: DocumentFacts) -> Iterable[FieldError]:
    if not facts.title.strip():
        yield FieldError("/title", "blank", _("A document needs a title."))


def _place(facts: DocumentFacts) -> Iterable[FieldError]:
    if not facts.url and not facts.external_reference and facts.upload is None:
        detail = _("Say where the document is kept: an upload, an address or a reference.")
        yield FieldError("/url", "document_nowhere", detail)
    if facts.url and not _is_safe_address(facts.url):
        detail = _("An address begins with https:// and holds no user name or password.")
        yield FieldError("/url", "unsafe_address", detail)


def _is_safe_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = url.isprintable() and " " not in url and "\\" not in url
    return plain and parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc


def _content(facts: DocumentFacts) -> Iterable[FieldError]:
    said = {"media_type": facts.media_type, "size_bytes": facts.size_bytes, "sha256": facts.sha256}
    if facts.upload is not None:
        detail = _("Type, size and hash of an upload are known already: leave them out.")
        yield from (FieldError(f"/{name}", "known_already", detail) for name, value in said.items() if value)
        return
    if facts.media_type and not MEDIA_TYPE.fullmatch(facts.media_type):
        yield FieldError("/media_type", "media_type", _("A media type looks like application/pdf."))
    if facts.size_bytes is not None and not 0 <= facts.size_bytes <= LARGEST_BYTES:
        detail = _("A size is between 0 and %(most)s bytes.")
        yield FieldError("/size_bytes", "out_of_range", detail, params={"most": LARGEST_BYTES})
    if facts.sha256 and not SHA256.fullmatch(facts.sha256):
        yield FieldError("/sha256", "sha256", _("A SHA-256 has 64 hexadecimal digits in lower case."))


CHECKS = (_codes, _title, _place, _content)
