"""System checks of a server that others reach."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags, register


@register(Tags.security, deploy=True)
def check_calls_go_outside(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Warn where webhooks may reach this very machine: whoever sets one up reaches what listens here."""
    if not settings.WEBHOOKS_TO_LOOPBACK:
        return []
    return [
        checks.Warning("Webhooks may call this very machine.", hint="Set WEBHOOKS_TO_LOOPBACK=0.", id="webhooks.W001")
    ]
