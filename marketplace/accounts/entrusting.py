"""Writes of what is entrusted to a person for a time: a right on one organization, or the role of somebody absent."""

from datetime import date, datetime

from django.contrib.auth.models import Permission as DjangoPermission
from django.db import transaction

from marketplace.accounts import permissions, queries
from marketplace.accounts.actors import Actor
from marketplace.accounts.journal import note
from marketplace.accounts.models import Membership, Organization, OrganizationUserGrant, User
from marketplace.accounts.roles import GRANTABLE, ROLES, Permission
from marketplace.kernel.errors import DomainError, ErrorCode, rule_broken
from marketplace.kernel.text import gettext_noop

LONGEST_ABSENCE = 366  # days


# --- rights on one organization -----------------------------------------------------------------------------------


@transaction.atomic
def give_grant(
    *,
    actor: Actor,
    at: datetime,
    user: User,
    organization: Organization,
    permission: Permission,
    reason: str = "",
    expires_at: datetime | None = None,
) -> tuple[OrganizationUserGrant, bool]:
    """Give a person one right on the things of one organization, beside their memberships; tells whether it is new.

    One that they have already gets these terms. Raises DomainError(permission_denied) for who may not give it, and
    DomainError(rule_broken) for a right of the group, for oneself, or for an end that is past.
    """
    _check_may_give(actor, at, user, organization, permission)
    if expires_at is not None and expires_at <= at:
        raise rule_broken("/expires_at", "over", gettext_noop("This is over already."))
    row = DjangoPermission.objects.get(content_type__app_label="accounts", codename=permission.codename)
    known = OrganizationUserGrant.objects.select_for_update(of=("self",)).filter(
        user=user, permission=row, content_object=organization, ended_at__isnull=True
    )
    grant = known.first()
    is_new = grant is None
    if grant is None:
        grant = OrganizationUserGrant(user=user, permission=row, content_object=organization, created_at=at)
    grant.given_by, grant.reason, grant.expires_at, grant.updated_at = actor.user, reason, expires_at, at
    grant.version += 0 if is_new else 1
    grant.save()
    until = expires_at.isoformat() if expires_at else None
    note(
        grant,
        "given",
        actor=actor,
        at=at,
        changes={"user": str(user.public_id), "permission": permission.value, "expires_at": [None, until]},
        data={"permission": permission.value},
        reason_text=reason,
    )
    return grant, is_new


@transaction.atomic
def end_grant(
    *, actor: Actor, at: datetime, grant_id: int, expected_version: int | None = None
) -> OrganizationUserGrant:
    """Take a right back at once, or give it back; ending it again changes nothing.

    Raises DomainError(not_found, precondition_failed, permission_denied).
    """
    grant: OrganizationUserGrant | None = (
        OrganizationUserGrant.objects.select_for_update(of=("self",))
        .select_related("content_object", "user", "permission")
        .filter(pk=grant_id)
        .first()
    )
    if grant is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    if expected_version is not None and expected_version != grant.version:
        raise DomainError(ErrorCode.PRECONDITION_FAILED)
    if actor.user is None or grant.user_id != actor.user.pk:
        permissions.check(actor, Permission.GRANTS_GIVE, at=at, organization_id=grant.content_object_id)
    if grant.ended_at is None:
        grant.ended_at = grant.updated_at = at
        grant.version += 1
        grant.save(update_fields=["ended_at", "updated_at", "version"])
        note(grant, "ended", actor=actor, at=at, changes={"user": str(grant.user.public_id)})
    return grant


def _check_may_give(actor: Actor, at: datetime, user: User, organization: Organization, permission: Permission) -> None:
    """Never wider than what the giver has there by a role of their own, without limit of countries or programmes.

    The secretariat, which gives roles, may give every right on an organization. Nobody gives to themselves, and nobody
    gives what was lent to them.
    """
    if permission not in GRANTABLE:
        allowed = tuple(sorted(right.value for right in GRANTABLE))
        told = gettext_noop("`%(value)s` is a right of the group, not of one organization.")
        raise rule_broken("/permission", "not_grantable", told, allowed=allowed, value=permission.value)
    if actor.user is not None and actor.user.pk == user.pk:
        raise rule_broken("/person", "oneself", gettext_noop("Nobody gives a right to themselves."))
    permissions.check_holds(actor, Permission.GRANTS_GIVE, at=at, organization_id=organization.pk)
    if permissions.holds(actor, Permission.ORGANIZATIONS_MANAGE, at=at) or _holds(actor, permission, organization, at):
        return
    raise DomainError(ErrorCode.PERMISSION_DENIED, permission=permission.value)


def _holds(actor: Actor, permission: Permission, organization: Organization, at: datetime) -> bool:
    if not permissions.in_scope(actor, permission):
        return False
    return any(
        right.organization_id == organization.pk
        and right.lent_by is None
        and not (right.countries or right.programmes)
        and {permission, Permission.GRANTS_GIVE} <= right.permissions
        for right in actor.rights(at)
    )


# --- the role of somebody absent ----------------------------------------------------------------------------------


@transaction.atomic
def delegate_membership(
    *,
    actor: Actor,
    at: datetime,
    membership_id: int,
    delegate: str,
    start: date,
    end: date,
    expected_version: int | None = None,
) -> Membership:
    """Let a colleague (by public id) stand in for a member from ``start`` to ``end``, both days included.

    What was lent is never lent on: the delegate has the member's role, not what others lent to the member. Raises
    DomainError(permission_denied) for others than the member and who manages organizations, DomainError(rule_broken)
    for days that are past, too many or in disorder, and DomainError(unknown_reference) for who is no colleague.
    """
    membership = lock_membership(membership_id, expected_version)
    person = queries.colleague(delegate, membership.organization_id, at=at, pointer="/delegate")
    _check_may_delegate(actor, at, membership, person)
    if person.pk == membership.user_id:
        raise rule_broken("/delegate", "oneself", gettext_noop("Nobody stands in for themselves."))
    if end < start or end < at.date() or (end - start).days >= LONGEST_ABSENCE:
        told = gettext_noop("An absence ends on or after its first day, not in the past, after at most %(days)s days.")
        raise rule_broken("/end", "delegation_days", told, days=LONGEST_ABSENCE)
    membership.delegate, membership.delegated_from, membership.delegated_to = person, start, end
    days = [start.isoformat(), end.isoformat()]
    return _save(membership, "delegated", actor, at, {"delegate": str(person.public_id), "days": days})


@transaction.atomic
def end_delegation(
    *, actor: Actor, at: datetime, membership_id: int, expected_version: int | None = None
) -> Membership:
    """End a delegation at once; ending it again changes nothing.

    Raises DomainError(permission_denied) for others than the member, the delegate and who manages organizations.
    """
    membership = lock_membership(membership_id, expected_version)
    if actor.user is None or membership.delegate_id != actor.user.pk:
        _check_may_delegate(actor, at, membership, None)
    if membership.delegate_id is None:
        return membership
    membership.delegate = membership.delegated_from = membership.delegated_to = None
    return _save(membership, "delegation_ended", actor, at, {})


def _check_may_delegate(actor: Actor, at: datetime, membership: Membership, delegate: User | None) -> None:
    """The member, or who manages organizations: never to themselves, and no role that reaches further than their own."""
    if actor.is_system or (actor.user is not None and actor.user.pk == membership.user_id):
        return
    permissions.check_holds(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    group_wide = ROLES[membership.role] - GRANTABLE
    held = {right for right in group_wide if permissions.holds(actor, right, at=at)}
    if held != group_wide or (delegate is not None and actor.user is not None and delegate.pk == actor.user.pk):
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission=Permission.MEMBERSHIPS_DELEGATE.value)


def lock_membership(membership_id: int, expected_version: int | None) -> Membership:
    """Lock a membership for a write. Raises DomainError(not_found, precondition_failed)."""
    rows = Membership.objects.select_for_update(of=("self",)).select_related("organization", "user")
    membership = rows.filter(pk=membership_id).first()
    if membership is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    if expected_version is not None and expected_version != membership.version:
        raise DomainError(ErrorCode.PRECONDITION_FAILED)
    return membership


def _save(membership: Membership, action: str, actor: Actor, at: datetime, changes: dict[str, object]) -> Membership:
    membership.updated_at, membership.version = at, membership.version + 1
    membership.save()
    note(membership, action, actor=actor, at=at, changes=changes)
    return membership
