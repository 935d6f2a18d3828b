"""Where a person is signed in; each session can be ended."""

from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers

from marketplace.accounts.actors import Actor
from marketplace.api.contracts import Write
from marketplace.api.serializers import ThingOut
from marketplace.api.views import Lists, Reads, Removes, ThingViewSet
from marketplace.identity import operations, queries
from marketplace.identity.models import BrowserSession
from marketplace.kernel.errors import ErrorCode
from marketplace.lifecycles.operations import lock
from marketplace.rest.account import OWN, check_not_through_app
from marketplace.rest.organizations import STAMPS


class BrowserSessionOut(ThingOut):
    """A session of the desk."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-00000000000a",
        **STAMPS,
        "device": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "address": "192.0.2.7",
        "last_seen_at": "2026-11-23T09:12:00Z",
        "current": True,
    }

    device = serializers.CharField(read_only=True, help_text="What the browser says it is.")
    address = serializers.IPAddressField(read_only=True, allow_null=True)
    last_seen_at = serializers.DateTimeField(read_only=True, help_text="To the minute.")
    current = serializers.SerializerMethodField(help_text="Whether this call comes from it.")

    def get_current(self, session: BrowserSession) -> bool:
        """Compare with the session of the call."""
        return bool(session.session_key == self.context["request"].django_request.session.session_key)


def end_session(*, actor: Actor, at: datetime, session_id: int) -> None:
    """Sign a browser of the caller out."""
    operations.end_session(lock(BrowserSession.objects.filter(pk=session_id)), actor=actor, at=at)


class BrowserSessionViewSet(Lists, Reads, Removes, ThingViewSet):
    """`/me/sessions`."""

    tag, noun, nouns = "Account", "session of yours", "your sessions"
    resource, basename = "own_sessions", "own-session"
    access = OWN
    reads = BrowserSessionOut
    id_argument = "session_id"
    ordering, ordering_fields = ("-last_seen_at",), {"last_seen_at": "last_seen_at", "created_at": "created_at"}
    remove_with = Write(
        "End a session",
        OWN,
        description="The browser is signed out at its next call.",
        status=204,
        errors=(ErrorCode.PERMISSION_DENIED,),
        operation=end_session,
    )

    def visible(self) -> QuerySet[BrowserSession]:
        """The caller's own; systems have none, applications see none. Raises DomainError(permission_denied)."""
        actor: Actor = self.request.actor
        check_not_through_app(actor)
        rows: Any = BrowserSession.objects.none()
        return queries.sessions_of(actor.user, at=self.request.at) if actor.user else rows
