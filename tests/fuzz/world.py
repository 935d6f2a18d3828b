"""A world with things of every kind in it, and a token for everybody who calls."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from marketplace.accounts.actors import Actor
from tests.factories.accounts import OrganizationFactory, member
from tests.factories.fulfilment import brought_to
from tests.factories.matching import ranked
from tests.kit.api import ApiClient
from tests.kit.people import token_of

PART = re.compile(r"\{[a-z_]+\}")


@dataclass
class World:
    """Tokens by who calls, and what paths may name, found through the API itself."""

    tokens: dict[str, str]
    named: dict[str, dict[str, str]]


class Finder:
    """Names things: the first of each list that the secretariat reads."""

    def __init__(self, token: str) -> None:
        self.eyes = ApiClient(token)
        self.found: dict[str, str | None] = {}

    def parameters(self, path: str) -> dict[str, str]:
        """Give a value for each part of ``path`` that is there to be named; empty where one is not."""
        named: dict[str, str] = {}
        for part in PART.findall(path):
            value = self._first(path.partition(part)[0].rstrip("/").format(**named))
            if value is None:
                return {}
            named[part.strip("{}")] = value
        return named

    def _first(self, collection: str) -> str | None:
        if collection not in self.found:
            answer = self.eyes.get(collection)
            rows = answer.body.get("results", []) if answer.status_code == 200 else []
            self.found[collection] = next((str(row["id"]) for row in rows if "id" in row), None)
        return self.found[collection]


def build(paths: Iterable[str]) -> World:
    """Make an engagement that was delivered, a request with proposals, and a second agency."""
    at: datetime = timezone.now()
    engaged, market = brought_to("delivered"), ranked()
    stranger = member(OrganizationFactory.create(roles=["member"]), "focal_point")
    callers: dict[str, Actor] = {
        "agency": engaged.focal,
        "second agency": stranger,
        "provider": engaged.provider,
        "secretariat": market.head,
    }
    tokens = {name: token_of(_person(actor), at) for name, actor in callers.items()}
    finder = Finder(tokens["secretariat"])
    return World(tokens, {path: finder.parameters(path) for path in paths})


def _person(actor: Actor) -> Any:
    return actor.user
