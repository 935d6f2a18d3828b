"""Access as each route declares it: a permission, any of several, signed in, or public with a reason. Else: denied."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from marketplace.accounts.actors import Actor
from marketplace.accounts.permissions import in_scope
from marketplace.accounts.roles import SCOPE_OF, Permission
from marketplace.identity.second_factor import lacks_second_factor
from marketplace.kernel.errors import DomainError, ErrorCode

if TYPE_CHECKING:
    from rest_framework.views import APIView

    from marketplace.api.base import ApiView
    from marketplace.api.request import ApiRequest


@dataclass(frozen=True, slots=True)
class Public:
    """Open to everybody, for a reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Open to everybody who is signed in, for a reason."""

    reason: str


Access = Public | SignedIn | Permission | tuple[Permission, ...]


def permissions_of(access: Access) -> tuple[Permission, ...]:
    """Give the permissions of which one is needed; none for public and signed-in routes."""
    if isinstance(access, Permission):
        return (access,)
    return access if isinstance(access, tuple) else ()


def scopes_of(access: Access) -> list[str]:
    """Give the token scopes of which one is needed, sorted."""
    return sorted({SCOPE_OF[permission] for permission in permissions_of(access)})


def may_somewhere(actor: Actor, permission: Permission, at: datetime) -> bool:
    """Tell whether the actor has the permission in any organization; the operation asks again about the very one."""
    if actor.is_system:
        return True
    return in_scope(actor, permission) and (
        any(permission in right.permissions for right in actor.rights(at))
        or any(codename == permission.codename for _, codename in actor.grants(at))
    )


def check_signed_in(actor: Actor, access: Access) -> None:
    """Raise DomainError(not_authenticated) for a stranger on a route that is not public."""
    if actor.kind == "anonymous" and not isinstance(access, Public):
        raise DomainError(ErrorCode.NOT_AUTHENTICATED)


def check_second_factor(actor: Actor, access: Access, at: datetime) -> None:
    """Raise DomainError(second_factor_missing) for the session of staff who must set one up; tokens were made with care."""
    if actor.scopes is None and not isinstance(access, Public) and lacks_second_factor(actor, at):
        raise DomainError(ErrorCode.SECOND_FACTOR_MISSING)


def check_scope(actor: Actor, access: Access) -> None:
    """Raise DomainError(insufficient_scope) where the token reaches none of the permissions."""
    wanted = permissions_of(access)
    if wanted and not any(in_scope(actor, permission) for permission in wanted):
        raise DomainError(ErrorCode.INSUFFICIENT_SCOPE, scope=", ".join(scopes_of(access)))


def check_mode(actor: Actor, access: Access, *, in_test_mode: bool) -> None:
    """Raise DomainError(not_in_test_mode) for a system in test mode on a route that does not say how it keeps it apart."""
    if actor.is_test and not in_test_mode and not isinstance(access, Public):
        raise DomainError(ErrorCode.NOT_IN_TEST_MODE)


def check_role(actor: Actor, access: Access, at: datetime) -> None:
    """Raise DomainError(permission_denied) where no role of the actor gives any of the permissions anywhere."""
    wanted = permissions_of(access)
    if wanted and not any(may_somewhere(actor, permission, at) for permission in wanted):
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission=", ".join(wanted))


class DeclaredAccess(BasePermission):
    """Deny what is not declared; on routes that name a thing, the role is asked after the thing was found (404 first)."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Check sign-in, scope and, on lists and creations, role."""
        call, of = cast("ApiRequest", request), cast("ApiView", view)
        contract = of.contract()
        if contract is None:
            return False
        check_signed_in(call.actor, contract.access)
        check_second_factor(call.actor, contract.access, call.at)
        check_scope(call.actor, contract.access)
        check_mode(call.actor, contract.access, in_test_mode=of.is_in_test_mode(call.method or ""))
        if not of.names_a_thing():
            check_role(call.actor, contract.access, call.at)
        return True
