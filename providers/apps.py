from importlib import import_module

from django.apps import AppConfig


class ProvidersConfig(AppConfig):
    name = "providers"
    label = "providers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the listed jobs and event handlers of this app."""
        import_module("providers.tasks")
        import_module("providers.handlers")
