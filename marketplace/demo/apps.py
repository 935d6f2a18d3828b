"""The demo room."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The roof: it may use every room below."""

    name = "marketplace.demo"
    label = "demo"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Add the demo's own condition for readiness."""
        from marketplace.demo import readiness  # noqa: F401  registers itself
