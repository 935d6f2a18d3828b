"""System checks: what is listed fits together, said at start-up and not at three in the morning."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register

from marketplace.work import registry


@register()
def check_periodic_kinds(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Report each periodic job without a listed effect."""
    kinds = registry.job_kinds()
    return [
        Error(f"The periodic job {periodic.kind!r} has no @job.", id="work.E001")
        for periodic in registry.periodic_jobs()
        if periodic.kind not in kinds
    ]
