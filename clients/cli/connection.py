"""HTTP to the marketplace: JSON both ways, problems and silence as two kinds of errors."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from typing import IO, Any
from urllib.parse import urlencode, urljoin, urlsplit

Body = dict[str, Any]
SECONDS = 60  # a call that waits in the feed takes up to 20


class UnreachableError(Exception):
    """Nobody answers there, or not the marketplace; the message says what happened instead."""


class RefusedError(Exception):
    """The marketplace refused: `problem` is its answer (RFC 9457), `retry_after` the seconds to wait, where it says so."""

    def __init__(self, problem: Body, retry_after: str = "") -> None:
        super().__init__(problem.get("detail", ""))
        self.problem = problem
        self.retry_after = retry_after


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nowhere: the API never sends anybody elsewhere, and a token must not go along."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass(frozen=True)
class Answer:
    """What came back."""

    body: Body
    headers: Mapping[str, str]


class Marketplace:
    """`Marketplace(url, token, "fr").get("requests", state="open")`."""

    def __init__(self, url: str, token: str, language: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UnreachableError(f"{url!r} is no http(s) address")
        self.base = f"{url.rstrip('/').removesuffix('/api/v1')}/api/v1/"
        self.headers = {
            "Accept": "application/json",
            "Accept-Language": language,
            "User-Agent": "gmg-marketplace-cli/1",
            **({"Authorization": f"Bearer {token}"} if token else {}),
        }
        self._opener = urllib.request.build_opener(_Stay)

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Body:
        """Read a path below the root of the API, or an address that it gave. Raises RefusedError, UnreachableError."""
        asked = {name: value for name, value in (query or {}).items() if value not in (None, "", 0)}
        return self.call("GET", f"{path}?{urlencode(asked)}" if asked else path).body

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        """Create, or carry out a verb. Raises RefusedError, UnreachableError."""
        return self.call("POST", path, body, **headers)

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Call and give the answer. Raises RefusedError for a refusal, UnreachableError for silence."""
        url = urljoin(self.base, path)
        if not url.startswith(self.base):
            raise UnreachableError(f"{url} is not below {self.base}: the token stays here")
        named = {name.replace("_", "-"): value for name, value in headers.items() if value}
        sent = None if body is None else json.dumps(body).encode()
        if sent is not None:
            named["Content-Type"] = "application/json"
        asked = urllib.request.Request(url, data=sent, headers={**self.headers, **named}, method=method)  # noqa: S310  http(s), see above
        try:
            with self._opener.open(asked, timeout=SECONDS) as answer:
                return Answer(_body(answer), answer.headers)
        except urllib.error.HTTPError as refused:
            with refused:
                raise _refusal(refused) from None
        except (OSError, HTTPException) as error:
            raise UnreachableError(f"{self.base}: {getattr(error, 'reason', None) or error}") from None


def _body(answer: IO[bytes]) -> Body:
    try:
        body = json.load(answer)
    except ValueError:
        raise UnreachableError("what answers there does not speak JSON") from None
    if not isinstance(body, dict):
        raise UnreachableError("what answers there is not the marketplace")
    return body


def _refusal(refused: urllib.error.HTTPError) -> RefusedError:
    try:
        problem = _body(refused)
    except UnreachableError:  # a proxy in between speaks for itself
        problem = {}
    phrase = HTTPStatus(refused.code).phrase if refused.code in set(HTTPStatus) else ""
    known = {"status": refused.code, "title": phrase, "detail": refused.reason, "code": ""}
    return RefusedError({**known, **problem}, refused.headers.get("Retry-After", ""))
