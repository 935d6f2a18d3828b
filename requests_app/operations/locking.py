"""Locking and the right to write: the first steps of every operation on a request (locks: request, then lines by key)."""

from collections.abc import Iterable
from datetime import datetime

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.lifecycles import operations as lifecycles
from requests_app.models import RequestLine, TrainingRequest

# Where a question, an endorsement or a share still serves somebody.
LIVE_STATES = frozenset({"submitted", "returned", "open", "matched", "in_delivery"})


def lock_request(*, request_id: int, expected_version: int | None = None) -> TrainingRequest:
    """Lock one request to the end of the transaction. Raises DomainError(not_found, precondition_failed)."""
    rows = TrainingRequest.everything.select_related("requesting_organization", "programme").filter(pk=request_id)
    return lifecycles.lock(rows, expected_version=expected_version)


def lock_lines(request: TrainingRequest, line_ids: Iterable[int] | None = None) -> list[RequestLine]:
    """Lock the lines of a locked request (all, or those given) by key; each knows ``request`` as its own object."""
    rows = RequestLine.objects.select_for_update(of=("self",)).filter(request=request).order_by("pk")
    lines = list(rows if line_ids is None else rows.filter(pk__in=list(line_ids)))
    for line in lines:
        line.request = request
    return lines


def check_writer(
    actor: Actor, at: datetime, *, organization_id: int, countries: Iterable[str] = (), programme: str | None = None
) -> None:
    """Raise DomainError(permission_denied) unless the actor may write for the organization, all countries and programme."""
    places: list[str | None] = [*sorted(set(countries))] or [None]
    for country in places:
        permissions.check(
            actor,
            Permission.REQUESTS_WRITE,
            at=at,
            organization_id=organization_id,
            country=country,
            programme=programme,
        )


def check_requester(request: TrainingRequest, actor: Actor, at: datetime) -> None:
    """Raise DomainError(permission_denied) unless the actor writes for the requesting organization within their scope."""
    countries = set(request.lines.exclude(country="").values_list("country", flat=True))
    if request.place_country and not countries:
        countries = {request.place_country}
    check_writer(
        actor,
        at,
        organization_id=request.requesting_organization_id,
        countries=countries,
        programme=request.programme.code if request.programme else None,
    )


def check_in_office(request: TrainingRequest, actor: Actor, at: datetime) -> None:
    """Raise DomainError(permission_denied) for who writes for the requester only by a grant, which is for a time."""
    owner = request.requesting_organization_id
    if not permissions.in_office(actor, Permission.REQUESTS_WRITE, at=at, organization_id=owner):
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission=Permission.REQUESTS_WRITE.value)


def check_screener(actor: Actor, at: datetime) -> None:
    """Raise DomainError(permission_denied) unless the actor screens requests for the group."""
    permissions.check(actor, Permission.REQUESTS_SCREEN, at=at)


def check_either(request: TrainingRequest, actor: Actor, at: datetime) -> None:
    """Raise DomainError(permission_denied) unless the actor is the requester or screens requests."""
    if not permissions.can(actor, Permission.REQUESTS_SCREEN, at=at):
        check_requester(request, actor, at)
