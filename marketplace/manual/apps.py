"""The room of the manual."""

from django.apps import AppConfig


class ManualConfig(AppConfig):
    """It keeps nothing in the database."""

    name = "marketplace.manual"
    label = "manual"
