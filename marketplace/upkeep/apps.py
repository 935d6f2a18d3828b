"""The upkeep room."""

from django.apps import AppConfig
from django.conf import settings


class UpkeepConfig(AppConfig):
    """What the people who run an installation need: a doctor, backups, and a look at the rules that must hold."""

    name = "marketplace.upkeep"
    label = "upkeep"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Begin to trace where somebody collects traces."""
        if settings.TRACES_TO:
            from marketplace.upkeep.tracing import start_tracing

            start_tracing()
