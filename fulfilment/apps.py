from importlib import import_module

from django.apps import AppConfig


class FulfilmentConfig(AppConfig):
    name = "fulfilment"
    label = "fulfilment"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the listed job and event handlers of this app."""
        import_module("fulfilment.handlers")
