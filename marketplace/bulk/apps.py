"""The room of imports."""

from django.apps import AppConfig


class BulkConfig(AppConfig):
    """Imports: what they are told, how far they have come, what was refused."""

    name = "marketplace.bulk"
    label = "bulk"
    default_auto_field = "django.db.models.BigAutoField"
