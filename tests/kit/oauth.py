"""A system and an app that speak OAuth to the product, and what a browser does on the consent page."""

import base64
import hashlib
import re
import secrets
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.test import Client

from tests.kit.api import ApiClient
from tests.kit.people import PASSWORD

Answer = Any  # django's test response, with `.body`
CALLBACK = "https://app.example/callback"


def form(path: str, *, basic: tuple[str, str] | None = None, **fields: str) -> Answer:
    """Post a form as an application does and read the JSON of the answer as `.body`."""
    headers = {}
    if basic:
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(basic).encode()).decode()
    answer: Any = Client().post(
        path, urlencode(fields), content_type="application/x-www-form-urlencoded", headers=headers
    )
    answer.body = answer.json() if answer.content else None
    return answer


def client_token(client_id: str, secret: str, scope: str) -> Answer:
    """Ask for a token by the grant client_credentials."""
    return form("/oauth/token", basic=(client_id, secret), grant_type="client_credentials", scope=scope)


def new_secret(officer: ApiClient, client_id: str) -> str:
    """Let the secretariat make a secret for a service client."""
    made = officer.post(f"/service-clients/{client_id}/secrets", {"name": "test"})
    assert made.status_code == 201, made.content
    return str(made.body["client_secret"])


class App:
    """A public app: sends people to the consent page and swaps the code for tokens."""

    def __init__(
        self, officer: ApiClient, *scopes: str, client_id: str = "planner", confidential: bool = False
    ) -> None:
        self.client_id = client_id
        body = {
            "client_id": client_id,
            "name": "Planner",
            "organization": "REQ",
            "scopes": list(scopes),
            "redirect_uris": [CALLBACK],
            "confidential": confidential,
        }
        made = officer.post("/oauth-applications", body)
        assert made.status_code == 201, made.content
        self.etag = made["ETag"]
        self.verifier = secrets.token_urlsafe(48)

    def address(self, scope: str, **others: str) -> str:
        """Write the address to which the app sends a person."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": scope,
            "state": "s1",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **others,
        }
        return "/oauth/authorize?" + urlencode({name: value for name, value in asked.items() if value})

    def code(self, browser: Client, scope: str) -> str:
        """Let the person in the browser agree, and read the code from where they are sent."""
        page = browser.get(self.address(scope))
        assert page.status_code == 200, page.content
        sent = browser.post(self.address(scope), {**hidden(page.content.decode()), "allow": "true"})
        assert sent.status_code == 302, sent.content
        back = parse_qs(urlsplit(sent["Location"]).query)
        assert sent["Location"].startswith(CALLBACK)
        assert back["state"] == ["s1"]
        return back["code"][0]

    def swap(self, code: str, **others: str) -> Answer:
        """Swap a code for tokens."""
        fields: dict[str, Any] = {
            "code": code,
            "redirect_uri": CALLBACK,
            "client_id": self.client_id,
            "code_verifier": self.verifier,
        }
        fields.update(others)
        return form("/oauth/token", grant_type="authorization_code", **fields)

    def refresh(self, token: str) -> Answer:
        """Renew."""
        return form("/oauth/token", grant_type="refresh_token", refresh_token=token, client_id=self.client_id)


def hidden(page: str) -> dict[str, str]:
    """Read the hidden fields of a form."""
    fields = {}
    for tag in re.findall(r"<input[^>]*>", page):
        found = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if found.get("type") == "hidden" and found["name"] not in ("next", "csrfmiddlewaretoken"):
            fields[found["name"]] = found.get("value", "")
    return fields


def browser_of(login: str) -> Client:
    """Sign somebody in by the page, as a browser does."""
    browser = Client()
    answer = browser.post("/sign-in", {"login": login, "password": PASSWORD})
    assert answer.status_code == 302, answer.content
    return browser
