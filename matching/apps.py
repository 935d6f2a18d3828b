from importlib import import_module

from django.apps import AppConfig


class MatchingConfig(AppConfig):
    name = "matching"
    label = "matching"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the listed job and event handlers of this app."""
        import_module("matching.handlers")
