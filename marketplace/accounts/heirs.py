"""Tokens that people make for themselves with a token: they end with it, so that its end bounds what comes of a leak."""

from datetime import datetime, timedelta

from django.conf import settings

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import AccessToken, ServiceClient, User
from marketplace.kernel.errors import DomainError, ErrorCode, rule_broken
from marketplace.kernel.text import gettext_noop
from marketplace.records.lookups import sole


def maker_of(actor: Actor, user: User | None) -> AccessToken | None:
    """Give the token with which ``actor`` makes one for ``user``, None unless they are one and come with a token.

    What the secretariat makes for systems is no heir: it belongs to others, and outlives who made it. Raises
    DomainError(token_invalid) where the token was revoked since the call began.
    """
    if actor.token is None or user is None or actor.token.user_id != user.pk:
        return None
    lock_owner(actor.token)
    maker = sole(AccessToken.objects.filter(pk=actor.token.pk, revoked_at__isnull=True))
    if maker is None:
        raise DomainError(ErrorCode.TOKEN_INVALID)
    return maker


def lock_owner(token: AccessToken) -> None:
    """Let those who end tokens of one owner, or make some with them, go one by one: what ends leaves no heir behind.

    ``no_key``, so that rows which only refer to the owner are written meanwhile.
    """
    if token.user_id is not None:
        sole(User.objects.select_for_update(no_key=True).filter(pk=token.user_id))
    elif token.client_id is not None:
        sole(ServiceClient.objects.select_for_update(no_key=True).filter(pk=token.client_id))


def end_of(lifetime: timedelta | None, maker: AccessToken | None, *, at: datetime) -> datetime:
    """Give the moment at which a new token ends; None as ``lifetime`` is the usual one, or up to the end of its maker.

    Raises DomainError(rule_broken) for a lifetime that was asked for and outlives the maker.
    """
    wanted = at + (lifetime or settings.TOKEN_LIFETIME)
    if maker is None or wanted <= maker.expires_at:
        return wanted
    if lifetime is not None:
        told = gettext_noop(
            "A token ends no later than the one it is made with: its days are %(days)s at most. "
            "Left out, it ends with that one at the latest."
        )
        raise rule_broken("/lifetime_days", "outlives_its_maker", told, days=(maker.expires_at - at).days)
    return maker.expires_at
