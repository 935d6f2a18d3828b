"""Who may write here: the provider's own staff, its integrating systems, and the secretariat."""

from datetime import datetime

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from providers.models import Offering, Provider


def check_provider(actor: Actor, permission: Permission, provider: Provider, *, at: datetime) -> None:
    """Raise DomainError(permission_denied or insufficient_scope) unless the actor may do this for the provider."""
    permissions.check(actor, permission, at=at, organization_id=provider.organization_id)


def check_offering(actor: Actor, permission: Permission, offering: Offering, *, at: datetime) -> None:
    """Raise DomainError(permission_denied or insufficient_scope) unless the actor may do this with the offering.

    A membership limited to some programmes reaches their offerings only.
    """
    programme = offering.programme.code if offering.programme else None
    permissions.check(actor, permission, at=at, organization_id=offering.provider.organization_id, programme=programme)
