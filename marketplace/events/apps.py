"""The room of events."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Outbox, sequencer and feed."""

    name = "marketplace.events"
    label = "events"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from marketplace.events import checks  # noqa: F401
