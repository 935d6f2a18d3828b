"""The accounts of the demo with secrets made at set-up, written to a file that only its owner reads."""

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from marketplace.accounts import operations, queries
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import ServiceClient, User
from marketplace.accounts.roles import ROLES, SCOPES
from marketplace.demo.oauth import Credentials, ensure_credentials
from marketplace.demo.source import read

SET_UP = Actor.system("demo set-up")
TOKEN_NAME = "demo"  # noqa: S105  a name, not a secret


@dataclass(frozen=True, slots=True)
class Login:
    """One account as scripts read it; a service client has no password."""

    role: str
    organization: str
    login: str
    password: str | None
    token: str


def ensure_logins(*, at: datetime, path: Path, base_url: str) -> tuple[list[Login], Credentials]:
    """Give the accounts with their secrets: those of the file where they still work, else new ones, and write them down."""
    content = _content(path)
    logins = _kept(content)
    if not logins or not all(operations.authenticate_token(login.token, at=at) for login in logins):
        logins = make_logins(at=at)
    oauth = ensure_credentials(content.get("oauth"), actor=SET_UP, at=at, base_url=base_url)
    _write(path, {"base_url": base_url, "accounts": [asdict(login) for login in logins], "oauth": asdict(oauth)})
    return logins, oauth


def make_logins(*, at: datetime) -> list[Login]:
    """Give every demo account a new password and a token with the scopes that its roles can use; older tokens end."""
    data = read()
    first_roles: dict[str, tuple[str, str]] = {}
    roles: dict[str, set[str]] = {}
    for row in data["memberships"]:
        first_roles.setdefault(row["user"], (row["role"], row["organization"]))
        roles.setdefault(row["user"], set()).add(row["role"])
    people = [_person(login, *first_roles[login], scopes_of(roles[login]), at) for login in first_roles]
    return people + [_client(row["client_id"], at) for row in data["service_clients"]]


def scopes_of(roles: Iterable[str]) -> list[str]:
    """Give the scopes that are of any use to somebody with these roles."""
    rights = frozenset().union(*(ROLES[role] for role in roles))
    return sorted(scope for scope, permissions in SCOPES.items() if permissions & rights)


def _person(login: str, role: str, organization: str, scopes: list[str], at: datetime) -> Login:
    user = User.objects.get(username=login)
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.save(update_fields=["password"])
    _end_tokens(Actor.for_user(user), at)
    return Login(role, organization, login, password, _token(scopes, at, user=user))


def _client(client_id: str, at: datetime) -> Login:
    client = ServiceClient.objects.select_related("organization").get(client_id=client_id)
    _end_tokens(Actor.for_client(client), at)
    token = _token(list(client.scopes), at, client=client)
    return Login("service_client", client.organization.code, client_id, None, token)


def _end_tokens(owner: Actor, at: datetime) -> None:
    for token in queries.tokens_of(owner).filter(name=TOKEN_NAME, revoked_at__isnull=True):
        operations.revoke_token(token, actor=SET_UP, at=at)


def _token(scopes: list[str], at: datetime, **owner: Any) -> str:
    _row, text = operations.issue_token(
        actor=SET_UP, at=at, name=TOKEN_NAME, scopes=scopes, lifetime=settings.TOKEN_LIFETIME, **owner
    )
    return text


def _content(path: Path) -> dict[str, Any]:
    """Read the file of an earlier start; nothing where it is missing or not of this kind."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _kept(content: dict[str, Any]) -> list[Login]:
    try:
        return [Login(**row) for row in content["accounts"]]
    except (KeyError, TypeError):
        return []


def _write(path: Path, content: dict[str, Any]) -> None:
    """Replace the file in one step; nobody else ever reads it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = path.with_suffix(".new")
    waiting.unlink(missing_ok=True)
    with os.fdopen(os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, ensure_ascii=False)
        file.write("\n")
    waiting.replace(path)


def own_secret_key(path: Path) -> str:
    """Give the key with which this demo signs its sessions: made once, kept in a file that only its owner reads."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
    return path.read_text()
