"""Sign-on through a real OpenID provider process: real HTTP, real signatures, only those who are invited."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.socialaccount.models import SocialAccount, SocialToken
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings as configured
from django.core.management import call_command
from django.test import Client

from marketplace.accounts.models import User
from marketplace.audit.models import AuditRecord
from tests.kit.oidc_provider import CLIENT
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db
BEGIN = "/sign-in/by/oidc"
SET_UP = "/account/second-factor/totp/activate/"
Provider = Callable[..., str]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder, found = tmp_path_factory.mktemp("keys"), []
    for name in ("right", "wrong"):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        form = serialization.PrivateFormat.PKCS8
        pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        path = folder / name
        path.write_bytes(pem)
        found.append(str(path))
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Providers:
    """Starts a provider for an address once and keeps it to the end of the module."""

    def __init__(self, keys: list[str]) -> None:
        self.keys = keys
        self.running: dict[tuple[str, bool, bool], tuple[subprocess.Popen[str], int]] = {}

    def url(self, email: str, *, verified: bool = True, forged: bool = False) -> str:
        what = (email, verified, forged)
        if what not in self.running:
            port = free_port()
            arguments = [str(port), email, str(int(verified)), *(self.keys if forged else self.keys[:1])]
            command = [sys.executable, "-m", "tests.kit.oidc_provider", *arguments]
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, text=True, cwd=Path(configured.BASE_DIR), env={"PYTHONPATH": "."}
            )
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            self.running[what] = process, port
        return f"http://127.0.0.1:{self.running[what][1]}"

    def stop(self) -> None:
        for process, _port in self.running.values():
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def providers(keys: list[str]) -> Iterator[Providers]:
    found = Providers(keys)
    yield found
    found.stop()


@pytest.fixture
def sign_on(providers: Providers, settings: Any) -> Callable[..., tuple[Client, Any]]:
    """Walk a browser through the provider and back."""

    def walk(email: str = "focal@agency.example", browser: Client | None = None, **how: bool) -> tuple[Client, Any]:
        app = {**configured.OIDC_APP, "client_id": CLIENT["client_id"], "secret": CLIENT["client_secret"]}
        app["settings"] = {"server_url": providers.url(email, **how)}
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
        browser = browser or Client()
        sent = browser.get(BEGIN)
        assert sent.status_code == 302, sent.content.decode()
        assert "code_challenge_method=S256" in sent["Location"]
        back = httpx.get(sent["Location"])
        assert back.status_code == 302, back.text
        way = urlsplit(back.headers["Location"])
        assert way.path == f"{BEGIN}/back"
        return browser, browser.get(f"{way.path}?{way.query}")

    return walk


def invite(user: User, email: str, *, verified: bool = True) -> None:
    EmailAddress.objects.create(user=user, email=email, verified=verified, primary=True)


def me(browser: Client) -> Any:
    return browser.get("/api/v1/me").json().get("login")


def test_invited_person_is_signed_on_and_known_again(group: SmallGroup, sign_on: Any) -> None:
    invite(group.focal_point, "focal@agency.example")
    browser, answer = sign_on("Focal@Agency.example")
    assert answer.status_code == 302, answer.content.decode()
    assert me(browser) == "focal"
    account = SocialAccount.objects.get()
    assert account.user == group.focal_point
    assert not SocialToken.objects.exists()
    EmailAddress.objects.all().delete()  # from now on the account of the provider is enough
    again, _answer = sign_on()
    assert me(again) == "focal"
    group.focal_point.refresh_from_db()
    assert group.focal_point.has_usable_password()


def test_nobody_registers_by_signing_on(group: SmallGroup, sign_on: Any) -> None:
    people = User.objects.count()
    browser, answer = sign_on("stranger@elsewhere.example")
    assert answer.status_code == 200
    assert "You have not been invited yet" in answer.content.decode()
    assert browser.get("/api/v1/me").status_code == 401
    assert User.objects.count() == people
    assert not SocialAccount.objects.exists()


def test_address_must_be_verified_on_both_sides(group: SmallGroup, sign_on: Any) -> None:
    User.objects.filter(pk=group.focal_point.pk).update(email="focal@agency.example")
    browser, _answer = sign_on()  # an address that nobody confirmed is worth nothing
    assert browser.get("/api/v1/me").status_code == 401
    invite(group.focal_point, "focal@agency.example", verified=False)
    browser, _answer = sign_on()
    assert browser.get("/api/v1/me").status_code == 401
    EmailAddress.objects.update(verified=True)
    browser, _answer = sign_on(verified=False)
    assert browser.get("/api/v1/me").status_code == 401
    browser, _answer = sign_on()
    assert me(browser) == "focal"


def test_forged_signature_signs_nobody_on(group: SmallGroup, sign_on: Any) -> None:
    invite(group.focal_point, "focal@agency.example")
    browser, answer = sign_on(forged=True)
    assert "Signing in did not work" in answer.content.decode()
    assert browser.get("/api/v1/me").status_code == 401


def test_state_of_another_browser_is_refused(group: SmallGroup, sign_on: Any) -> None:
    invite(group.focal_point, "focal@agency.example")
    _browser, answer = sign_on()
    stolen = Client().get(f"{BEGIN}/back?{answer.request['QUERY_STRING']}")
    assert "Signing in did not work" in stolen.content.decode()


def test_deactivated_person_is_turned_away(group: SmallGroup, sign_on: Any) -> None:
    invite(group.focal_point, "focal@agency.example")
    User.objects.filter(pk=group.focal_point.pk).update(is_active=False)
    browser, answer = sign_on()
    assert answer["Location"] == "/sign-in/inactive"
    assert browser.get(answer["Location"]).status_code == 403
    assert browser.get("/api/v1/me").status_code == 401


def test_staff_still_need_their_second_factor(group: SmallGroup, sign_on: Any, settings: Any) -> None:
    settings.REQUIRE_STAFF_MFA = True
    invite(group.officer, "focal@agency.example")
    browser, _answer = sign_on()
    assert browser.get("/account")["Location"].startswith("/account/second-factor/")


def test_staff_without_a_password_set_up_their_second_factor_after_signing_on(
    group: SmallGroup, sign_on: Any, settings: Any
) -> None:
    settings.REQUIRE_STAFF_MFA = True
    settings.OIDC_SERVER_URL = "https://sign-on.example"
    group.officer.set_unusable_password()
    group.officer.save()
    call_command("invite", "officer", "focal@agency.example", verbosity=0)
    browser, _answer = sign_on()
    assert browser.get(SET_UP).status_code == 200
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    asked = browser.get(SET_UP)  # too long ago: once more through the provider, and back to the page
    assert (asked.status_code, asked["Location"]) == (302, f"{BEGIN}?{urlencode({'next': SET_UP})}")
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
    sign_on(browser=browser)
    page = browser.get(SET_UP).content.decode()
    found = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert found, page
    code = format_hotp_value(hotp_value(found[1], int(time.time()) // 30))
    assert browser.post(SET_UP, {"code": code}).status_code == 302
    assert browser.get("/account").status_code == 200
    # From now on it is the second factor that is asked for.
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    asked = browser.get("/account/second-factor/recovery-codes/generate/")
    assert asked["Location"].startswith("/account/second-factor/reauthenticate/")


def test_who_signs_on_and_has_a_password_is_asked_for_it(group: SmallGroup, sign_on: Any) -> None:
    invite(group.focal_point, "focal@agency.example")
    browser, _answer = sign_on()
    assert browser.get(SET_UP)["Location"].startswith("/account/confirm?next=")


def test_page_offers_the_provider_where_one_is_configured(group: SmallGroup, sign_on: Any) -> None:
    assert BEGIN not in Client().get("/sign-in").content.decode()
    assert Client().get(BEGIN).status_code == 404
    invite(group.focal_point, "focal@agency.example")
    sign_on()
    assert f'href="{BEGIN}"' in Client().get("/sign-in").content.decode()


def test_person_who_breaks_off_is_told(group: SmallGroup, sign_on: Any) -> None:
    sign_on()
    browser = Client()
    state = browser.get(BEGIN)["Location"].split("state=")[1].split("&")[0]
    broken = browser.get(f"{BEGIN}/back?error=access_denied&state={state}")
    assert broken["Location"] == "/sign-in/cancelled"


def test_command_invites(group: SmallGroup, at: datetime, sign_on: Any) -> None:
    call_command("invite", "focal", "focal@agency.example", verbosity=0)
    call_command("invite", "new.person", "new@agency.example", name="New Person", verbosity=0)
    call_command("invite", "new.person", "new@agency.example", verbosity=0)
    browser, _answer = sign_on("new@agency.example")
    assert me(browser) == "new.person"
    assert not User.objects.get(username="new.person").has_usable_password()
    assert EmailAddress.objects.filter(email="new@agency.example").count() == 1
    person = User.objects.get(username="new.person").public_id
    assert AuditRecord.objects.filter(resource="user", resource_id=person, action="invited").count() == 2
