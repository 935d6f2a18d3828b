"""The room of the work table."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class WorkConfig(AppConfig):
    """Finds every app's jobs and event handlers, so that each process knows the same list."""

    name = "marketplace.work"
    label = "work"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import `tasks`, `handlers` and `chores` of all apps: importing them is what lists them."""
        from marketplace.work import checks  # noqa: F401  registers the system checks

        autodiscover_modules("tasks", "handlers", "chores")
