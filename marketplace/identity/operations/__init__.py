"""Writes of the identity room: OAuth applications with their secrets and tokens, invitations, and the sessions of people."""

from marketplace.identity.operations.applications import (
    APPLICATION,
    application_for,
    authenticate_oauth_token,
    change_app,
    end_tokens,
    is_secret_of,
    issue_secret,
    register_app,
    revoke_secret,
)
from marketplace.identity.operations.people import invite_person, take_second_factors
from marketplace.identity.operations.sessions import (
    end_app,
    end_credentials,
    end_session,
    forget_ended_sessions,
    see_session,
)

__all__ = [
    "APPLICATION",
    "application_for",
    "authenticate_oauth_token",
    "change_app",
    "end_app",
    "end_credentials",
    "end_session",
    "end_tokens",
    "forget_ended_sessions",
    "invite_person",
    "is_secret_of",
    "issue_secret",
    "register_app",
    "revoke_secret",
    "see_session",
    "take_second_factors",
]
