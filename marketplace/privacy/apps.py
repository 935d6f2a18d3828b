"""The privacy room."""

from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    """Export and erasure of what is held about a person."""

    name = "marketplace.privacy"
    label = "privacy"
    default_auto_field = "django.db.models.BigAutoField"
