"""The event feed: strictly increasing, never back-filled; what a reader may not see leaves gaps (docs/events.md)."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from operator import eq
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.http import QueryDict
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.api.base import ApiView
from marketplace.api.contracts import Contract
from marketplace.api.parameters import query
from marketplace.api.reports import invalid_choice
from marketplace.api.serializers import Out
from marketplace.events import cloud, queries
from marketplace.events.catalogue import event_types, resources
from marketplace.events.models import OutboxEvent
from marketplace.events.patterns import Choice, matches
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop
from marketplace.rest import waiting

LIMIT, MAX_LIMIT = 200, 1_000
MAX_SEQUENCE = 2**63 - 1
MOST_CHOSEN = 300  # names in one parameter: more than there are types, a test compares
Look = Callable[[], list[OutboxEvent]]


class EventOut(Out):
    """What became true, with the attributes of CloudEvents 1.0: codes, references and public ids, nothing private."""

    example: ClassVar[dict[str, object]] = {
        "specversion": "1.0",
        "id": "0198c0de-0000-7000-8000-000000000010",
        "source": "https://marketplace.example/api/v1/events",
        "type": "training_request.opened",
        "subject": "training_request/0198c0de-0000-7000-8000-000000000011",
        "time": "2026-11-23T09:00:00Z",
        "datacontenttype": "application/json",
        "dataschema": "https://marketplace.example/api/v1/event-types/training_request.opened",
        "sequence": 41,
        "resource": "training_request",
        "resource_id": "0198c0de-0000-7000-8000-000000000011",
        "reference": "GMG-MLI-2026-0007",
        "version": 3,
        "at": "2026-11-23T09:00:00Z",
        "data": {"from_state": "submitted", "state": "open"},
    }

    specversion = serializers.SerializerMethodField()
    id = serializers.UUIDField(source="public_id")
    source = serializers.SerializerMethodField(help_text="This installation; with `id` unique everywhere.")  # type: ignore[assignment]
    type = serializers.CharField(help_text="One of `/event-types`.")
    subject = serializers.SerializerMethodField(help_text="Kind and id of the thing.")
    time = serializers.DateTimeField(source="at", help_text="When it became true.")
    datacontenttype = serializers.SerializerMethodField()
    dataschema = serializers.SerializerMethodField(help_text="Where the JSON Schema of `data` is.")
    sequence = serializers.IntegerField(help_text="Place in the feed.")
    resource = serializers.CharField()
    resource_id = serializers.UUIDField()
    reference = serializers.CharField(source="resource_reference")
    version = serializers.IntegerField(help_text="Of the resource, after the change.")
    at = serializers.DateTimeField(help_text="The same as `time`.")
    data = serializers.DictField()  # type: ignore[assignment]

    def get_specversion(self, event: OutboxEvent) -> str:
        """Give the version of CloudEvents."""
        return cloud.SPECVERSION

    def get_source(self, event: OutboxEvent) -> str:
        """Name the installation."""
        return cloud.source()

    def get_subject(self, event: OutboxEvent) -> str:
        """Name the thing."""
        return cloud.subject_of(event)

    def get_datacontenttype(self, event: OutboxEvent) -> str:
        """Give the media type of `data`."""
        return cloud.DATA_TYPE

    def get_dataschema(self, event: OutboxEvent) -> str:
        """Give the address of the schema."""
        return cloud.schema_of(event.type)


class FeedOut(Out):
    """The next events, and where to go on."""

    example: ClassVar[dict[str, object]] = {
        "results": [EventOut.example],
        "after": 41,
        "next": "https://marketplace.example/api/v1/events?after=41",
        "waited_seconds": 0.0,
        "wait_ended": "",
    }

    results = EventOut(many=True)
    after = serializers.IntegerField(help_text="The cursor to go on from.")
    next = serializers.URLField(help_text="Always there: an empty page means nothing new yet.")
    waited_seconds = serializers.FloatField()
    wait_ended = serializers.ChoiceField(
        choices=["", "events", "time", "no_room"],
        help_text="How a call with `wait` ended: by events, by time, or at once because others wait already. Empty: none.",
    )


@dataclass(frozen=True, slots=True)
class Waited:
    """How long a call waited, and what ended it."""

    seconds: float = 0.0
    ended: str = ""


class FeedView(ApiView):
    """`/events`."""

    tag = "Events"
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Read the event feed",
            Permission.EVENTS_READ,
            description="Events in the order of publication, from `after` (not included). Keep `after` and ask again; "
            "with `wait` the answer comes when there is something. "
            "Drafts are in nobody's feed: what happens to a request is told from its submission on.",
            out=FeedOut,
            operation_id="events_list",
            errors=(ErrorCode.INVALID_INPUT, ErrorCode.INVALID_CURSOR, ErrorCode.CURSOR_EXPIRED),
            parameters=(
                query(
                    "after",
                    "Sequence to go on from; 0 is the beginning of what is kept.",
                    {"type": "integer", "minimum": 0, "default": 0},
                ),
                query(
                    "limit", "At most this many.", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 200}
                ),
                query(
                    "wait",
                    "Seconds to wait for an event where there is none.",
                    {"type": "integer", "minimum": 0, "maximum": waiting.MOST_SECONDS, "default": 0},
                ),
                query(
                    "type",
                    f"Only these types, with commas, {MOST_CHOSEN} at most; `training_request.*` means all of these. Each is one of "
                    "`/event-types`, or the beginning of some.",
                    {"type": "string"},
                ),
                query("resource", "Only these kinds of things, with commas; see `/event-types`.", {"type": "string"}),
                query("resource_id", "Only this thing.", {"type": "string", "format": "uuid"}),
            ),
        )
    }

    def get(self, request: Request) -> Response:
        """Give the next events. Raises DomainError(invalid_input, invalid_cursor, cursor_expired)."""
        asked = self.request.query_params
        after = _number(asked.get("after", "0"), "?after", 0, MAX_SEQUENCE)
        limit = _number(asked.get("limit", str(LIMIT)), "?limit", 1, MAX_LIMIT)
        seconds = _number(asked.get("wait", "0"), "?wait", 0, waiting.MOST_SECONDS)
        # Read before the events are: all up to it has been published, so that a page that is not full has seen it all.
        head = queries.head()
        look = self.look_from(self.kept_place(after, head), limit)
        events = look()
        waited = Waited()
        if seconds and not events:
            events, head, waited = self.wait_for(look, head, seconds)
        full = len(events) == limit
        last = (events[-1].sequence or 0) if full else max([head, *(event.sequence or 0 for event in events)])
        again = [(name, value) for name, values in asked.lists() for value in values if name != "after"]
        page = {
            "results": events,
            "after": last,
            "next": f"{request.build_absolute_uri(request.path)}?{urlencode([*again, ('after', last)])}",
            "waited_seconds": waited.seconds,
            "wait_ended": waited.ended,
        }
        return Response(FeedOut(page, context=self.shape_context()).data)

    def kept_place(self, after: int, head: int) -> int:
        """Give where to read from. Raises DomainError(cursor_expired) where what follows is no longer in the feed, and
        DomainError(invalid_cursor) for a place behind its ``head``, which this feed cannot have given.
        """
        if after > head:  # of another installation, or of what was here before a backup was restored
            error = FieldError("?after", "invalid", gettext_noop("The feed ends at %(head)s."), params={"head": head})
            raise DomainError(ErrorCode.INVALID_CURSOR, errors=[error])
        if not settings.EVENT_DAYS:
            return after
        kept_since = self.request.at - timedelta(days=settings.EVENT_DAYS)
        if queries.has_lost(after, kept_since=kept_since):
            raise DomainError(ErrorCode.CURSOR_EXPIRED, days=settings.EVENT_DAYS)
        return after or queries.beginning(kept_since=kept_since)

    def look_from(self, after: int, limit: int) -> Look:
        """Make the look at what is there for this reader."""
        asked, actor, at = self.request.query_params, self.request.actor, self.request.at
        key = _uuid(asked.get("resource_id"))
        types = _chosen(asked, "type", list(event_types()), stands_for=matches)
        kinds = _chosen(asked, "resource", resources(), stands_for=eq)
        choice = Choice(types, kinds, {key} if key else ())
        return partial(
            queries.feed,
            after=after,
            choice=choice,
            limit=limit,
            reaches=reaches_of(actor, at),
        )

    @staticmethod
    def wait_for(look: Look, head: int, seconds: int) -> tuple[list[OutboxEvent], int, Waited]:
        """Wait for events that this reader may see; gives them, the head before them, and how it went."""
        began, found, seen = time.monotonic(), [], head

        def is_there() -> bool:
            nonlocal found, seen
            now = queries.head()
            if now > seen:
                seen, found = now, look()
            return bool(found)

        with waiting.place() as has_place:
            if not has_place:
                return [], head, Waited(ended="no_room")
            came = waiting.until(is_there, seconds)
        return found, seen, Waited(round(time.monotonic() - began, 2), "events" if came else "time")


def reaches_of(actor: Actor, at: datetime) -> list[queries.Reach]:
    """Say how far a reader sees, by each role and by what was granted."""
    granted = permissions.granted_ids(actor, at, "events")
    of_roles = [
        queries.Reach(
            right.descendant_ids,
            right.in_group or right.reads_group_wide,
            right.is_group_wide,
            right.programmes,
            right.countries,
        )
        for right in actor.rights(at)
    ]
    return [*of_roles, queries.Reach(granted, everything=actor.is_system)]


def _chosen(
    asked: QueryDict, parameter: str, allowed: list[str], *, stands_for: Callable[[str, str], bool]
) -> list[str]:
    """Read names with commas between. Raises DomainError(invalid_input) for too many, and for one that stands for nothing:
    `after` goes past what was not asked for, so that events of a name which is passed over would be lost.
    """
    parts = [part.strip() for text in asked.getlist(parameter) for part in text.split(",")]
    names = list(dict.fromkeys(part for part in parts if part))
    if len(names) > MOST_CHOSEN:
        detail, params = gettext_noop("At most %(limit)s codes."), {"limit": MOST_CHOSEN}
        error = FieldError(f"?{parameter}", "invalid", detail, params=params)
        raise DomainError(ErrorCode.INVALID_INPUT, errors=[error])
    for name in names:
        if not any(stands_for(name, one) for one in allowed):
            raise invalid_choice(parameter, name, allowed)
    return names


def _number(text: str, pointer: str, least: int, most: int) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 19 and least <= int(text) <= most:
        return int(text)
    detail = gettext_noop("A whole number from %(least)s to %(most)s.")
    params = {"least": least, "most": most}
    raise DomainError(ErrorCode.INVALID_INPUT, errors=[FieldError(pointer, "invalid", detail, params=params)])


def _uuid(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        detail = gettext_noop("This is not a public id.")
        raise DomainError(ErrorCode.INVALID_INPUT, errors=[FieldError("?resource_id", "invalid", detail)]) from None
