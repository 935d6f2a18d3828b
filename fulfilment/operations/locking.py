"""Locks in the one order of the house (request, engagement, deliveries, capacity), and who may act on what is locked."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time

from django.db.models import Prefetch

from fulfilment.models import Delivery, Engagement
from fulfilment.queries.rights import (
    Rights,
    has_not_begun,
    is_recused,
    need_is_gone,
    partner_ids,
    programme_of,
    rights_on,
    spoken_sides,
)
from marketplace.accounts.actors import Actor
from marketplace.accounts.permissions import check
from marketplace.accounts.queries import conflict_of
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.lifecycles.operations import lock, wrong_state
from marketplace.vocabularies import queries as vocabularies
from providers import queries as catalogue
from requests_app import operations as requests

OPENING = time(9)  # the hour at which a dated step falls due, UTC


def lock_engagement(engagement_id: int, *, expected_version: int | None = None) -> Engagement:
    """Lock an engagement after its request. Raises DomainError(not_found, precondition_failed)."""
    request_id = Engagement.objects.filter(pk=engagement_id).values_list("request_id", flat=True).first()
    if request_id is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    requests.lock_request(request_id=request_id)
    rows = Engagement.objects.select_related("request__programme", "lead_organization", "requesting_organization")
    return lock(rows.filter(pk=engagement_id), expected_version=expected_version)


def lock_deliveries(engagement: Engagement) -> list[Delivery]:
    """Lock all deliveries of a locked engagement, by number; each knows this very engagement."""
    rows = (
        Delivery.objects.select_for_update(of=("self",))
        .filter(engagement=engagement)
        .select_related("provider", "offering", "session")
        .prefetch_related(Prefetch("participation"))
        .order_by("number")
    )
    deliveries = list(rows)
    for delivery in deliveries:
        delivery.engagement = engagement
    return deliveries


def lock_delivery(
    delivery_id: int, *, expected_version: int | None = None
) -> tuple[Engagement, list[Delivery], Delivery]:
    """Lock the engagement of a delivery and all its deliveries. Raises DomainError(not_found, precondition_failed)."""
    engagement_id = Delivery.objects.filter(pk=delivery_id).values_list("engagement_id", flat=True).first()
    if engagement_id is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    deliveries = lock_deliveries(engagement)
    return engagement, deliveries, next(row for row in deliveries if row.pk == delivery_id)


# --- who may -----------------------------------------------------------------------------------------------------


def check_lead(engagement: Engagement, actor: Actor, at: datetime) -> Rights:
    """Raise DomainError(permission_denied) unless the actor is staff of the lead, or the secretariat acting for it."""
    rights = rights_on(engagement, actor, at)
    if not (rights.lead or rights.secretariat):
        _refuse(Permission.ENGAGEMENTS_DELIVER, engagement.lead_organization_id, engagement, actor, at)
    return rights


def check_deliverer(delivery: Delivery, actor: Actor, at: datetime) -> Rights:
    """Raise DomainError(permission_denied) unless the actor is staff of who delivers, of the lead, or the secretariat."""
    engagement = delivery.engagement
    rights = rights_on(engagement, actor, at)
    if not (rights.lead or rights.secretariat):
        organization_id = delivery.provider.organization_id
        programme = programme_of(engagement)
        check(actor, Permission.ENGAGEMENTS_DELIVER, at=at, organization_id=organization_id, programme=programme)
    return rights


def check_requester(engagement: Engagement, actor: Actor, at: datetime) -> Rights:
    """Raise DomainError(permission_denied) unless the actor is a focal point of the requesting organization."""
    rights = rights_on(engagement, actor, at)
    if not rights.requester:
        _refuse(Permission.ENGAGEMENTS_CONFIRM, engagement.requesting_organization_id, engagement, actor, at)
    return rights


def check_secretariat(
    engagement: Engagement, actor: Actor, at: datetime, permission: Permission = Permission.ENGAGEMENTS_MANAGE
) -> None:
    """Raise DomainError(permission_denied) unless the actor is an officer of the secretariat with ``permission``."""
    if not rights_on(engagement, actor, at).secretariat:
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission=permission.value)
    check(actor, permission, at=at)


def check_unconcerned(engagement: Engagement, actor: Actor, at: datetime, offering_ids: Collection[int] = ()) -> None:
    """Raise DomainError(recused) when the actor belongs to a partner of the engagement (domain rule 4), or to one whom a
    change to ``offering_ids`` would bring in.
    """
    if is_recused(engagement, actor, at, offering_ids):
        brought = catalogue.offering_organizations(offering_ids).values()
        organization = conflict_of(actor, partner_ids(engagement).union(*brought), at)
        raise DomainError(ErrorCode.RECUSED, organization=organization.code if organization else "")


def check_side(
    engagement: Engagement, actor: Actor, at: datetime, offering_ids: Collection[int] = ()
) -> frozenset[str]:
    """Give the sides for which the actor may speak about a change to ``offering_ids``.

    Raises DomainError(permission_denied) where there is none, DomainError(recused) for an officer who belongs to a partner
    and has no other side to speak for.
    """
    rights = rights_on(engagement, actor, at)
    if not rights.sides:
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission=Permission.ENGAGEMENTS_MANAGE.value)
    sides = spoken_sides(engagement, rights, actor, at, offering_ids)
    if not sides:
        check_unconcerned(engagement, actor, at, offering_ids)
    return sides


def _refuse(permission: Permission, organization_id: int, engagement: Engagement, actor: Actor, at: datetime) -> None:
    programme = programme_of(engagement)
    check(actor, permission, at=at, organization_id=organization_id, programme=programme)
    raise DomainError(ErrorCode.PERMISSION_DENIED, permission=permission.value)


# --- what is written ---------------------------------------------------------------------------------------------


def check_open(record: Engagement, verb: str, states: frozenset[str]) -> None:
    """Raise DomainError(wrong_state) unless the engagement is in one of ``states``."""
    if record.state not in states:
        raise wrong_state(record, verb)


def check_need_lives(engagement: Engagement, verb: str) -> None:
    """Raise DomainError(wrong_state) for a locked engagement that has not begun and whose request is gone.

    The job that follows the end of a request ends it. Until that job has run, whoever would begin has to look.
    """
    if has_not_begun(engagement) and need_is_gone(engagement):
        raise wrong_state(engagement.request, verb)


def need_code(scheme: str, code: str, pointer: str) -> None:
    """Raise DomainError(unknown_reference) unless the vocabulary has the code."""
    error = vocabularies.check_code(scheme, code, pointer)
    if error is not None:
        raise DomainError(ErrorCode.UNKNOWN_REFERENCE, errors=[error])


def moment(day: date | None, *, after: datetime) -> datetime | None:
    """Turn a day into the moment at which a step falls due; None when it is unknown or not after ``after``."""
    if day is None:
        return None
    due = datetime.combine(day, OPENING, tzinfo=UTC)
    return due if due > after else None
