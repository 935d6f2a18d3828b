"""The scopes of tokens in words, and which of them an OAuth application may ask for."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from oauth2_provider.scopes import BaseScopes

from marketplace.accounts.roles import SCOPES

if TYPE_CHECKING:
    from marketplace.identity.models import Application

# What a person reads before they let an application act for them.
WORDS: Mapping[str, Promise] = {
    "audit:read": _("Read the audit trail"),
    "catalogue:read": _("Read providers, offerings and sessions"),
    "catalogue:write": _("Add and change providers, offerings and sessions"),
    "engagements:read": _("Read engagements, deliveries and evaluations"),
    "engagements:write": _("Manage, deliver, confirm and evaluate engagements"),
    "events:read": _("Follow the feed of events"),
    "matching:read": _("Read proposals with their reasons"),
    "matching:write": _("Run matching, decide on proposals and answer them"),
    "metrics:read": _("Read the metrics of the installation"),
    "organizations:read": _("Read organizations, memberships and programmes"),
    "organizations:write": _("Manage organizations, memberships, service levels and background work"),
    "reports:read": _("Read reports"),
    "requests:read": _("Read training requests"),
    "requests:write": _("Write, submit and screen training requests"),
    "webhooks:write": _("Manage the webhooks of an organization"),
}


class ApplicationScopes(BaseScopes):
    """Scopes of an application: what it was registered for; nothing by default."""

    def get_all_scopes(self) -> dict[str, Any]:
        """Give every scope with its words."""
        return {scope: WORDS[scope] for scope in SCOPES}

    def get_available_scopes(
        self, application: "Application | None" = None, request: object = None, *args: object, **kwargs: object
    ) -> Sequence[str]:
        """Give what the application may ask for; every scope where none is named (the metadata of the server)."""
        return sorted(SCOPES if application is None else application.reach)

    def get_default_scopes(
        self, application: "Application | None" = None, request: object = None, *args: object, **kwargs: object
    ) -> Sequence[str]:
        """Give what is granted to those who ask for nothing: nothing."""
        return []
