"""Plain admin for superusers."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from marketplace.accounts.models import User

admin.site.register(User, UserAdmin)
