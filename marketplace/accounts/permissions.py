"""The one place that answers "may they?": right = scope and role and object, read afresh for each request."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast

from marketplace.accounts.actors import Actor, Right
from marketplace.accounts.roles import SCOPE_OF, Permission
from marketplace.kernel.errors import DomainError, ErrorCode

if TYPE_CHECKING:
    from marketplace.accounts.models import User

STRANGE = -1  # an organization in which the actor holds no role


def in_scope(actor: Actor, permission: Permission) -> bool:
    """Tell whether the token of ``actor`` reaches ``permission``; sessions and the system are not limited."""
    return actor.scopes is None or SCOPE_OF[permission] in actor.scopes


EVERY_COUNTRY = (
    ""  # in the place of a code: what is asked for concerns all, and no membership limited to some reaches it
)


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
    # Of organizations in which the actor holds no role there are many, and what is true of one is true of all.
    known = organization_id is None or organization_id in actor.seats(at)
    question = (permission, actor.on or at.date(), organization_id if known else STRANGE, country, programme)
    answer = actor.answers.get(question)
    if answer is None:
        answer = actor.answers[question] = _serving(actor, permission, at, organization_id, country, programme)
    own, lenders = answer
    if own or _is_granted(actor, permission, at, organization_id):
        return True
    if lenders:
        actor.stand_in_for(lenders[0])
    return bool(lenders)


def _serving(
    actor: Actor, permission: Permission, at: datetime, *about: int | str | None
) -> "tuple[bool, Sequence[User]]":
    """Tell whether a role of the actor's own gives a permission, and who lends one that does; no scope, no role."""
    if not in_scope(actor, permission):
        return False, ()
    organization_id, country, programme = cast("tuple[int | None, str | None, str | None]", about)
    serving = [
        right
        for right in actor.rights(at)
        if permission in right.permissions and _reaches(right, organization_id, country, programme)
    ]
    lenders = [right.lent_by for right in serving if right.lent_by is not None]
    return len(serving) > len(lenders), lenders


def _is_granted(actor: Actor, permission: Permission, at: datetime, organization_id: int | None) -> bool:
    if organization_id is None:
        return False
    grants = actor.grants(at)
    return bool(grants) and (organization_id, permission.codename) in grants and in_scope(actor, permission)


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


def holds(actor: Actor, permission: Permission, *, at: datetime, organization_id: int | None = None) -> bool:
    """Tell whether ``actor`` may use ``permission`` by a role of their own: what was lent or granted is never lent on."""
    return actor.is_system or (
        in_scope(actor, permission)
        and any(
            right.lent_by is None and permission in right.permissions and _reaches(right, organization_id, None, None)
            for right in actor.rights(at)
        )
    )


def in_office(actor: Actor, permission: Permission, *, at: datetime, organization_id: int) -> bool:
    """Tell whether a role in the organization, their own or one lent to them, gives ``actor`` a right: a grant is no office.

    Asked beside ``can`` where something outlasts the call, so that a right for a time does not become one for longer.
    """
    return actor.is_system or (
        in_scope(actor, permission)
        and any(
            permission in right.permissions and (right.is_group_wide or right.organization_id == organization_id)
            for right in actor.rights(at)
        )
    )


def check_holds(actor: Actor, permission: Permission, *, at: datetime, organization_id: int | None = None) -> None:
    """Raise DomainError(permission_denied or insufficient_scope) unless ``holds`` says yes."""
    if not holds(actor, permission, at=at, organization_id=organization_id):
        check(actor, permission, at=at, organization_id=organization_id)
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission=permission.value)


def check_holds_everywhere(actor: Actor, permission: Permission, *, at: datetime) -> None:
    """Raise as ``check_holds`` unless a role of the group gives ``actor`` the right: an officer of what is not the
    secretariat, or is it no more, reaches no further than their own organization.
    """
    check_holds(actor, permission, at=at, organization_id=STRANGE)


def is_secretariat(actor: Actor, at: datetime) -> bool:
    """Tell whether the actor is staff of the secretariat (or the system)."""
    return actor.is_system or any(right.is_group_wide for right in actor.rights(at))


def is_group_member(actor: Actor, at: datetime) -> bool:
    """Tell whether the actor belongs to a current member of the group."""
    return actor.is_system or any(
        right.in_group or right.is_group_wide or right.reads_group_wide for right in actor.rights(at)
    )


def granted_ids(actor: Actor, at: datetime, *rooms: str) -> frozenset[int]:
    """Give the organizations on which the actor was granted a right in one of the rooms (`requests`, `catalogue` ...)."""
    wanted = {permission.codename for permission in Permission if permission.room in rooms}
    return frozenset(organization_id for organization_id, codename in actor.grants(at) if codename in wanted)


def organization_ids(actor: Actor, at: datetime, *rooms: str) -> frozenset[int]:
    """Give the organizations in whose name the actor sees things: their own, those below them, and granted ones.

    A grant shows what it is about and nothing else: those in ``rooms`` count.
    """
    own = frozenset().union(*(right.descendant_ids for right in actor.rights(at)))
    return own | granted_ids(actor, at, *rooms)


def whole_organization_ids(actor: Actor, at: datetime) -> frozenset[int]:
    """Give the organizations of which the actor is a member without limits to countries or programmes."""
    unlimited = (right for right in actor.rights(at) if not (right.countries or right.programmes))
    return frozenset(right.organization_id for right in unlimited)


def own_organization_ids(actor: Actor, at: datetime) -> frozenset[int]:
    """Give the organizations of which the actor is a member, without those below them."""
    return frozenset(right.organization_id for right in actor.rights(at))
