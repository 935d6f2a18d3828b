"""What people are told."""

from datetime import datetime
from typing import ClassVar

from django.db.models import Q, QuerySet
from django_filters import BooleanFilter
from rest_framework import serializers

from marketplace.accounts.actors import Actor
from marketplace.api.contracts import Write
from marketplace.api.filters import FilterSet
from marketplace.api.permissions import SignedIn
from marketplace.api.serializers import Out, ThingOut
from marketplace.api.views import Lists, ThingViewSet, collection_verb, verb
from marketplace.notifications import operations, queries
from marketplace.notifications.models import Notification

OWN = SignedIn("what the caller was told")


class NotificationOut(ThingOut):
    """One notice, in the reader's language."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-000000000030",
        "version": 1,
        "created_at": "2026-11-23T09:00:00Z",
        "updated_at": "2026-11-23T09:00:00Z",
        "subject": "step_opened",
        "text": "GMG-MLI-2026-0007 waits for you.",
        "step": "request.screen",
        "due_at": "2026-11-30T09:00:00Z",
        "about": {"resource": "training_request", "id": "0198c0de-0000-7000-8000-000000000011", "reference": "GMG-1"},
        "read_at": None,
    }

    subject = serializers.CharField()
    text = serializers.SerializerMethodField()
    step = serializers.CharField()
    due_at = serializers.DateTimeField(allow_null=True)
    about = serializers.SerializerMethodField()
    read_at = serializers.DateTimeField(allow_null=True)

    def get_text(self, notification: Notification) -> str:
        """Say it in the caller's language."""
        request = self.context.get("request")
        return queries.text_of(notification, getattr(request, "language", "en"))

    def get_about(self, notification: Notification) -> dict[str, str]:
        """Name the thing that it is about."""
        return {
            "resource": notification.about_resource,
            "id": str(notification.about_id),
            "reference": notification.about_reference,
        }


class ReadOut(Out):
    """How many were unread."""

    example: ClassVar[dict[str, object]] = {"marked": 3}

    marked = serializers.IntegerField()


class NotificationFilters(FilterSet):
    """Filters of the list."""

    unread = BooleanFilter(method="only_unread", help_text="Only those not read yet (or only those read).")

    def only_unread(self, notices: QuerySet[Notification], name: str, value: bool) -> QuerySet[Notification]:
        """Leave unread ones, or read ones."""
        return notices.filter(Q(read_at__isnull=value))


def mark_read(*, actor: Actor, at: datetime, notification_id: int) -> None:
    """Mark one notice of the caller as read."""
    operations.mark_read(actor=actor, at=at, ids=[Notification.objects.get(pk=notification_id).public_id])


def mark_all_read(*, actor: Actor, at: datetime) -> dict[str, int]:
    """Mark all notices of the caller as read."""
    return {"marked": operations.mark_read(actor=actor, at=at)}


class NotificationViewSet(Lists, ThingViewSet):
    """`/notifications`."""

    tag, noun, nouns = "Events", "notification", "notifications"
    resource, basename = "notifications", "notification"
    access = OWN
    reads = NotificationOut
    id_argument = "notification_id"
    filterset_class = NotificationFilters
    read = verb("read", Write("Mark a notification as read", OWN, operation=mark_read))
    read_all = collection_verb("read-all", Write("Mark all as read", OWN, out=ReadOut, operation=mark_all_read))

    def visible(self) -> QuerySet[Notification]:
        """The caller's own."""
        return queries.notifications_of(self.request.actor)
