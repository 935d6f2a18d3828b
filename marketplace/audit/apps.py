"""The room of the audit trail."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Append-only records of who did what."""

    name = "marketplace.audit"
    label = "audit"
    default_auto_field = "django.db.models.BigAutoField"
