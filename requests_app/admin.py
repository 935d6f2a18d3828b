"""Looking at rows in the admin; nothing is changed there, because every change goes through an operation."""

from django.contrib import admin
from django.http import HttpRequest

from requests_app.models import Clarification, Endorsement, LineClaim, RequestLine, TrainingRequest


class LookOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows to be read: no adding, changing or deleting."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Refuse."""
        return False


admin.site.register([TrainingRequest, RequestLine, LineClaim, Clarification, Endorsement], LookOnly)
