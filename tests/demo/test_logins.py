"""Secrets of the demo accounts: made at set-up, kept, and written where only the owner reads them."""

import json
import stat
from datetime import datetime
from pathlib import Path

import pytest

from marketplace.accounts import operations
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import AccessToken, User
from marketplace.accounts.roles import SCOPES
from marketplace.demo import logins, walk
from marketplace.demo.logins import Login
from tests.kit.oauth import client_token

BASE = "http://127.0.0.1:8000"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "var" / "demo.json"


def made(file: Path, at: datetime) -> list[Login]:
    return logins.ensure_logins(at=at, path=file, base_url=BASE)[0]


def test_file_lists_every_account_for_its_owner_alone(taken_back: datetime, file: Path) -> None:
    made(file, taken_back)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = json.loads(file.read_text())
    assert content["base_url"] == BASE
    assert {tuple(account) for account in content["accounts"]} == {
        ("role", "organization", "login", "password", "token")
    }
    told = {account["login"]: (account["role"], account["organization"]) for account in content["accounts"]}
    assert len(told) == 11
    assert told["demo-officer-2"] == ("secretariat_officer", "UNITAR-SEC")
    assert told["demo-integrator"] == ("service_client", "UNDP")
    assert {role for role, _organization in told.values()} == {
        "focal_point",
        "provider_staff",
        "secretariat_officer",
        "secretariat_head",
        "auditor",
        "viewer",
        "service_client",
    }


def test_passwords_and_tokens_of_the_file_work(taken_back: datetime, file: Path) -> None:
    for login in made(file, taken_back):
        found = operations.authenticate_token(login.token, at=taken_back)
        assert found is not None
        if login.password is None:
            assert found[1].client is not None
        else:
            assert User.objects.get(username=login.login).check_password(login.password)


def test_second_start_keeps_the_secrets(taken_back: datetime, file: Path) -> None:
    first = made(file, taken_back)
    tokens = AccessToken.objects.count()
    assert made(file, taken_back) == first
    assert AccessToken.objects.count() == tokens


def test_lost_file_makes_new_secrets_and_ends_the_old_tokens(taken_back: datetime, file: Path) -> None:
    first = made(file, taken_back)
    file.unlink()
    second = made(file, taken_back)
    assert not {login.token for login in first} & {login.token for login in second}
    assert all(operations.authenticate_token(login.token, at=taken_back) is None for login in first)


def test_file_of_another_database_is_replaced(taken_back: datetime, file: Path) -> None:
    file.parent.mkdir()
    stranger = {"role": "viewer", "organization": "X", "login": "demo-viewer", "password": "x", "token": "gmg_x_y"}
    file.write_text(json.dumps({"base_url": BASE, "accounts": [stranger]}))
    assert len(made(file, taken_back)) == 11


def test_token_reaches_what_the_roles_can_use_and_no_further(taken_back: datetime, file: Path) -> None:
    tokens = {login.login: login.token for login in made(file, taken_back)}

    def scopes(login: str) -> set[str]:
        found = operations.authenticate_token(tokens[login], at=taken_back)
        assert found is not None
        actor: Actor = found[1]
        return set(actor.scopes or ())

    assert scopes("demo-head") == set(SCOPES)
    assert "requests:write" not in scopes("demo-viewer")
    assert "audit:read" in scopes("demo-auditor")
    assert scopes("demo-integrator") == {"requests:read", "requests:write", "catalogue:read", "events:read"}


def test_integrating_system_has_oauth_credentials_that_are_kept(taken_back: datetime, file: Path) -> None:
    _accounts, first = logins.ensure_logins(at=taken_back, path=file, base_url=BASE)
    content = json.loads(file.read_text())
    assert content["oauth"]["token_url"] == f"{BASE}/oauth/token"
    assert first.client_id == "demo-integrator"
    answer = client_token(first.client_id, first.client_secret, first.scope)
    assert answer.status_code == 200, answer.content
    assert first.client_secret in first.curl
    assert logins.ensure_logins(at=taken_back, path=file, base_url=BASE)[1] == first
    file.unlink()
    second = logins.ensure_logins(at=taken_back, path=file, base_url=BASE)[1]
    assert second.client_secret != first.client_secret
    assert client_token(first.client_id, first.client_secret, first.scope).status_code == 401


def test_key_of_the_sessions_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "demo.key"
    key = logins.own_secret_key(path)
    assert len(key) > 64
    assert logins.own_secret_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_walk_carries_the_tokens_of_its_people(taken_back: datetime, file: Path, tmp_path: Path) -> None:
    accounts = made(file, taken_back)
    text = walk.script(BASE, accounts, year=2027)
    tokens = {login.login: login.token for login in accounts}
    assert all(tokens[login] in text for login in walk.NAMES.values())
    walk.write(tmp_path / "first-minute.sh", text)
    assert stat.S_IMODE((tmp_path / "first-minute.sh").stat().st_mode) == 0o700
