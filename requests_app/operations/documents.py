"""Papers about a request: what is known of them; their content is kept elsewhere."""

from datetime import datetime

from django.db import transaction

from marketplace.accounts import permissions
from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.files import operations as files
from marketplace.files import queries as papers
from marketplace.files.models import Document
from marketplace.files.operations import DocumentFacts
from requests_app import queries
from requests_app.models import TrainingRequest
from requests_app.operations.locking import check_either, lock_request


@transaction.atomic
def attach_document(*, actor: Actor, at: datetime, request_id: int, facts: DocumentFacts) -> Document:
    """Attach a document to a request, as its requester or the secretariat.

    Raises DomainError(permission_denied) and DomainError(rule_broken) naming each wrong field.
    """
    request = lock_request(request_id=request_id)
    check_either(request, actor, at)
    screens = permissions.can(actor, Permission.REQUESTS_SCREEN, at=at)
    own = accounts.secretariat_organization(at.date()) if screens else None
    organization = own or request.requesting_organization
    return files.attach_document(actor=actor, at=at, about=request, organization=organization, facts=facts)


@transaction.atomic
def remove_document(*, actor: Actor, at: datetime, document_id: int, expected_version: int | None = None) -> Document:
    """Take a document off its request, for the requester that it is from, or as the secretariat.

    Raises DomainError(not_found, permission_denied, precondition_failed), and wrong_state once the request has ended.
    """
    document, found = papers.document_and_thing(document_id, TrainingRequest.objects.all())
    request = lock_request(request_id=found.pk)
    screens = permissions.can(actor, Permission.REQUESTS_SCREEN, at=at)
    own = {request.requesting_organization_id} if queries.writes_for(request, actor, at=at) else set()
    remover = files.Remover(own, screens, Permission.REQUESTS_SCREEN.value)
    return files.remove_document(
        document, about=request, remover=remover, actor=actor, at=at, expected_version=expected_version
    )
