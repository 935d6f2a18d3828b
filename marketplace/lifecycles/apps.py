from importlib import import_module

from django.apps import AppConfig


class LifecyclesConfig(AppConfig):
    name = "marketplace.lifecycles"
    label = "lifecycles"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the deadline clock."""
        import_module("marketplace.lifecycles.handlers")
