"""The sections `webhooks` and `callbacks` of the API description: what receivers get, from the catalogue of event types."""

from typing import Any

from marketplace.api.tags import TAGS
from marketplace.events.catalogue import EventType, event_types
from marketplace.rest.feed import EventOut
from marketplace.webhooks.tasks import MEDIA_TYPE

Schema = dict[str, Any]
TAG = "Webhooks"
ENVELOPE: Schema = {
    "type": "object",
    "description": "An event in the structured form of CloudEvents 1.0.",
    "required": ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data"],
    "properties": {
        "specversion": {"type": "string", "const": "1.0"},
        "id": {
            "type": "string",
            "format": "uuid",
            "description": "The same as `webhook-id` and as the id in the feed.",
        },
        "source": {"type": "string", "format": "uri"},
        "type": {"type": "string"},
        "subject": {"type": "string", "description": "Kind and public id of the thing."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"type": "string", "const": "application/json"},
        "dataschema": {"type": "string", "format": "uri"},
        "sequence": {"type": "integer", "description": "Place in the feed."},
        "resource": {"type": "string"},
        "resourceid": {"type": "string", "format": "uuid"},
        "resourceversion": {"type": "integer", "description": "After the change."},
        "reference": {"type": "string"},
        "data": {"type": "object"},
    },
}
HEADERS: dict[str, Schema] = {
    "webhook-id": {
        "description": "The same at each attempt and replay: what was seen already can be left.",
        "schema": {"type": "string"},
        "example": "0198c0de-0000-7000-8000-000000000010",
    },
    "webhook-timestamp": {
        "description": "Seconds since 1970, of this attempt.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
        "example": "1795424400",
    },
    "webhook-signature": {
        "description": "`v1,` and the HMAC-SHA256 in base64; several with blanks between while secrets overlap.",
        "schema": {"type": "string"},
        "example": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    },
}
ANSWERS: Schema = {
    "2XX": {"description": "Taken. It is not sent again."},
    "410": {"description": "Nobody is here any more: the webhook is switched off."},
    "default": {"description": "Not taken: sent again for three days, before anything later of the same thing."},
}


# Operations after which the address of a webhook is called, and where in request or answer that address stands.
CALLING_BACK = {
    "webhooks_create": "{$request.body#/url}",
    "webhooks_change": "{$response.body#/url}",
    "webhooks_enable": "{$response.body#/url}",
}
METHODS = ("post", "patch")
# What a receiver that fails may say; nobody reads it but whoever looks at the log.
NOT_TAKEN: Schema = {
    "description": "Not taken: sent again, as above. The first words of the answer are kept in the log.",
    "content": {"text/plain": {"schema": {"type": "string"}, "example": "Try again later."}},
}
REFUSED: Schema = {"4XX": NOT_TAKEN, "500": NOT_TAKEN}


def describe(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
    """Add what the product sends to what it answers; comes after the other hook, which shares components."""
    types = event_types()
    components = result["components"]
    by_resource = {one.resource: one for one in types.values()}
    data = {f"EventData{_camel(resource)}": one.data for resource, one in by_resource.items()}
    components["schemas"] = dict(sorted({**components["schemas"], "CloudEvent": ENVELOPE, **data}.items()))
    components["parameters"] |= {
        f"header.{name}": {"name": name, "in": "header", "required": True, **header} for name, header in HEADERS.items()
    }
    components["responses"] |= {f"Webhook{status.title()}": answer for status, answer in ANSWERS.items()}
    result["webhooks"] = {name: {"post": _operation(one)} for name, one in types.items()}
    for item in result["paths"].values():
        for one in (item[method] for method in METHODS if method in item):
            if one["operationId"] in CALLING_BACK:
                one["callbacks"] = {
                    "event": {CALLING_BACK[one["operationId"]]: {"post": _callback(one["operationId"])}}
                }
    used = [tag["name"] for tag in result["tags"]]
    if TAG not in used:
        result["tags"].append({"name": TAG, "description": TAGS[TAG]})
    return result


def _camel(resource: str) -> str:
    return "".join(word.title() for word in resource.split("_"))


def _operation(one: EventType) -> Schema:
    name = _camel(one.resource)
    named: Schema = {
        "type": {"type": "string", "const": one.type},
        "data": {"$ref": f"#/components/schemas/EventData{name}"},
    }
    body = {"allOf": [{"$ref": "#/components/schemas/CloudEvent"}, {"type": "object", "properties": named}]}
    return {
        "operationId": f"on_{one.type.replace('.', '__')}",
        "tags": [TAG],
        "summary": one.words.rstrip("."),
        **_call(body, _example(one)),
    }


def _callback(operation: str) -> Schema:
    """Describe the call to the address that an operation sets or shows: an event of any type asked for, or a ping."""
    return {
        "operationId": f"event_after_{operation}",
        "tags": [TAG],
        "summary": "Send an event to the webhook",
        "description": "Each type is described under `webhooks`; `webhook.ping` is the test call.",
        **_call(
            {"$ref": "#/components/schemas/CloudEvent"}, _example(event_types()["training_request.opened"]), REFUSED
        ),
    }


def _call(body: Schema, example: Schema, more: Schema | None = None) -> Schema:
    """Describe how an address is called: signed, and answered by its status alone; ``more`` are further answers."""
    return {
        "security": [],
        "parameters": [{"$ref": f"#/components/parameters/header.{header}"} for header in HEADERS],
        "requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": body, "example": example}}},
        "responses": {
            **{status: {"$ref": f"#/components/responses/Webhook{status.title()}"} for status in ANSWERS},
            **(more or {}),
        },
    }


def _example(one: EventType) -> Schema:
    usual = EventOut.example
    states = one.data["properties"].get("state", {}).get("enum", [])
    return {
        **{name: usual[name] for name in ("specversion", "id", "source", "time", "datacontenttype")},
        "type": one.type,
        "subject": f"{one.resource}/{usual['resource_id']}",
        "dataschema": str(usual["dataschema"]).replace(str(usual["type"]), one.type),
        "data": {"state": states[0]} if states else {},
    }
