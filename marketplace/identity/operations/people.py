"""Writes about who may sign in: people come by invitation."""

from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import User
from marketplace.accounts.roles import Permission
from marketplace.audit import operations as audit
from marketplace.events import operations as events
from marketplace.events.models import Audience
from marketplace.kernel.errors import rule_broken
from marketplace.kernel.text import gettext_noop


@transaction.atomic
def invite_person(*, actor: Actor, at: datetime, login: str, email: str, name: str = "") -> tuple[User, bool]:
    """Make the account where there is none, and note that the address is the person's; tells whether it is new.

    Whoever the identity provider knows under the address signs on; the account needs no password. One that is there
    already gets a further address from who operates the installation alone: it opens the account to somebody. Raises
    DomainError(permission_denied), and DomainError(rule_broken) for a login or an address of somebody else and for an
    account that is closed.
    """
    permissions.check_holds_everywhere(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    email = email.lower()  # as the library keeps them
    user = User.objects.filter(username__iexact=login).first()
    if user is not None:
        _check_may_open(actor, user, email)
    if _is_taken(email, user, by_contact=not actor.is_system):
        raise rule_broken("/email", "taken", gettext_noop("This is the address of another account."))
    is_new = user is None
    user = user or User.objects.create_user(login, email=email, name=name)
    EmailAddress.objects.update_or_create(user=user, email=email, defaults={"verified": True})
    _note(user, "invited", actor=actor, at=at)
    return user, is_new


@transaction.atomic
def take_second_factors(*, actor: Actor, at: datetime, user: User, reason_text: str) -> list[str]:
    """Take the second factors of a person away, who has lost app and codes, and give their kinds.

    Staff must then set up new ones before they go on (`second_factor.lacks_second_factor`); sessions and tokens stay. Raises
    DomainError(permission_denied).
    """
    permissions.check_holds_everywhere(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    factors = Authenticator.objects.select_for_update().filter(user=user).order_by("type")
    kinds = [factor.type for factor in factors]
    if kinds:
        factors.delete()
        _note(user, "second_factor_taken", actor=actor, at=at, reason_text=reason_text, changes={"kinds": kinds})
    return kinds


def _note(user: User, action: str, *, actor: Actor, at: datetime, **more: Any) -> None:
    """Write the audit record of a change and its event, for the secretariat alone: it says that something was done to whom."""
    audit.record(
        at=at,
        actor_kind=actor.kind,
        actor_id=actor.public_id,
        actor_label=actor.label,
        acting_for=actor.on_behalf_of,
        resource="user",
        resource_id=user.public_id,
        action=action,
        **more,
    )
    events.emit(
        type=f"user.{action}",
        resource="user",
        resource_id=user.public_id,
        version=1,  # of people no versions are kept
        audience=Audience.SECRETARIAT,
        at=at,
        actor=actor.label,
    )


def _check_may_open(actor: Actor, user: User, email: str) -> None:
    if not user.is_active:
        raise rule_broken("/login", "closed", gettext_noop("This account is closed."))
    is_theirs = user.email.lower() == email or EmailAddress.objects.filter(user=user, email__iexact=email).exists()
    if not (is_theirs or actor.is_system):
        raise rule_broken("/login", "taken", gettext_noop("This login is that of an account with another address."))


def _is_taken(email: str, user: User | None, *, by_contact: bool) -> bool:
    """Tell whether somebody else signs on by the address or, asked ``by_contact``, is written to there."""
    theirs = user.pk if user else 0
    if EmailAddress.objects.filter(email__iexact=email).exclude(user_id=theirs).exists():
        return True
    return by_contact and User.objects.filter(email__iexact=email).exclude(pk=theirs).exists()
