"""A client that speaks for somebody through a real token, and checks problems word for word."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.test import Client
from django.test.client import ClientHandler

from marketplace.accounts.models import ServiceClient, User
from marketplace.api.problems import MEDIA_TYPE
from marketplace.kernel.errors import CATALOGUE, ErrorCode
from tests.kit.people import token_of

ROOT = "/api/v1"
Answer = Any  # django's test response, with `.body`
# One for all clients, as in a server: each would look through all static files anew.
HANDLER = ClientHandler(enforce_csrf_checks=False)


@receiver(setting_changed)
def _begin_anew(**_: object) -> None:
    """Have the layers of the handler read their settings again."""
    vars(HANDLER).pop("_middleware_chain", None)


class ApiClient:
    """`ApiClient.of(user, at).post("/requests", {...})`; answers carry their JSON as `.body`."""

    def __init__(self, token: str = "", **headers: str) -> None:
        self.client = Client(raise_request_exception=True)
        self.client.handler = HANDLER
        self.headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **headers}

    @classmethod
    def of(cls, owner: User | ServiceClient, at: datetime, *scopes: str) -> "ApiClient":
        """Speak for a person or a system with a fresh token of these scopes (all, when none is named)."""
        return cls(token_of(owner, at, *scopes))

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        """Call a path below the root (or an absolute URL) and read the JSON of the answer."""
        url = path if path.startswith(("http", "/api")) else f"{ROOT}{path}"
        data = raw if raw is not None else b"" if body is None else orjson.dumps(body)
        given = {**self.headers, **(headers or {})}
        answer: Any = self.client.generic(method, url, data, content_type if data else "", headers=given)
        sent = b"" if answer.streaming else answer.content  # a whole list is read by whoever wants it
        answer.body = orjson.loads(sent) if sent and "json" in answer["Content-Type"] else None
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        """GET."""
        return self.call("GET", path, headers=_names(headers))

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        """POST."""
        return self.call("POST", path, body, headers=_names(headers))

    def patch(self, path: str, body: object = None, **headers: str) -> Answer:
        """PATCH."""
        return self.call("PATCH", path, body, headers=_names(headers))

    def delete(self, path: str, **headers: str) -> Answer:
        """DELETE."""
        return self.call("DELETE", path, headers=_names(headers))


def _names(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def check_problem(answer: Answer, code: ErrorCode) -> dict[str, Any]:
    """Check that the answer is the problem `code` in full form, and give its body."""
    kind = CATALOGUE[code]
    assert answer.status_code == kind.status, (answer.status_code, answer.content)
    assert answer["Content-Type"] == MEDIA_TYPE
    body: dict[str, Any] = answer.body
    assert body["code"] == code.value, body
    assert body["status"] == kind.status
    assert body["type"].endswith(f"/api/v1/errors/{code.value}")
    assert body["title"]
    assert body["detail"]
    assert "%(" not in body["detail"]
    return body


def places(body: Mapping[str, Any]) -> dict[str, str]:
    """Give code by place of the errors in a problem."""
    return {
        error.get("pointer", error.get("parameter", error.get("header"))): error["code"]
        for error in body.get("errors", [])
    }
