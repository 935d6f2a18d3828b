"""Changing the key, drilled: sessions live on beside the new key, and end with the old one; tokens know neither."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client, override_settings

from tests.kit.people import SmallGroup, small_group, token_of

pytestmark = pytest.mark.django_db
OLD, NEW = "old-" * 16, "new-" * 16
ME = "/api/v1/me"


@pytest.fixture
def group(at: datetime) -> SmallGroup:
    return small_group(at)


@pytest.fixture
def signed_in(group: SmallGroup) -> Client:
    """A browser with a session of before the change."""
    browser = Client()
    with override_settings(SECRET_KEY=OLD):
        browser.force_login(group.focal_point, backend="django.contrib.auth.backends.ModelBackend")
        assert browser.get(ME).status_code == 200
    return browser


def test_session_of_the_old_key_lives_on_while_that_is_a_fallback(signed_in: Client) -> None:
    with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[OLD]):
        assert signed_in.get(ME).status_code == 200


def test_session_of_the_old_key_ends_with_it(signed_in: Client) -> None:
    with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[]):
        assert signed_in.get(ME).status_code == 401
        assert Session.objects.count() == 1  # nothing is lost; it only proves nothing any more


def test_token_outlives_every_key(group: SmallGroup, at: datetime) -> None:
    bearer = {"Authorization": f"Bearer {token_of(group.focal_point, at, 'requests:read')}"}
    with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[]):
        assert Client().get(ME, headers=bearer).status_code == 200


def test_key_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(NEW)
    asked = "from django.conf import settings; print(settings.SECRET_KEY)"
    told = subprocess.run(
        [sys.executable, "-c", asked],
        env={
            "SECRET_KEY_FILE": str(tmp_path / "key"),
            "DJANGO_SETTINGS_MODULE": "marketplace.settings",
            "PRODUCTION": "1",
        },
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == NEW


@pytest.mark.parametrize("key", [{}, {"SECRET_KEY": ""}], ids=["none", "empty"])
def test_production_refuses_the_public_key(key: dict[str, str]) -> None:
    told = subprocess.run(
        [sys.executable, "-c", "from django.conf import settings; settings.DEBUG"],
        env={"DJANGO_SETTINGS_MODULE": "marketplace.settings", "PRODUCTION": "1", **key},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode != 0
    assert "PRODUCTION=1 needs a SECRET_KEY of its own" in told.stderr
