"""The one place that answers "may they?": right = scope and role and object, read afresh for each request."""

from datetime import datetime

from marketplace.accounts.actors import Actor, Right
from marketplace.accounts.roles import SCOPE_OF, Permission
from marketplace.kernel.errors import DomainError, ErrorCode


def in_scope(actor: Actor, permission: Permission) -> bool:
    """Tell whether the token of ``actor`` reaches ``permission``; sessions and the system are not limited."""
    return actor.scopes is None or SCOPE_OF[permission] in actor.scopes


def _reaches(right: Right, organization_id: int | None, country: str | None, programme: str | None) -> bool:
    if right.is_group_wide:
        return True
    if organization_id is not None and organization_id != right.organization_id and not right.reads_group_wide:
        return False
    if right.countries and country is not None and country not in right.countries:
        return False
    return not (right.programmes and (programme is None or programme not in right.programmes))


def can(
    actor: Actor,
    permission: Permission,
    *,
    at: datetime,
    organization_id: int | None = None,
    country: str | None = None,
    programme: str | None = None,
) -> bool:
    """Tell whether ``actor`` may use ``permission`` on things of the organization (any of their own when None)."""
    if actor.is_system:
        return True
    if not in_scope(actor, permission):
        return False
    return any(
        permission in right.permissions and _reaches(right, organization_id, country, programme)
        for right in actor.rights(at)
    ) or (organization_id is not None and (organization_id, permission.codename) in actor.grants)


def check(
    actor: Actor,
    permission: Permission,
    *,
    at: datetime,
    organization_id: int | None = None,
    country: str | None = None,
    programme: str | None = None,
) -> None:
    """Raise DomainError(permission_denied or insufficient_scope) unless ``can`` says yes."""
    if can(actor, permission, at=at, organization_id=organization_id, country=country, programme=programme):
        return
    if not in_scope(actor, permission):
        raise DomainError(ErrorCode.INSUFFICIENT_SCOPE, scope=SCOPE_OF[permission])
    raise DomainError(ErrorCode.PERMISSION_DENIED, permission=permission.value)


def is_secretariat(actor: Actor, at: datetime) -> bool:
    """Tell whether the actor is staff of the secretariat (or the system)."""
    return actor.is_system or any(right.is_group_wide for right in actor.rights(at))


def is_group_member(actor: Actor, at: datetime) -> bool:
    """Tell whether the actor belongs to a current member of the group."""
    return actor.is_system or any(
        right.in_group or right.is_group_wide or right.reads_group_wide for right in actor.rights(at)
    )


def organization_ids(actor: Actor, at: datetime) -> frozenset[int]:
    """Give the organizations in whose name the actor sees things: their own, those below them, and granted ones."""
    own = frozenset().union(*(right.descendant_ids for right in actor.rights(at)))
    return own | {organization_id for organization_id, _ in actor.grants}


def own_organization_ids(actor: Actor, at: datetime) -> frozenset[int]:
    """Give the organizations of which the actor is a member, without those below them."""
    return frozenset(right.organization_id for right in actor.rights(at))
