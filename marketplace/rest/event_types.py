"""The catalogue of event types: each with the JSON Schema of its data, which events name in `dataschema`."""

from typing import Any, ClassVar

from django.utils.translation import gettext
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.base import ApiView
from marketplace.api.contracts import Contract
from marketplace.api.permissions import Public
from marketplace.api.serializers import Out
from marketplace.events import cloud
from marketplace.events.catalogue import EventType, event_types
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.rest.start import PUBLIC

DIALECT = "https://json-schema.org/draft/2020-12/schema"
WHY = Public("what an integrator reads before there is a token; it names no thing and nobody")


class EventTypeOut(Out):
    """A type of events."""

    example: ClassVar[dict[str, object]] = {
        "type": "training_request.opened",
        "resource": "training_request",
        "description": "The secretariat opened a request for matching.",
        "dataschema": "https://marketplace.example/api/v1/event-types/training_request.opened",
    }

    type = serializers.CharField()
    resource = serializers.CharField()
    description = serializers.SerializerMethodField()
    dataschema = serializers.SerializerMethodField()

    def get_description(self, one: EventType) -> str:
        """Say in the caller's language what became true."""
        return gettext(one.words)

    def get_dataschema(self, one: EventType) -> str:
        """Give the address of the schema."""
        return cloud.schema_of(one.type)


class EventTypesOut(Out):
    """All types."""

    example: ClassVar[dict[str, object]] = {"results": [EventTypeOut.example]}

    results = EventTypeOut(many=True)


class EventSchemaOut(Out):
    """The JSON Schema of the `data` of one type; members may be added within version 1."""

    example: ClassVar[dict[str, object]] = {
        "$schema": DIALECT,
        "$id": "https://marketplace.example/api/v1/event-types/training_request.opened",
        "title": "training_request.opened",
        "description": "The secretariat opened a request for matching.",
        "type": "object",
        "properties": {"state": {"type": "string"}},
        "additionalProperties": True,
    }

    # Generated clients keep unknown members under the very name of one of these: say that there are none.
    closed: ClassVar[bool] = True

    title = serializers.CharField()
    description = serializers.CharField()
    type = serializers.CharField()
    properties = serializers.DictField()
    additionalProperties = serializers.BooleanField()  # noqa: N815  the word of JSON Schema

    def get_fields(self) -> dict[str, Any]:
        """Add the two members whose names Python cannot write."""
        return {"$schema": serializers.URLField(), "$id": serializers.URLField(), **super().get_fields()}


class EventTypesView(ApiView):
    """`/event-types`."""

    tag = "Events"
    cache_control = PUBLIC
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract("List the types of events", WHY, out=EventTypesOut, operation_id="event_types_list")
    }

    def get(self, request: Request) -> Response:
        """Give all types, sorted."""
        types = list(event_types().values())
        return Response(EventTypesOut({"results": types}, context=self.shape_context()).data)


class EventTypeView(ApiView):
    """`/event-types/{type}`."""

    tag = "Events"
    cache_control = PUBLIC
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Read the schema of a type of events",
            WHY,
            out=EventSchemaOut,
            operation_id="event_types_read",
            errors=(ErrorCode.NOT_FOUND,),
        )
    }

    def get(self, request: Request, type: str) -> Response:  # noqa: A002  the word in the path
        """Give the schema of the data. Raises DomainError(not_found)."""
        found = event_types().get(type)
        if found is None:
            raise DomainError(ErrorCode.NOT_FOUND)
        document = {
            "$schema": DIALECT,
            "$id": cloud.schema_of(found.type),
            "title": found.type,
            "description": gettext(found.words),
            **found.data,
        }
        return Response(EventSchemaOut(document, context=self.shape_context()).data)
