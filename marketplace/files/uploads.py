"""Uploads: a file is sent first and attached afterwards, under its id, by the same caller within a day."""

import hashlib
import re
import unicodedata
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from marketplace.accounts.actors import Actor
from marketplace.files import storage
from marketplace.files.content import FileRefusedError, check
from marketplace.files.models import Document, StoredFile
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles

FILE_NAME_LENGTH = 150  # characters
IN_NO_NAME = (
    r'\x00-\x1f\x7f-\x9f/\\:*?"<>|\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff'  # paths, wildcards, what is not seen
)
FILE_NAME = rf"^[^\s.{IN_NO_NAME}][^{IN_NO_NAME}]*\.([A-Za-z0-9]{{1,8}})$"
ATTACH_WITHIN = timedelta(days=1)
KEPT_AFTER_REMOVAL = timedelta(days=30)
SWEPT_AT_ONCE = 500  # rows in one run


def keep_upload(*, actor: Actor, at: datetime, file_name: str, content: bytes) -> StoredFile:
    """Store a file for ``actor`` under an opaque name, after finding that it is what its name says and harmless.

    ``file_name`` is what people call it, never a path. Raises DomainError(invalid_input) for the name and
    DomainError(rule_broken) for the content.
    """
    name = unicodedata.normalize("NFC", file_name.strip())
    found = re.match(FILE_NAME, name)
    if found is None or len(name) > FILE_NAME_LENGTH:
        detail = _(
            "A file name has at most %(limit)s characters, no path and no control characters, and ends in its kind."
        )
        error = FieldError("?file_name", "file_name", detail, params={"limit": FILE_NAME_LENGTH})
        raise DomainError(ErrorCode.INVALID_INPUT, errors=[error])
    try:
        media_type = check(content, found[1].lower())
    except FileRefusedError as refused:
        raise DomainError(ErrorCode.RULE_BROKEN, errors=[refused.error]) from None
    stored = StoredFile(
        name=storage.write(content),
        file_name=name,
        media_type=media_type,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        uploaded_by=owner_of(actor),
    )
    with transaction.atomic():
        lifecycles.insert(stored, actor=actor, at=at, changes={"sha256": stored.sha256})
    return stored


def owner_of(actor: Actor) -> str:
    """Name the caller to whom an upload belongs until it is attached."""
    return f"{actor.kind}:{actor.public_id}"


def take_upload(upload: UUID, *, actor: Actor, at: datetime) -> StoredFile:
    """Find and lock an upload of ``actor`` that is still to be attached. Raises DomainError(unknown_reference)."""
    own = StoredFile.objects.select_for_update().filter(
        public_id=upload, uploaded_by=owner_of(actor), purged_at__isnull=True, created_at__gt=at - ATTACH_WITHIN
    )
    found = own.first()
    if found is None or Document.objects.filter(content=found).exists():
        detail = _("This is no upload of yours that is still to be attached.")
        raise DomainError(ErrorCode.UNKNOWN_REFERENCE, errors=[FieldError("/upload", "unknown_reference", detail)])
    return found


def hold_upload(upload: UUID, *, actor: Actor, at: datetime, until: datetime) -> StoredFile:
    """Find an upload of ``actor`` and keep its file until then, for work that reads it. Raises DomainError(unknown_reference)."""
    stored = take_upload(upload, actor=actor, at=at)
    if stored.kept_until is None or stored.kept_until < until:
        stored.kept_until = until
        stored.save(update_fields=["kept_until"])
    return stored


def content_of(document: Document) -> tuple[StoredFile, bytes]:
    """Read the content of a document. Raises DomainError(not_found) where it has none, or has it no longer."""
    stored = document.content
    if stored is None or stored.purged_at is not None:
        raise DomainError(ErrorCode.NOT_FOUND)
    content = storage.read(stored.name)
    if hashlib.sha256(content).hexdigest() != stored.sha256:
        raise OSError(f"the stored file {stored.public_id} is not what was uploaded")
    return stored, content


def sweep(*, at: datetime) -> int:
    """Delete files that nobody needs: never attached within a day and not held by work, of documents taken off a month ago, and strays.

    Return how many; the rows stay, with the hash of what there was. Raises FileNotFoundError where there is something to delete and no
    folder of files: another worker may have it, and no row says that its file is gone before somebody could look.
    """
    free = Q(kept_until__isnull=True) | Q(kept_until__lt=at)
    unattached = Q(document__isnull=True, created_at__lt=at - ATTACH_WITHIN) & free
    taken_off = Q(document__removed_at__lt=at - KEPT_AFTER_REMOVAL)
    rows = StoredFile.objects.filter(unattached | taken_off, purged_at__isnull=True).order_by("pk")[:SWEPT_AT_ONCE]
    done = 0
    for stored in rows:
        storage.delete(stored.name)
        done += StoredFile.objects.filter(pk=stored.pk).update(purged_at=at, updated_at=at)
    return done + _sweep_strays(at)


def _sweep_strays(at: datetime) -> int:
    """Delete what a crash left without a row, and what a row calls purged although it is still there.

    The second is left by a sweep in a process that saw another folder: who marked the row could not delete the file.
    """
    strays = {path.name: path for path in storage.files_before(at - ATTACH_WITHIN)}
    kept = set(StoredFile.objects.filter(name__in=strays, purged_at__isnull=True).values_list("name", flat=True))
    for name in strays.keys() - kept:
        strays[name].unlink(missing_ok=True)
    return len(strays.keys() - kept)
