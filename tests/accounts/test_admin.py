"""The admin is for superusers, and off in production."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from marketplace.accounts.models import User

pytestmark = pytest.mark.django_db


def entered(user: User) -> int:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client.get("/admin/").status_code


def test_superuser_enters_and_staff_with_every_model_permission_does_not() -> None:
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.set(Permission.objects.all())
    assert entered(User.objects.create_superuser("root")) == 200
    assert entered(staff) == 302


def test_admin_is_off_in_production_unless_it_is_switched_on(project_root: Path) -> None:
    said = "from django.conf import settings; print(settings.ADMIN_ENABLED)"
    production = {
        "PRODUCTION": "1",
        "SECRET_KEY": "a key for a test, " * 4,
        "ALLOWED_HOSTS": "a.example",
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", said], cwd=project_root, env=production, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
