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

from clients.cli.words import gettext as _

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
        if not _is_address(url):
            raise UnreachableError(_("%s is no http(s) address") % repr(url))
        self.base = f"{url.rstrip('/').removesuffix('/api/v1')}/api/v1/"
        self.headers = {
            "Accept": "application/json",
            "Accept-Language": language,
            "User-Agent": "gmg-marketplace-cli/1",
            **({"Authorization": f"Bearer {token}"} if token else {}),
        }
        self._opener = urllib.request.build_opener(_Stay)

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Body:
        """Read a path below the root of the API, or an address that it gave; a list in ``query`` is a repeated parameter.

        Raises RefusedError, UnreachableError.
        """
        asked = {name: value for name, value in (query or {}).items() if value not in (None, "", 0)}
        return self.call("GET", f"{path}?{urlencode(asked, doseq=True)}" if asked else path).body

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        """Create, or carry out a verb. Raises RefusedError, UnreachableError."""
        return self.call("POST", path, body, **headers)

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Call and give the answer. Raises RefusedError for a refusal, UnreachableError for silence."""
        url = urljoin(self.base, path)
        if not url.startswith(self.base):
            told = _("%(url)s is not below %(base)s: the token stays here")
            raise UnreachableError(told % {"url": url, "base": self.base})
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
            raise UnreachableError(f"{self.base}: {_reason(error)}") from None


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets, ports and names that are none
        return False


def _reason(error: OSError | HTTPException) -> str:
    """Say why nobody answered, as the system says it; `parser_words` has the usual ones in French."""
    why = getattr(error, "reason", None) or error
    return _(getattr(why, "strerror", None) or str(why) or type(why).__name__)


def _body(answer: IO[bytes]) -> Body:
    try:
        body = json.load(answer)
    except ValueError:
        raise UnreachableError(_("what answers there does not speak JSON")) from None
    if not isinstance(body, dict):
        raise UnreachableError(_("what answers there is not the marketplace"))
    return body


def _refusal(refused: urllib.error.HTTPError) -> RefusedError:
    try:
        problem = _body(refused)
    except (UnreachableError, OSError, HTTPException):  # a proxy in between speaks for itself, or no further
        problem = {}
    phrase = HTTPStatus(refused.code).phrase if refused.code in set(HTTPStatus) else ""
    known = {"status": refused.code, "title": phrase, "detail": refused.reason, "code": ""}
    return RefusedError({**known, **problem, "status": refused.code}, refused.headers.get("Retry-After", ""))
