"""System checks of the handlers' list."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register

from marketplace.events.registry import all_handlers
from marketplace.work.registry import job_kinds


@register()
def check_handlers(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Report each handler whose job kind is not listed: it would stop the sequencer."""
    kinds = job_kinds()
    return [
        Error(f"The handler of {handler.event_type!r} names the unlisted job {handler.kind!r}.", id="events.E001")
        for handler in all_handlers()
        if handler.kind not in kinds
    ]
