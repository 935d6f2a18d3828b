"""The texts of OAuth tokens and secrets: 256 random bits behind a word that secret scanners can look for."""

import secrets

ACCESS_TOKEN, REFRESH_TOKEN, CLIENT_SECRET = "gmga", "gmgr", "gmgs"


def access_token(request: object = None, refresh_token: bool = False) -> str:
    """Make the text of an access token (called by OAuthLib)."""
    return f"{ACCESS_TOKEN}_{secrets.token_urlsafe(32)}"


def refresh_token(request: object = None) -> str:
    """Make the text of a refresh token (called by OAuthLib)."""
    return f"{REFRESH_TOKEN}_{secrets.token_urlsafe(32)}"
