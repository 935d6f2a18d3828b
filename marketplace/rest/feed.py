"""The event feed: strictly increasing, never back-filled; what a reader may not see leaves gaps."""

from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts import permissions
from marketplace.accounts.roles import Permission
from marketplace.api.base import ApiView
from marketplace.api.contracts import Contract
from marketplace.api.parameters import query
from marketplace.api.serializers import Out
from marketplace.events import queries
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop

LIMIT, MAX_LIMIT = 200, 1_000
MAX_SEQUENCE = 2**63 - 1


class EventOut(Out):
    """What became true: codes, references and public ids, nothing private."""

    example: ClassVar[dict[str, object]] = {
        "sequence": 41,
        "id": "0198c0de-0000-7000-8000-000000000010",
        "type": "training_request.opened",
        "resource": "training_request",
        "resource_id": "0198c0de-0000-7000-8000-000000000011",
        "reference": "GMG-MLI-2026-0007",
        "version": 3,
        "at": "2026-11-23T09:00:00Z",
        "data": {"from_state": "submitted", "state": "open"},
    }

    sequence = serializers.IntegerField(help_text="Place in the feed.")
    id = serializers.UUIDField(source="public_id")
    type = serializers.CharField()
    resource = serializers.CharField()
    resource_id = serializers.UUIDField()
    reference = serializers.CharField(source="resource_reference")
    version = serializers.IntegerField(help_text="Of the resource, after the change.")
    at = serializers.DateTimeField()
    data = serializers.DictField()  # type: ignore[assignment]


class FeedOut(Out):
    """The next events, and where to go on."""

    example: ClassVar[dict[str, object]] = {
        "results": [EventOut.example],
        "after": 41,
        "next": "https://marketplace.example/api/v1/events?after=41",
    }

    results = EventOut(many=True)
    after = serializers.IntegerField(help_text="The cursor to go on from.")
    next = serializers.URLField(help_text="Always there: an empty page means nothing new yet.")


class FeedView(ApiView):
    """`/events`."""

    tag = "Events"
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Read the event feed",
            Permission.EVENTS_READ,
            description="Events in the order of publication, from `after` (not included). Keep `after` and ask again. "
            "Drafts are in nobody's feed: what happens to a request is told from its submission on.",
            out=FeedOut,
            operation_id="events_list",
            errors=(ErrorCode.INVALID_INPUT,),
            parameters=(
                query("after", "Sequence to go on from.", {"type": "integer", "minimum": 0, "default": 0}),
                query(
                    "limit", "At most this many.", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 200}
                ),
                query("type", "Only these types, with commas.", {"type": "string"}),
                query("resource", "Only this kind of thing.", {"type": "string"}),
                query("resource_id", "Only this thing.", {"type": "string", "format": "uuid"}),
            ),
        )
    }

    def get(self, request: Request) -> Response:
        """Give the next events. Raises DomainError(invalid_input)."""
        asked, actor, at = request.query_params, self.request.actor, self.request.at
        after = _number(asked.get("after", "0"), "?after", 0, MAX_SEQUENCE)
        events = queries.feed(
            after=after,
            organization_ids=permissions.organization_ids(actor, at, "events"),
            is_secretariat=permissions.is_secretariat(actor, at),
            is_group_member=permissions.is_group_member(actor, at),
            types=[part for part in asked.get("type", "").split(",") if part][:50],
            resource=asked.get("resource", ""),
            resource_id=_uuid(asked.get("resource_id")),
            limit=_number(asked.get("limit", str(LIMIT)), "?limit", 1, MAX_LIMIT),
        )
        last = events[-1].sequence if events else after
        again = [(name, value) for name, value in asked.items() if name != "after"]
        url = f"{request.build_absolute_uri(request.path)}?{urlencode([*again, ('after', last)])}"
        return Response(FeedOut({"results": events, "after": last, "next": url}, context=self.shape_context()).data)


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
