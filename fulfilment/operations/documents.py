"""Papers about an engagement: what is known of them; their content is kept elsewhere."""

from datetime import datetime

from django.db import transaction

from fulfilment.models import Engagement
from fulfilment.operations.locking import lock_engagement
from fulfilment.queries.rights import rights_on, speaks_for
from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.files import operations as files
from marketplace.files import queries as papers
from marketplace.files.models import Document
from marketplace.files.operations import DocumentFacts
from marketplace.kernel.errors import DomainError, ErrorCode


@transaction.atomic
def attach_document(*, actor: Actor, at: datetime, engagement_id: int, facts: DocumentFacts) -> Document:
    """Attach a document to an engagement, for a delivering party or the requester, or as the secretariat.

    Raises DomainError(not_found, permission_denied) and DomainError(rule_broken) naming each wrong field.
    """
    engagement = lock_engagement(engagement_id)
    organization = None
    if rights_on(engagement, actor, at).secretariat:
        organization = accounts.secretariat_organization(at.date())
    if organization is None:
        organization = next(iter(speaks_for(engagement, actor, at)), None)
    if organization is None:
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission=Permission.ENGAGEMENTS_DELIVER.value)
    return files.attach_document(actor=actor, at=at, about=engagement, organization=organization, facts=facts)


@transaction.atomic
def remove_document(*, actor: Actor, at: datetime, document_id: int, expected_version: int | None = None) -> Document:
    """Take a document off its engagement, for the party that it is from, or as the secretariat.

    Raises DomainError(not_found, permission_denied, precondition_failed), and wrong_state once the engagement has ended.
    """
    document, found = papers.document_and_thing(document_id, Engagement.objects.all())
    engagement = lock_engagement(found.pk)
    remover = files.Remover(
        frozenset(organization.pk for organization in speaks_for(engagement, actor, at)),
        rights_on(engagement, actor, at).secretariat,
        Permission.ENGAGEMENTS_MANAGE.value,
    )
    return files.remove_document(
        document, about=engagement, remover=remover, actor=actor, at=at, expected_version=expected_version
    )
