"""Calling one cell of the access matrix for real, and naming what came back."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db import transaction

from marketplace.accounts.models import ServiceClient, User
from marketplace.accounts.operations import issue_token
from marketplace.rest.access import METHODS, scopes_of
from marketplace.rest.start import description
from tests.access.scene import AT, Scene
from tests.access.settings import QUERIES, SETTINGS, Body
from tests.kit.api import ApiClient
from tests.kit.people import SYSTEM, WEEK, token_of

BEFORE_THE_LIMIT = 50  # calls of one caller
PLACE = re.compile(r"\{[a-z_]+\}")


@dataclass(frozen=True)
class Operation:
    """One operation of the API description."""

    name: str
    method: str
    path: str
    scopes: tuple[str, ...]
    example: Mapping[str, Any] | None

    def url(self, scene: Scene, about: str = "") -> str:
        """Put the ids of the scene into the path; ``about`` names another thing for its last id."""
        words = self.path.removeprefix("/api/v1").split("/")
        places = [number for number, word in enumerate(words) if PLACE.fullmatch(word)]
        parts = list(words)
        for number in places:
            before = next((word for word in reversed(words[: number - 1]) if word and not PLACE.fullmatch(word)), "")
            named = about and number == places[-1]
            parts[number] = scene.id_of(about) if named else scene.id_of(words[number - 1], before)
        return "/".join(parts) or "/"


@functools.cache
def operations() -> dict[str, Operation]:
    """Give every operation of the API by its id."""
    found: dict[str, Operation] = {}
    examples = description()["components"].get("examples", {})
    for path, item in description()["paths"].items():
        for method in METHODS:
            if method in item:
                one = item[method]
                name = one["operationId"]
                found[name] = Operation(name, method, path, scopes_of(one), _example(one, examples))
    return found


def _example(one: Mapping[str, Any], examples: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for name, media in one.get("requestBody", {}).get("content", {}).items():
        if "json" not in name:
            continue
        for example in media.get("examples", {}).values():
            shown = examples[example["$ref"].rpartition("/")[2]] if "$ref" in example else example
            if isinstance(shown["value"], Mapping):  # else the bytes of a file
                return dict(shown["value"])
    return None


class Walker:
    """Speaks for every caller of a scene; what a call writes is taken back."""

    def __init__(self, scene: Scene) -> None:
        """Give each caller a token of all scopes and one of none."""
        self.scene = scene
        self.sent = 0
        self.clients: dict[tuple[str, bool], ApiClient] = {}
        for name, owner in scene.callers.items():
            self.clients[name, True] = ApiClient(token_of(owner, AT) if owner else "")
            self.clients[name, False] = ApiClient(token_without_scope(owner) if owner else "")

    def call(self, one: Operation, caller: str, *, about: str = "", scoped: bool = True) -> Any:
        """Make the call with a body and state that nothing but access can stand against, and roll back."""
        self.scene.asking = caller
        if one.method == "get" and one.name not in SETTINGS:
            return self.send(one, caller, one.example, about=about, scoped=scoped)
        with transaction.atomic():
            body = SETTINGS[one.name](self.scene, one.example) if one.name in SETTINGS else one.example
            answer = self.send(one, caller, body, about=about, scoped=scoped)
            transaction.set_rollback(True)
        return answer

    def send(self, one: Operation, caller: str, body: Body, *, about: str = "", scoped: bool = True) -> Any:
        """Make the call as the scene stands; what it writes stays."""
        self.sent += 1
        if self.sent % BEFORE_THE_LIMIT == 0:
            cache.clear()  # nobody's allowance of calls is used up here
        if body is None and one.method in ("post", "patch", "put"):
            body = {}
        query = QUERIES[one.name](self.scene) if one.name in QUERIES else ""
        client = self.clients[caller, scoped]
        client.client.cookies.clear()  # who signed in is not signed in at the next call
        headers = {} if one.method == "get" else {"If-Match": "*"}
        url = one.url(self.scene, about) + query
        if isinstance(body, bytes):
            return client.call("POST", url, raw=body, content_type="application/octet-stream", headers=headers)
        return client.call(one.method.upper(), url, body, headers=headers)

    def kind(self, one: Operation, caller: str, *, about: str = "", scoped: bool = True) -> str:
        """Name the answer as the matrix does."""
        return kind_of(self.call(one, caller, about=about, scoped=scoped).status_code)

    def unset(self, one: Operation, caller: str, *, scoped: bool) -> str:
        """Name the answer to a call for which nothing was put into its place."""
        self.scene.asking = caller
        return kind_of(self.send(one, caller, one.example, scoped=scoped).status_code)


def kind_of(status: int) -> str:
    """Name a status: 2xx, 401, 403, 404, 4xx for what is permitted but stands against state or body, else itself."""
    if status < 400:
        return "2xx"
    return str(status) if status in (401, 403, 404) or status >= 500 else "4xx"


def token_without_scope(owner: User | ServiceClient) -> str:
    """Make a token that reaches nothing."""
    by: dict[str, Any] = {"user": owner} if isinstance(owner, User) else {"client": owner}
    return issue_token(actor=SYSTEM, at=AT, name="narrow", scopes=(), lifetime=WEEK, **by)[1]
