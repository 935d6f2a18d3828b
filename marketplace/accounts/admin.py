"""Plain admin, for superusers alone: it shows what is in the database, past all that decides who sees what."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from marketplace.accounts.models import User


def superusers_only(request: HttpRequest) -> bool:
    """Tell whether the admin opens; rights of Django's own model permissions do not open it."""
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


admin.site.has_permission = superusers_only  # type: ignore[method-assign]
admin.site.register(User, UserAdmin)
