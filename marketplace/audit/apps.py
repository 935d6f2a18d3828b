"""The room of the audit trail."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    """Append-only records of who did what."""

    name = "marketplace.audit"
    label = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Guard the trail after each migrate: a migration must not take the guards away for good."""
        from marketplace.audit.handlers import guard_after_migrate

        post_migrate.connect(guard_after_migrate, sender=self)
