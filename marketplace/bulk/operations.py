"""What a caller decides about an import: that it begins, and that it ends."""

from datetime import datetime, timedelta
from pathlib import PurePath
from uuid import UUID

from django.db import transaction

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.journal import note
from marketplace.accounts.roles import Permission
from marketplace.bulk.models import OPEN, Import, ImportStatus
from marketplace.files.uploads import hold_upload, owner_of
from marketplace.kernel.errors import DomainError, ErrorCode, rule_broken
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from marketplace.work import operations as work

KIND = "bulk.import"
FILE_KEPT = timedelta(days=7)  # an import that has not ended by then never will


@transaction.atomic
def request_import(
    *,
    actor: Actor,
    at: datetime,
    target: str,
    permission: Permission,
    format: str,  # noqa: A002  as the API calls it
    mode: str,
    dry_run: bool,
    from_export: bool = False,
    upload: UUID,
    language: str,
) -> Import:
    """Take a file that the actor has uploaded for import, and enqueue the job; the rows are judged there, one by one.

    Raises DomainError(unknown_reference) for an upload that is not the actor's, rule_broken where the file is of another
    format, permission_denied or insufficient_scope where the actor may write such things nowhere.
    """
    if not actor.is_system and not permissions.in_scope(actor, permission):
        permissions.check(actor, permission, at=at)
    stored = hold_upload(upload, actor=actor, at=at, until=at + FILE_KEPT)
    if PurePath(stored.file_name).suffix.lower() != f".{format}":
        detail = _("The file that was uploaded is called %(name)s.")
        raise rule_broken("/format", "other_format", detail, name=stored.file_name)
    row = Import(
        target=target,
        format=format,
        mode=mode,
        dry_run=dry_run,
        from_export=from_export,
        upload=stored,
        requested_by=owner_of(actor),
        scopes=None if actor.scopes is None else sorted(actor.scopes),
        acting_for=actor.acting_for,
        language=language,
    )
    lifecycles.insert(row, actor=actor, at=at, changes={"sha256": stored.sha256})
    work.enqueue(KIND, {"import": str(row.public_id)}, at=at, key=f"import:{row.public_id}", priority=-1)
    return row


@transaction.atomic
def cancel_import(*, actor: Actor, at: datetime, import_id: int, expected_version: int | None = None) -> Import:
    """Call an import off; what was written stays, and no further row is. Raises DomainError(wrong_state)."""
    row = lifecycles.lock(Import.objects.filter(pk=import_id), expected_version=expected_version)
    if row.status not in OPEN:
        raise DomainError(
            ErrorCode.WRONG_STATE, verb="cancel", state=row.status, allowed="-", allowed_actions=(), resource="import"
        )
    end(row, ImportStatus.CANCELLED, "cancelled", actor=actor, at=at)
    return row


def end(row: Import, status: ImportStatus, action: str, *, actor: Actor, at: datetime) -> None:
    """Write the end of a locked import, with the pair that every change leaves."""
    row.status, row.finished_at, row.updated_at = status, at, at
    row.version += 1
    row.save()
    counts = {name: getattr(row, name) for name in ("created", "changed", "unchanged", "refused")}
    note(row, action, actor=actor, at=at, changes={"status": ["", str(status)], **counts})
