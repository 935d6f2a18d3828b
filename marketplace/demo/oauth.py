"""The OAuth credentials of the demo's integrating system: made at set-up, kept in the file of the accounts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import ServiceClient
from marketplace.demo.source import read
from marketplace.identity import operations

TOKEN_PATH = "/oauth/token"  # noqa: S105  a path
SECRET_NAME = "demo"  # noqa: S105  a name, not a secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """With these a system gets short tokens by itself (grant client_credentials)."""

    token_url: str
    client_id: str
    client_secret: str
    scope: str  # what it may ask for, parted by blanks

    @property
    def curl(self) -> str:
        """The call that gets a token."""
        user = f"-u {self.client_id}:{self.client_secret}"
        return f"curl -sS {user} -d grant_type=client_credentials -d 'scope={self.scope}' {self.token_url}"


def ensure_credentials(kept: Mapping[str, Any] | None, *, actor: Actor, at: datetime, base_url: str) -> Credentials:
    """Give the credentials of the integrating system: those kept where their secret still works, else new ones."""
    client_id = str(read()["service_clients"][0]["client_id"])
    client = ServiceClient.objects.select_related("organization").get(client_id=client_id)
    application = operations.application_for(client, actor=actor, at=at)
    secret = str((kept or {}).get("client_secret", ""))
    if not operations.is_secret_of(application, secret, at=at):
        for old in application.secrets.filter(name=SECRET_NAME, revoked_at__isnull=True):
            operations.revoke_secret(old, actor=actor, at=at)
        _row, secret = operations.issue_secret(application, actor=actor, at=at, name=SECRET_NAME)
    return Credentials(f"{base_url}{TOKEN_PATH}", client_id, secret, " ".join(client.scopes))
