"""The room of webhooks."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """Subscriptions and deliveries."""

    name = "marketplace.webhooks"
    label = "webhooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from marketplace.webhooks import checks  # noqa: F401
