"""Signing secrets and signatures, as the Standard Webhooks have them."""

import base64
import secrets
from collections.abc import Iterable
from datetime import datetime

from standardwebhooks.webhooks import Webhook as Signer

from marketplace.identity import cipher

SECRET_BYTES = 32
PURPOSE = "webhooks"


def new_secret() -> str:
    """Make a secret: `whsec_` and 256 random bits."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def seal(secret: str) -> str:
    """Encrypt a secret for the database."""
    return cipher.encrypt(secret, purpose=PURPOSE)


def unseal(sealed: str) -> str:
    """Read a sealed secret. Raises ValueError where the key it was written under is gone."""
    return cipher.decrypt(sealed, purpose=PURPOSE)


def signed_headers(keys: Iterable[str], *, message_id: str, body: bytes, at: datetime) -> dict[str, str]:
    """Give the three headers, with one signature for each key."""
    text = body.decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Signer(key).sign(message_id, at, text) for key in keys),
    }
