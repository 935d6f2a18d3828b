"""The upkeep room."""

from django.apps import AppConfig


class UpkeepConfig(AppConfig):
    """What the people who run an installation need: a doctor, backups, and a look at the rules that must hold."""

    name = "marketplace.upkeep"
    label = "upkeep"
    default_auto_field = "django.db.models.BigAutoField"
