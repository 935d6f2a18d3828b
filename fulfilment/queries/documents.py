"""Documents of an engagement, as far as their confidentiality allows."""

from datetime import datetime

from django.db.models import QuerySet

from fulfilment.models import Engagement
from marketplace.accounts.actors import Actor
from marketplace.accounts.permissions import is_secretariat, organization_ids
from marketplace.files import queries as files
from marketplace.files.models import Document


def documents_of(engagement: Engagement, actor: Actor, *, at: datetime) -> QuerySet[Document]:
    """Give the documents of an engagement that ``actor`` reads: a party whatever its role, an auditor the public ones.

    That the reader sees the engagement itself is checked by the caller.
    """
    ids = organization_ids(actor, at, "engagements")
    return files.documents_of(
        engagement,
        is_party=engagement.parties.filter(organization_id__in=ids).exists(),
        is_secretariat=is_secretariat(actor, at),
    )
