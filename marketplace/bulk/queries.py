"""Reads of imports."""

from datetime import datetime

from django.db.models import QuerySet

from marketplace.accounts.actors import Actor
from marketplace.bulk.models import Import, ImportRow
from marketplace.files.uploads import owner_of


def imports_visible_to(actor: Actor, *, at: datetime) -> QuerySet[Import]:
    """Give the imports that the very caller has asked for; nobody else's business, until it is written."""
    if actor.kind not in ("user", "client"):
        return Import.objects.none()
    return Import.objects.filter(requested_by=owner_of(actor))


def import_rows() -> QuerySet[ImportRow]:
    """Give the rows that were kept, of all imports."""
    return ImportRow.objects.all()
