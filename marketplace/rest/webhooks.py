"""Webhooks of an organization, their deliveries, and what can be done about them (docs/webhooks.md)."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.filters import CodesFilter, FilterSet
from marketplace.api.lookups import Parent
from marketplace.api.serializers import OrganizationRefOut, Out, ReferenceField, StrictSerializer, ThingOut
from marketplace.api.views import Changes, Creates, Lists, Reads, Removes, ThingViewSet, verb
from marketplace.kernel.errors import ErrorCode
from marketplace.rest.organizations import STAMPS
from marketplace.webhooks import operations, queries
from marketplace.webhooks.models import Attempt, Delivery, DeliveryStatus, DisabledReason, Webhook
from marketplace.webhooks.transport import PROBLEM_CODES

MANAGE = Permission.WEBHOOKS_MANAGE
MOST_CHOSEN = 100  # types, resources or ids of one webhook
SIGNED = "Deliveries are signed as the Standard Webhooks have it; docs/webhooks.md has a receiver."
MOST_SEQUENCE = 2**63 - 1


def _names(length: int, help_text: str) -> serializers.ListField:
    child = serializers.CharField(max_length=length)
    return serializers.ListField(child=child, required=False, max_length=MOST_CHOSEN, help_text=help_text)


# --- in -----------------------------------------------------------------------------------------------------------
class WebhookChange(StrictSerializer):
    """What may change about a webhook."""

    example: ClassVar[dict[str, object]] = {"types": ["training_request.*", "engagement.closed"]}

    url = serializers.CharField(max_length=2_000, help_text="A public https address, without user name or fragment.")
    name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    types = _names(80, "Event types, or prefixes such as `training_request.*`; empty: all.")
    resources = _names(40, "Kinds of things, such as `training_request`; empty: all.")
    resource_ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=MOST_CHOSEN, help_text="Single things; empty: all."
    )


class WebhookIn(WebhookChange):
    """A new webhook."""

    example: ClassVar[dict[str, object]] = {
        "organization": "IOM",
        "url": "https://learning.example.org/hooks/gmg",
        "name": "Learning system",
        "types": ["training_request.*", "engagement.*"],
    }

    organization = ReferenceField()


class WebhookRotationIn(StrictSerializer):
    """How long the former secrets sign beside the new one."""

    example: ClassVar[dict[str, object]] = {"overlap_hours": 24}

    overlap_hours = serializers.IntegerField(min_value=0, max_value=720, default=24)

    def arguments(self) -> dict[str, Any]:
        """Give a span instead of a number."""
        return {"overlap": timedelta(hours=super().arguments()["overlap_hours"])}


class ReplayIn(StrictSerializer):
    """From where on: a moment of publication, or a cursor of the feed."""

    example: ClassVar[dict[str, object]] = {"since": "2026-11-23T00:00:00Z"}
    default_error_messages = {"since_or_after": _("Name either `since` or `after`.")}

    since = serializers.DateTimeField(required=False)
    after = serializers.IntegerField(required=False, min_value=0, max_value=MOST_SEQUENCE)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse both and neither."""
        if ("since" in attrs) == ("after" in attrs):
            raise serializers.ValidationError({"since": [self.error_messages["since_or_after"]]}, code="since_or_after")
        return attrs


# --- out ----------------------------------------------------------------------------------------------------------
class WebhookOut(ThingOut):
    """An address of an organization that gets events; never with its secrets."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-000000000050",
        **STAMPS,
        "organization": {"code": "IOM", "name": "International Organization for Migration"},
        "url": "https://learning.example.org/hooks/gmg",
        "name": "Learning system",
        "types": ["training_request.*", "engagement.*"],
        "resources": [],
        "resource_ids": [],
        "active": True,
        "disabled_at": None,
        "disabled_reason": "",
        "succeeded_at": "2026-11-23T09:00:00Z",
        "failing_since": None,
        "failures": 0,
        "paused_until": None,
        "allowed_actions": ["disable", "ping", "replay", "rotate-secret"],
    }

    organization = OrganizationRefOut(read_only=True)
    url = serializers.CharField()
    name = serializers.CharField()
    types = serializers.ListField(child=serializers.CharField())
    resources = serializers.ListField(child=serializers.CharField())
    resource_ids = serializers.ListField(child=serializers.UUIDField())
    active = serializers.BooleanField()
    disabled_at = serializers.DateTimeField(allow_null=True)
    disabled_reason = serializers.ChoiceField(choices=["", *DisabledReason.values])
    succeeded_at = serializers.DateTimeField(allow_null=True, help_text="The last time something was taken.")
    failing_since = serializers.DateTimeField(allow_null=True, help_text="The first of the failures in a row.")
    failures = serializers.IntegerField(help_text="In a row.")
    paused_until = serializers.DateTimeField(allow_null=True, help_text="Nothing is tried before.")
    allowed_actions = serializers.SerializerMethodField()

    def get_allowed_actions(self, webhook: Webhook) -> list[str]:
        """Say what is open."""
        return ["disable", "ping", "replay", "rotate-secret"] if webhook.active else ["enable", "rotate-secret"]


class NewWebhookOut(WebhookOut):
    """A webhook with its newest secret, which is shown this once."""

    example: ClassVar[dict[str, object]] = {**WebhookOut.example, "secret": "whsec_..."}

    secret = serializers.CharField(allow_null=True, help_text="Null when the answer is replayed.")


class AttemptOut(Out):
    """One call of the receiver. What it said is not kept."""

    number = serializers.IntegerField()
    request_id = serializers.UUIDField(help_text="The receiver got it in `X-Request-ID`.")
    at = serializers.DateTimeField()
    duration_ms = serializers.IntegerField()
    status = serializers.IntegerField(allow_null=True, help_text="Of HTTP; null: no answer.")
    problem = serializers.ChoiceField(choices=["", *PROBLEM_CODES], help_text="Empty: taken.")


class WebhookDeliveryOut(Out):
    """One event for one webhook, or a ping."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-000000000051",
        "event": "0198c0de-0000-7000-8000-000000000010",
        "type": "training_request.opened",
        "sequence": 41,
        "subject": "training_request/0198c0de-0000-7000-8000-000000000011",
        "status": "delivered",
        "attempts": 1,
        "replays": 0,
        "created_at": "2026-11-23T09:00:00Z",
        "due_at": None,
        "give_up_at": None,
        "finished_at": "2026-11-23T09:00:01Z",
        "allowed_actions": ["replay"],
    }
    expandable = ("calls",)

    id = serializers.UUIDField(source="public_id")
    event = serializers.SerializerMethodField(help_text="Its id in the feed, and the `webhook-id`; null: a ping.")
    type = serializers.SerializerMethodField()
    sequence = serializers.IntegerField(help_text="Of the event in the feed; 0: a ping.")
    subject = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=DeliveryStatus.values)
    attempts = serializers.IntegerField()
    replays = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    due_at = serializers.SerializerMethodField(help_text="When it is tried next; null: it is over.")
    give_up_at = serializers.SerializerMethodField(help_text="Until when it is tried; null: it is over.")
    finished_at = serializers.DateTimeField(allow_null=True)
    calls = AttemptOut(many=True, help_text="The attempts, the first one first.")
    allowed_actions = serializers.SerializerMethodField()

    def get_event(self, delivery: Delivery) -> str | None:
        """Give the id of the event."""
        return str(delivery.event.public_id) if delivery.event else None

    def get_type(self, delivery: Delivery) -> str:
        """Give the type."""
        return delivery.event.type if delivery.event else "webhook.ping"

    def get_subject(self, delivery: Delivery) -> str:
        """Give kind and id of the thing; empty for a ping."""
        return f"{delivery.event.resource}/{delivery.event.resource_id}" if delivery.event else ""

    def get_due_at(self, delivery: Delivery) -> datetime | None:
        """Give the next moment while it is pending."""
        return delivery.due_at if delivery.finished_at is None else None

    def get_give_up_at(self, delivery: Delivery) -> datetime | None:
        """Give the last moment while it is pending."""
        return delivery.give_up_at if delivery.finished_at is None else None

    def get_allowed_actions(self, delivery: Delivery) -> list[str]:
        """Everything may be sent again; what is still being tried is then tried at once."""
        return ["replay"]


class ReplayedOut(Out):
    """What is sent again."""

    example: ClassVar[dict[str, object]] = {"queued": 12, "after": 52, "more": False}

    queued = serializers.IntegerField(help_text="At most 1,000 in one call.")
    after = serializers.IntegerField(help_text="The last sequence among them: go on from here.")
    more = serializers.BooleanField(help_text="Whether more are left after it.")


# --- routes -------------------------------------------------------------------------------------------------------
def _with_secret(made: tuple[Webhook, str]) -> Webhook:
    webhook, secret = made
    webhook.secret = secret  # type: ignore[attr-defined]
    return webhook


def create_webhook(*, actor: Actor, at: datetime, **facts: Any) -> Webhook:
    """Set a webhook up. Raises what the operation raises."""
    return _with_secret(operations.create_webhook(actor=actor, at=at, **facts))


def rotate_secret(*, actor: Actor, at: datetime, **facts: Any) -> Webhook:
    """Rotate the secret. Raises what the operation raises."""
    return _with_secret(operations.rotate_secret(actor=actor, at=at, **facts))


BAD = (ErrorCode.RULE_BROKEN, ErrorCode.UNKNOWN_REFERENCE)
WRONG_STATE = (ErrorCode.WRONG_STATE,)


class WebhookViewSet(Lists, Reads, Creates, Changes, Removes, ThingViewSet):
    """`/webhooks`."""

    tag, noun, nouns = "Webhooks", "webhook", "webhooks"
    resource, basename = "webhooks", "webhook"
    access = MANAGE
    reads = WebhookOut
    id_argument = "webhook_id"
    create_with = Write(
        "Set up a webhook",
        MANAGE,
        description=f"It begins at the end of the feed. The secret is in the answer, once. {SIGNED}",
        body=WebhookIn,
        out=NewWebhookOut,
        status=201,
        secret=("secret",),
        errors=BAD,
        operation=create_webhook,
    )
    change_with = Write(
        "Change a webhook",
        MANAGE,
        body=WebhookChange,
        if_match=IfMatch.REQUIRED,
        errors=BAD,
        operation=operations.change_webhook,
    )
    remove_with = Write(
        "Remove a webhook",
        MANAGE,
        description="With its log; nothing is sent any more.",
        status=204,
        if_match=IfMatch.REQUIRED,
        operation=operations.delete_webhook,
    )
    ping = verb(
        "ping",
        Write(
            "Send a test call",
            MANAGE,
            description="A `webhook.ping`; its delivery, which is the answer, tells how it went.",
            out=WebhookDeliveryOut,
            errors=WRONG_STATE,
            operation=operations.ping_webhook,
        ),
    )
    rotate = verb(
        "rotate-secret",
        Write(
            "Rotate the secret",
            MANAGE,
            description="The new secret is in the answer, once. The former ones sign beside it until the overlap ends.",
            body=WebhookRotationIn,
            out=NewWebhookOut,
            secret=("secret",),
            errors=(ErrorCode.RULE_BROKEN,),
            operation=rotate_secret,
        ),
    )
    enable = verb(
        "enable",
        Write(
            "Switch a webhook on",
            MANAGE,
            description="What waited goes on; what became true meanwhile is to be had by `replay`.",
            operation=operations.enable_webhook,
        ),
    )
    disable = verb("disable", Write("Switch a webhook off", MANAGE, operation=operations.disable_webhook))
    replay = verb(
        "replay",
        Write(
            "Send again since a moment or a cursor",
            MANAGE,
            description="Everything that the webhook asks for and its organization may see, also what it never got.",
            body=ReplayIn,
            out=ReplayedOut,
            errors=(*WRONG_STATE, ErrorCode.CURSOR_EXPIRED),
            operation=operations.replay_since,
        ),
    )

    def visible(self) -> QuerySet[Webhook]:
        """Those of the caller's organizations."""
        return queries.webhooks_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: QuerySet[Webhook]) -> QuerySet[Webhook]:
        """Fetch organizations ahead."""
        return things.select_related("organization")


class DeliveryFilters(FilterSet):
    """Filters of the log."""

    status = CodesFilter("status", allowed=DeliveryStatus.values)
    type = CodesFilter("event__type")


class DeliveryViewSet(Lists, Reads, ThingViewSet):
    """`/webhooks/{parent_id}/deliveries`: the log, kept for 30 days."""

    tag, noun, nouns = "Webhooks", "delivery of a webhook", "deliveries of a webhook"
    resource, basename = "webhook_deliveries", "webhook-delivery"
    access = MANAGE
    reads = WebhookDeliveryOut
    id_argument = "delivery_id"
    parent = Parent(queries.webhooks_visible_to, column="webhook", argument="webhook_id")
    filterset_class = DeliveryFilters
    ordering, ordering_fields = ("-pk",), {"created_at": "created_at", "sequence": "sequence"}
    replay = verb(
        "replay",
        Write(
            "Send a delivery again",
            MANAGE,
            description="Under the same `webhook-id`.",
            errors=WRONG_STATE,
            operation=operations.replay_delivery,
        ),
    )

    def visible(self) -> QuerySet[Delivery]:
        """Those of the webhook in the URL, which only its organization finds."""
        return queries.deliveries()

    def prepare(self, things: QuerySet[Any]) -> QuerySet[Any]:
        """Read the attempts of all deliveries of a page at once."""
        if "calls" not in self.expand:
            return things
        return things.prefetch_related(Prefetch("calls", Attempt.objects.order_by("number")))
