"""Finding single things, and what may be done with them."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import unknown_reference
from marketplace.lifecycles import operations as lifecycles
from marketplace.records.lookups import sole
from providers.models import CapacityWindow, Offering, OfferingPartner, Provider, Session
from providers.queries.visibility import offerings_visible_to, providers_visible_to

T = TypeVar("T")
M = TypeVar("M", bound=Model)


def provider_by_code(code: str, pointer: str = "/provider") -> Provider:
    """Find a provider by code or public id; raises DomainError(unknown_reference) naming ``pointer``."""
    return _known(sole(Provider.objects.select_related("organization").filter(_named(code))), code, pointer)


def offering_by_reference(reference: str, pointer: str = "/offering", *, is_test: bool = False) -> Offering:
    """Find an offering by code or public id; raises DomainError(unknown_reference) naming ``pointer``."""
    rows = Offering.everything.filter(is_test=is_test).select_related("provider__organization", "programme")
    return _known(sole(rows.filter(_named(reference))), reference, pointer)


def find_provider(reference: str | UUID) -> Provider | None:
    """Find a provider by code or public id."""
    return sole(Provider.objects.select_related("organization").filter(_named(str(reference))))


def find_offering(reference: str | UUID) -> Offering | None:
    """Find an offering by code or public id, with its provider."""
    rows = Offering.objects.select_related("provider__organization", "programme")
    return sole(rows.filter(_named(str(reference))))


def find_session(reference: str | UUID) -> Session | None:
    """Find a session by code or public id, with its offering and provider."""
    rows = Session.objects.select_related("offering__provider__organization", "offering__programme")
    return sole(rows.filter(_named(str(reference))))


def find_window(reference: str | UUID) -> CapacityWindow | None:
    """Find a capacity window by code or public id, with its provider."""
    return sole(CapacityWindow.objects.select_related("provider__organization").filter(_named(str(reference))))


def offering_organizations(offering_ids: Iterable[int]) -> dict[int, frozenset[int]]:
    """Give for each offering the organizations behind it: the provider's own and the partners' (for recusal)."""
    wanted = list(offering_ids)
    found: dict[int, set[int]] = {
        pk: {organization_id}
        for pk, organization_id in Offering.objects.filter(pk__in=wanted).values_list("pk", "provider__organization_id")
    }
    for pk, organization_id in OfferingPartner.objects.filter(offering_id__in=wanted).values_list(
        "offering_id", "organization_id"
    ):
        found[pk].add(organization_id)
    return {pk: frozenset(ids) for pk, ids in found.items()}


def allowed_actions(record: Provider | Offering | Session, actor: Actor, at: datetime) -> list[str]:
    """List the verbs that ``actor`` may use on a record now."""
    organization_id, programme = _owner(record)
    may = {
        permission.value: permissions.can(
            actor, permission, at=at, organization_id=organization_id, programme=programme
        )
        for permission in (Permission.CATALOGUE_VET, Permission.CATALOGUE_WRITE)
    }
    return lifecycles.allowed_actions(record, may)


def _owner(record: Provider | Offering | Session) -> tuple[int, str | None]:
    if isinstance(record, Provider):
        return record.organization_id, None
    offering = record.offering if isinstance(record, Session) else record
    return offering.provider.organization_id, offering.programme.code if offering.programme else None


def named(rows: QuerySet[M], reference: str) -> QuerySet[M]:
    """Keep the row that has this code or public id."""
    return rows.filter(_named(reference))


def _named(text: str) -> Q:
    public_id = _public_id(text)
    return Q(code=text) & ~Q(code="") if public_id is None else Q(public_id=public_id)


def _known(found: T | None, value: object, pointer: str) -> T:
    if found is None:
        raise unknown_reference(pointer, value)
    return found


def visible_provider(reference: str, *, actor: Actor, at: datetime, pointer: str = "/provider") -> Provider:
    """Find a provider that the actor sees by code or public id; raises DomainError(unknown_reference) for any other."""
    rows = providers_visible_to(actor, at=at).select_related("organization")
    return _known(sole(rows.filter(_named(reference))), reference, pointer)


def visible_providers(references: Iterable[str], *, actor: Actor, at: datetime) -> dict[str, Provider]:
    """Find the providers that the actor sees among codes or public ids, in one query; those not found are left out."""
    wanted = {reference: _public_id(reference) for reference in references if reference}
    ids = [public_id for public_id in wanted.values() if public_id is not None]
    codes = [reference for reference, public_id in wanted.items() if public_id is None]
    if not wanted:
        return {}
    named = Q(public_id__in=ids) | Q(code__in=codes)
    rows = providers_visible_to(actor, at=at).select_related("organization").filter(named)
    found: dict[object, Provider] = {name: row for row in rows for name in (row.code, row.public_id)}
    keys = {reference: public_id or reference for reference, public_id in wanted.items()}
    return {reference: found[key] for reference, key in keys.items() if key in found}


def _public_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def visible_offering(reference: str, *, actor: Actor, at: datetime, pointer: str = "/offering") -> Offering:
    """Find an offering that the actor sees by code or public id; raises DomainError(unknown_reference) for any other."""
    rows = offerings_visible_to(actor, at=at).select_related("provider__organization", "programme")
    return _known(sole(rows.filter(_named(reference))), reference, pointer)
