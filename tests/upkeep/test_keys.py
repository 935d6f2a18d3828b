"""Changing the key, drilled: sessions live on beside the new key, and end with the old one; tokens know neither.

What lies encrypted is written anew. And what production asks of a key, wherever it comes from.
"""

import subprocess
import sys
from datetime import datetime
from io import StringIO
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.checks.security import base
from django.core.management import call_command
from django.test import Client, override_settings

from marketplace.identity import cipher
from marketplace.settings import environment
from marketplace.webhooks import signing
from marketplace.webhooks.models import SigningSecret
from tests.factories.webhooks import AT, SECRET, SigningSecretFactory
from tests.kit.people import SmallGroup, small_group, token_of

pytestmark = pytest.mark.django_db
OLD, NEW = "an old key, " * 6, "the new one, " * 6
ME = "/api/v1/me"
APP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # the key of an authenticator app, made up


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


@pytest.fixture
def encrypted(group: SmallGroup) -> SigningSecret:
    """What was encrypted before the change: an app and recovery codes of a person, the secret of a webhook."""
    with override_settings(SECRET_KEY=OLD):
        TOTP.activate(group.officer, APP)
        RecoveryCodes.activate(group.officer)
        return SigningSecretFactory.create()


def reencrypted() -> tuple[int, list[str]]:
    """Run the command; give its exit code and its lines."""
    told = StringIO()
    try:
        call_command("reencrypt_secrets", stdout=told)
    except SystemExit as ended:
        return int(str(ended.code)), told.getvalue().splitlines()
    return 0, told.getvalue().splitlines()


def test_old_key_can_be_taken_away_once_all_is_written_anew(group: SmallGroup, encrypted: SigningSecret) -> None:
    codes = RecoveryCodes(Authenticator.objects.get(type="recovery_codes"))
    with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[OLD]):
        before = codes.get_unused_codes()
        assert reencrypted() == (
            0,
            ["✓ second factors: 2 of 2 written anew", "✓ secrets of webhooks: 1 of 1 written anew"],
        )
        rows = list(Authenticator.objects.values_list("data"))
        assert reencrypted()[1] == [
            "✓ second factors: 0 of 2 written anew",
            "✓ secrets of webhooks: 0 of 1 written anew",
        ]
        assert list(Authenticator.objects.values_list("data")) == rows
    encrypted.refresh_from_db()
    codes.instance.refresh_from_db()
    with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[]):
        assert cipher.decrypt(Authenticator.objects.get(type="totp").data["secret"]) == APP
        assert codes.get_unused_codes() == before
        assert signing.unseal(encrypted.sealed) == SECRET


def test_what_no_key_reads_is_named_and_the_rest_is_written_anew(group: SmallGroup, encrypted: SigningSecret) -> None:
    Authenticator.objects.filter(type="totp").update(data={"secret": "written under a key that is gone"})
    SigningSecretFactory.create(sealed="and so was this")
    SigningSecretFactory.create(sealed="but this ended", ends_at=AT)
    with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[OLD]):
        code, told = reencrypted()
    lost = SigningSecret.objects.get(sealed="and so was this")
    assert code == 1
    assert told[:-1] == [
        "✗ second factors: 1 of 2 written anew",
        "    cannot be read: totp of officer",
        "✗ secrets of webhooks: 1 of 2 written anew",
        f"    cannot be read: secret {lost.pk} of {lost.webhook_id} ({lost.webhook.public_id})",
    ]
    assert "SECRET_KEY_FALLBACKS" in told[-1]


def started(asked: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Start a production process, for which only ``variables`` are set."""
    return subprocess.run(
        [sys.executable, "-c", asked],
        env={"DJANGO_SETTINGS_MODULE": "marketplace.settings", "PRODUCTION": "1", **variables},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_secret_is_read_from_a_file_without_the_newline_at_its_end(tmp_path: Path, ending: str) -> None:
    (tmp_path / "key").write_bytes(f"{NEW}{ending}".encode())
    (tmp_path / "secret").write_bytes(f" of two\nlines {ending}".encode())
    files = {"SECRET_KEY_FILE": str(tmp_path / "key"), "OIDC_CLIENT_SECRET_FILE": str(tmp_path / "secret")}
    asked = "from django.conf import settings as s; print(repr((s.SECRET_KEY, s.OIDC_APP['secret'])))"
    told = started(asked, **files)
    assert told.stdout.strip() == repr((NEW, " of two\nlines ")), told.stderr


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({}, "PRODUCTION=1 needs a SECRET_KEY of its own"),
        ({"SECRET_KEY": ""}, "PRODUCTION=1 needs a SECRET_KEY of its own"),
        ({"SECRET_KEY": NEW[:49]}, "PRODUCTION=1 needs a SECRET_KEY of at least 50 characters"),
        ({"SECRET_KEY": "abcd" * 20}, "5 different ones among them"),
        ({"SECRET_KEY": NEW, "DEBUG": "1"}, "Set DEBUG=0"),
        ({"SECRET_KEY": NEW, "TESTING": "1"}, "Set TESTING=0"),
    ],
    ids=["no key", "an empty key", "a short key", "a monotonous key", "debug", "testing"],
)
def test_production_refuses_to_start(variables: dict[str, str], why: str) -> None:
    told = started("from django.conf import settings; settings.DEBUG", **variables)
    assert told.returncode != 0
    assert why in told.stderr
    assert ("token_urlsafe" in told.stderr) is (
        variables.keys() <= {"SECRET_KEY"}
    )  # a key that is refused says how to make one


def test_production_asks_of_a_key_what_django_does() -> None:
    asked = (base.SECRET_KEY_MIN_LENGTH, base.SECRET_KEY_MIN_UNIQUE_CHARACTERS)
    assert asked == (environment.KEY_LENGTH, environment.KEY_CHARACTERS)


def test_production_sends_plain_http_to_https_and_keeps_cookies_off_it() -> None:
    asked = """
import django
django.setup()
from django.conf import settings
from django.test import Client
plain, safe = (Client(HTTP_HOST="a.example").get("/api/v1/health/live", secure=secure) for secure in (False, True))
print(plain.status_code, plain["Location"], safe.status_code, safe["Strict-Transport-Security"])
print(settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE)
"""
    told = started(asked, SECRET_KEY=NEW, ALLOWED_HOSTS="a.example")
    assert told.stdout.splitlines() == [
        "301 https://a.example/api/v1/health/live 200 max-age=31536000; includeSubDomains; preload",
        "True True",
    ], told.stderr
