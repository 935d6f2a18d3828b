from importlib import import_module

from django.apps import AppConfig


class RequestsAppConfig(AppConfig):
    name = "requests_app"
    label = "requests_app"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the listed job and event handlers of this app."""
        import_module("requests_app.handlers")
