from django.apps import AppConfig
from django.db.models.signals import post_migrate


class VocabulariesConfig(AppConfig):
    name = "marketplace.vocabularies"
    label = "vocabularies"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Load what is shipped after each migrate (and each flush), so that no installation lacks its vocabularies."""
        from marketplace.vocabularies.handlers import load_after_migrate

        post_migrate.connect(load_after_migrate, sender=self)
