"""Registering and changing providers."""

from datetime import datetime

from django.db import IntegrityError, transaction

from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, rule_broken
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from providers.models import Provider
from providers.operations.access import check_provider
from providers.operations.facts import Facts, check_codes, check_reach, put
from providers.operations.indexing import index_provider, reindex_offerings_of
from providers.queries import provider_by_code

COLUMNS = (
    "names",
    "scope",
    "countries_served",
    "regions_served",
    "working_languages",
    "network_parent",
    "provenance",
)
CODED = {
    "scope": "reach",
    "countries_served": "countries",
    "regions_served": "regions",
    "working_languages": "languages",
}


@transaction.atomic
def register_provider(*, actor: Actor, at: datetime, organization: str, facts: Facts, code: str = "") -> Provider:
    """Register an organization (code or public id) as a provider, pending its verification.

    ``facts`` takes the COLUMNS above; ``network_parent`` is a provider's code. ``code`` is the organization's where none
    is given. Raises DomainError(permission_denied, unknown_reference, rule_broken, duplicate).
    """
    owner = accounts.organization_by_code(organization)
    provider = Provider(organization=owner, code=code or owner.code)
    check_provider(actor, Permission.CATALOGUE_WRITE, provider, at=at)
    _put(provider, {"names": dict(owner.names), **facts})
    if Provider.objects.filter(organization=owner).exists():
        raise DomainError(ErrorCode.DUPLICATE, field="organization")
    try:
        with transaction.atomic():
            lifecycles.create(provider, actor=actor, at=at)
    except IntegrityError:
        raise DomainError(ErrorCode.DUPLICATE, field="code") from None
    index_provider(provider)
    return provider


@transaction.atomic
def change_provider(
    *, actor: Actor, at: datetime, provider_id: int, facts: Facts, expected_version: int | None = None
) -> Provider:
    """Change some of the COLUMNS of a provider; nothing happens where nothing differs.

    Raises DomainError(permission_denied, precondition_failed, unknown_reference, rule_broken).
    """
    rows = Provider.objects.select_related("organization").filter(pk=provider_id)
    provider = lifecycles.lock(rows, expected_version=expected_version)
    check_provider(actor, Permission.CATALOGUE_WRITE, provider, at=at)
    changes = _put(provider, facts)
    if changes:
        data = {"changed": sorted(changes)}
        lifecycles.record_change(provider, "changed", actor=actor, at=at, changes=changes, data=data)
        index_provider(provider)
        if "names" in changes:
            reindex_offerings_of(provider)
    return provider


def _put(provider: Provider, facts: Facts) -> dict[str, object]:
    check_codes(facts, CODED)
    resolved = dict(facts)
    if "network_parent" in facts:
        code = facts["network_parent"]
        resolved["network_parent"] = provider_by_code(code, "/network_parent") if code else None
    changes = put(provider, resolved, COLUMNS)
    check_reach(provider.scope, provider.countries_served, provider.regions_served)
    _check_network(provider)
    return changes


def _check_network(provider: Provider) -> None:
    """Refuse a network that would contain itself."""
    above, seen = provider.network_parent, {provider.pk}
    while above is not None:
        if above.pk in seen:
            raise rule_broken("/network_parent", "circular_parent", _("A network cannot lie within itself."))
        seen.add(above.pk)
        above = above.network_parent
