"""Requests can be imported, as drafts of their organizations."""

from collections.abc import Collection
from datetime import datetime

from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.bulk.targets import Target, check_same, list_target, one_by_one, record_with
from requests_app import operations, queries
from requests_app.api.serializers import RequestRowIn
from requests_app.models import TrainingRequest
from requests_app.operations import RequestContent


def change_request(
    *,
    actor: Actor,
    at: datetime,
    id: str,  # noqa: A002  as lists call it
    content: RequestContent,
    said: Collection[str],
    organization: str,
    external_id: str,
) -> TrainingRequest:
    """Change the request with this id. Raises DomainError(unknown_reference, rule_broken), and what the operation raises."""
    known = record_with(id, queries.requests_visible_to(actor, at=at).select_related("requesting_organization"))
    owner = known.requesting_organization
    names = {"requesting_organization": (owner.code, str(owner.public_id)), "external_id": (known.external_id,)}
    check_same({"requesting_organization": organization, "external_id": external_id}, names)
    return operations.refile_request(actor=actor, at=at, request_id=known.pk, content=content, said=said)


list_target(
    Target(
        "requests",
        RequestRowIn,
        Permission.REQUESTS_WRITE,
        "external_id",
        one_by_one(operations.file_request, "training_request"),
        change=one_by_one(change_request, "training_request"),
    )
)
