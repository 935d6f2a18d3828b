"""Writes about who has which role in which organization: given and ended by the secretariat, never by oneself.

What outlives its giver is asked for more strictly than anything else: by a role of one's own, in the secretariat as it is
today, and the roles of the group itself by who appoints.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet, Subquery

from marketplace.accounts import operations, permissions, queries
from marketplace.accounts.actors import Actor
from marketplace.accounts.entrusting import lock_membership
from marketplace.accounts.journal import note
from marketplace.accounts.models import Membership, Organization, User
from marketplace.accounts.reach import current
from marketplace.accounts.roles import GROUP_WIDE_ROLES, OFFICES, ROLES_OF_PEOPLE, Permission
from marketplace.kernel.errors import rule_broken
from marketplace.kernel.text import gettext_noop

DAY = timedelta(days=1)


@transaction.atomic
def give_membership(
    *,
    actor: Actor,
    at: datetime,
    user: User,
    organization: Organization,
    role: str,
    valid_from: date | None = None,
    valid_to: date | None = None,
    countries: Sequence[str] = (),
    programmes: Sequence[str] = (),
) -> tuple[Membership, bool]:
    """Give a person a role in an organization, from the first to the last day; tells whether it is new.

    One that they have, or had, gets these terms. ``countries`` and ``programmes`` are codes; none means all. Raises
    DomainError(permission_denied) for who may not give the role, DomainError(rule_broken) for oneself, for a role of
    the secretariat elsewhere and for days in disorder or past, and DomainError(unknown_reference) for a programme.
    """
    _check_may_appoint(actor, role, at=at)
    _check_not_oneself(actor, user, "/person", gettext_noop("Nobody gives a role to themselves."))
    if role in GROUP_WIDE_ROLES and not queries.has_role(organization.pk, "secretariat", at.date()):
        told = gettext_noop("`%(value)s` is a role of the secretariat, and this organization is not the secretariat.")
        allowed = [other for other in ROLES_OF_PEOPLE if other not in GROUP_WIDE_ROLES]
        raise rule_broken("/role", "not_the_secretariat", told, allowed=allowed, value=role)
    _check_days(at.date(), valid_from, valid_to)
    known = Membership.objects.filter(user=user, organization=organization, role=role).exists()
    membership = operations.save_membership(
        actor=actor,
        at=at,
        user=user,
        organization=organization,
        role=role,
        valid_from=valid_from,
        valid_to=valid_to,
        countries=list(dict.fromkeys(countries)),
        programmes=[one.code for one in queries.programmes_by_code(dict.fromkeys(programmes), "/programmes")],
    )
    return membership, not known


@transaction.atomic
def end_membership(
    *, actor: Actor, at: datetime, membership_id: int, reason: str, expected_version: int | None = None
) -> Membership:
    """End a person's role at once, and with it that anybody stands in for them; ending it again changes nothing.

    Who has no other role in the organization's tree stands in for nobody there any more, either: what they were lent ends.
    Raises DomainError(not_found, precondition_failed), DomainError(permission_denied) for who may not give the role,
    and DomainError(rule_broken) for a role of one's own.
    """
    _lock_in_order(membership_id)
    membership = lock_membership(membership_id, expected_version)
    _check_may_appoint(actor, membership.role, at=at)
    _check_not_oneself(actor, membership.user, "", gettext_noop("Nobody ends a role of their own."))
    # The last day counts whole, so what shall be over at once was over yesterday; the trail has the moment. What began
    # only today, or was still to begin, keeps that one day: a period ends no sooner than it begins.
    last = at.date() - DAY
    if membership.valid_to is not None and membership.valid_to <= last:
        return membership
    changes: dict[str, object] = {"user": str(membership.user.public_id), "role": membership.role}
    changes["valid_to"] = [_text(membership.valid_to), _text(last)]
    if membership.valid_from is not None and membership.valid_from > last:
        changes["valid_from"] = [_text(membership.valid_from), _text(last)]
        membership.valid_from = last
    if membership.delegate is not None:
        changes["delegate"] = [str(membership.delegate.public_id), None]
    membership.valid_to = last
    membership.delegate = membership.delegated_from = membership.delegated_to = None
    membership.updated_at, membership.version = at, membership.version + 1
    membership.save()
    note(membership, "ended", actor=actor, at=at, changes=changes, reason_text=reason)
    _end_what_was_lent(membership.user, membership.organization_id, actor=actor, at=at)
    return membership


def _lock_in_order(membership_id: int) -> None:
    """Lock a membership and those whose member lent their role to the same person, by key.

    Two who stand in for each other and leave at the same moment would wait for one another otherwise.
    """
    leaver = Subquery(Membership.objects.filter(pk=membership_id).order_by().values("user_id"))
    list(_locked(Membership.objects.filter(Q(pk=membership_id) | Q(delegate_id=leaver))).values_list("pk", flat=True))


def _end_what_was_lent(leaver: User, organization_id: int, *, actor: Actor, at: datetime) -> None:
    """End that somebody stands in for members of a tree of organizations in which they have no role of their own now."""
    family = queries.family_ids(organization_id)
    if Membership.objects.filter(current(at.date()), user=leaver, organization_id__in=family).exists():
        return
    lent = Membership.objects.filter(delegate=leaver, delegated_to__gte=at.date(), organization_id__in=family)
    for membership in _locked(lent).select_related("organization", "user"):
        membership.delegate = membership.delegated_from = membership.delegated_to = None
        membership.updated_at, membership.version = at, membership.version + 1
        membership.save()
        note(membership, "delegation_ended", actor=actor, at=at)


def _locked(rows: QuerySet[Membership]) -> QuerySet[Membership]:
    return rows.select_for_update(of=("self",)).order_by("pk")


def _check_may_appoint(actor: Actor, role: str, *, at: datetime) -> None:
    """Raise DomainError(permission_denied or insufficient_scope) unless ``actor`` may give and end a role."""
    permissions.check_holds_everywhere(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    if role in OFFICES:
        permissions.check_holds_everywhere(actor, Permission.MEMBERSHIPS_APPOINT, at=at)


def _check_not_oneself(actor: Actor, user: User, pointer: str, told: str) -> None:
    if actor.user is not None and actor.user.pk == user.pk:
        raise rule_broken(pointer, "oneself", told)


def _check_days(today: date, first: date | None, last: date | None) -> None:
    if last is None:
        return
    if last < today:
        raise rule_broken("/valid_to", "over", gettext_noop("This is over already."))
    if first is not None and last < first:
        raise rule_broken("/valid_to", "order", gettext_noop("A period ends on or after the day it starts."))


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
