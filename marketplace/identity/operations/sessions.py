"""Writes about the sessions of people, and the end of everything that a password opened."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef
from oauth2_provider.models import get_grant_model

from marketplace.accounts.actors import Actor
from marketplace.accounts.journal import note
from marketplace.accounts.models import AccessToken, User
from marketplace.accounts.operations import revoke_token
from marketplace.identity import queries
from marketplace.identity.models import Application, BrowserSession
from marketplace.identity.operations.applications import end_tokens

SEEN_NOTED_EVERY = timedelta(minutes=1)  # so that reading does not write all the time
DEVICE_LENGTH = 300


def see_session(key: str, *, user: User, at: datetime, device: str, address: str) -> bool:
    """Note that a session is used; False where it has been idle, or lasted, for longer than allowed."""
    known = queries.session_by_key(key)
    if known is None:
        facts = {"user": user, "device": device[:DEVICE_LENGTH], "address": address or None, "last_seen_at": at}
        stamps = {"created_at": at, "updated_at": at}
        BrowserSession.objects.get_or_create(session_key=key, defaults={**facts, **stamps})
        return True
    if at - known.last_seen_at > settings.SESSION_IDLE or at - known.created_at > settings.SESSION_LONGEST:
        return False
    if at - known.last_seen_at >= SEEN_NOTED_EVERY:
        seen = {"last_seen_at": at, "device": device[:DEVICE_LENGTH], "address": address or None}
        BrowserSession.objects.filter(pk=known.pk).update(**seen)
    return True


@transaction.atomic
def forget_ended_sessions(*, at: datetime) -> None:
    """Delete the sessions that are over, and what is known of those that are gone: device and address are of no more use."""
    Session.objects.filter(expire_date__lte=at).delete()
    alive = Session.objects.filter(session_key=OuterRef("session_key"))
    BrowserSession.objects.exclude(Exists(alive)).delete()


@transaction.atomic
def end_session(session: BrowserSession, *, actor: Actor, at: datetime) -> None:
    """Sign a browser out; its next call is that of a stranger."""
    Session.objects.filter(session_key=session.session_key).delete()
    note(session, "ended", actor=actor, at=at)
    session.delete()


@transaction.atomic
def end_app(application: Application, *, user: User, actor: Actor, at: datetime) -> None:
    """End what an application may do in the name of a person."""
    get_grant_model().objects.filter(application=application, user=user).delete()
    end_tokens(at=at, application=application, user=user)
    note(application, "ended_for_person", actor=actor, at=at, changes={"user": str(user.public_id)})


@transaction.atomic
def end_credentials(user: User, *, actor: Actor, at: datetime) -> None:
    """End all sessions and tokens of a person, and what applications hold in their name."""
    for token in AccessToken.objects.filter(user=user, revoked_at__isnull=True):
        revoke_token(token, actor=actor, at=at)
    get_grant_model().objects.filter(user=user).delete()
    end_tokens(at=at, user=user)
    sessions = BrowserSession.objects.filter(user=user)
    Session.objects.filter(session_key__in=list(sessions.values_list("session_key", flat=True))).delete()
    sessions.delete()
