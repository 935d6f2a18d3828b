"""Tokens made with a token: they end with it, also when both happen at the same moment."""

import threading
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from marketplace.accounts import heirs, operations, queries
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import AccessToken, User
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from tests.factories.accounts import OrganizationFactory, ServiceClientFactory, UserFactory, secretariat

DAY = timedelta(days=1)
SCOPES = ["organizations:read", "requests:read"]


def issued(user: User, at: datetime, *, by: AccessToken | None = None, days: int | None = None) -> AccessToken:
    """Make a token for a person, in a session or with one of theirs."""
    actor = Actor.for_user(user, token=by, scopes=frozenset(SCOPES) if by else None)
    lifetime = None if days is None else days * DAY
    return operations.issue_token(actor=actor, at=at, name="script", scopes=SCOPES, user=user, lifetime=lifetime)[0]


def notes(token: AccessToken) -> list[tuple[str, Any]]:
    rows = AuditRecord.objects.filter(resource_id=token.public_id).order_by("pk")
    return [(row.action, {name: row.changes[name] for name in row.changes if name != "scopes"}) for row in rows]


@pytest.mark.django_db
def test_authenticated_actor_carries_the_token(at: datetime) -> None:
    user, client = UserFactory.create(), ServiceClientFactory.create()
    for owner, actor in (({"user": user}, Actor.for_user(user)), ({"client": client}, secretariat())):
        given: dict[str, Any] = {"scopes": ["requests:read"], **owner}
        token, text = operations.issue_token(actor=actor, at=at, name="x", **given)
        found = operations.authenticate_token(text, at=at)
        assert found is not None
        assert found[1].token == token


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("maker_days", "days", "expected"), [(10, None, 10), (10, 10, 10), (10, 3, 3), (366, None, 90)]
)
def test_heir_ends_with_its_maker_at_the_latest(maker_days: int, days: int | None, expected: int, at: datetime) -> None:
    user = UserFactory.create()
    maker = issued(user, at, days=maker_days)
    heir = issued(user, at, by=maker, days=days)
    assert heir.expires_at == at + expected * DAY
    assert heir.made_with == maker


@pytest.mark.django_db
def test_lifetime_past_that_of_the_maker_is_refused_with_the_longest(at: datetime) -> None:
    user = UserFactory.create()
    maker = issued(user, at, days=10)
    later = at + timedelta(hours=1)
    for by in (maker, issued(user, later, by=maker)):
        with pytest.raises(DomainError) as refused:
            issued(user, later, by=by, days=10)
        error = refused.value.errors[0]
        assert (error.pointer, error.code, error.params) == ("/lifetime_days", "outlives_its_maker", {"days": 9})
        assert issued(user, later, by=by, days=9).expires_at == later + 9 * DAY


@pytest.mark.django_db
def test_revoked_token_takes_all_its_heirs_along_and_the_trail_says_so(at: datetime) -> None:
    user, other = UserFactory.create(), UserFactory.create()
    root = issued(user, at)
    maker = issued(user, at, by=root)
    heir, ended = issued(user, at, by=maker), issued(user, at, by=maker)
    of_heir = issued(user, at, by=heir)
    operations.revoke_token(ended, actor=Actor.for_user(user), at=at)
    beside = [root, issued(user, at, by=root), issued(user, at), issued(other, at)]
    later = at + DAY
    assert operations.revoke_token(maker, actor=Actor.for_user(user), at=later).revoked_at == later
    operations.revoke_token(maker, actor=Actor.for_user(user), at=later + DAY)
    revoked = AccessToken.objects.filter(revoked_at=later)
    assert set(revoked) == {maker, heir, of_heir}
    assert {token.version for token in revoked} == {2}
    assert set(AccessToken.objects.filter(revoked_at__isnull=True)) == set(beside)
    assert notes(maker) == [("created", {"made_with": str(root.public_id)}), ("revoked", {})]
    assert notes(of_heir) == [
        ("created", {"made_with": str(heir.public_id)}),
        ("revoked", {"with": str(maker.public_id)}),
    ]
    assert OutboxEvent.objects.filter(type="access_token.revoked", resource_id=of_heir.public_id).count() == 1
    assert set(queries.with_heirs(maker)) == {maker, heir, of_heir, ended}


@pytest.mark.django_db
def test_token_that_was_revoked_meanwhile_makes_none(at: datetime) -> None:
    user = UserFactory.create()
    maker = issued(user, at)
    shown = AccessToken.objects.get(pk=maker.pk)
    operations.revoke_token(maker, actor=Actor.for_user(user), at=at)
    with pytest.raises(DomainError) as refused:
        issued(user, at, by=shown)
    assert refused.value.code is ErrorCode.TOKEN_INVALID
    assert AccessToken.objects.count() == 1


@pytest.mark.django_db
def test_what_the_secretariat_makes_for_a_system_outlives_its_token(at: datetime) -> None:
    officer = secretariat(organization=OrganizationFactory.create(roles=["secretariat"])).user
    assert officer is not None
    maker, client = issued(officer, at, days=1), ServiceClientFactory.create()
    actor = Actor.for_user(officer, token=maker)
    token, _ = operations.issue_token(
        actor=actor, at=at, name="production", scopes=["requests:read"], lifetime=300 * DAY, client=client
    )
    operations.revoke_token(maker, actor=actor, at=at)
    token.refresh_from_db()
    assert (token.made_with, token.revoked_at, token.expires_at) == (None, None, at + 300 * DAY)
    assert operations.revoke_token(token, actor=actor, at=at).revoked_at == at


@pytest.mark.django_db(transaction=True)
def test_heir_that_is_being_made_while_its_maker_ends_does_not_stay(
    at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = UserFactory.create()
    maker = issued(user, at)
    made, end_of = threading.Event(), heirs.end_of

    def slowly(*given: Any, **named: Any) -> datetime:
        """Leave the one who revokes time between the look at the maker and the heir."""
        made.set()
        time.sleep(0.5)
        return end_of(*given, **named)

    def revoke() -> None:
        made.wait(30)
        try:
            operations.revoke_token(AccessToken.objects.get(pk=maker.pk), actor=Actor.for_user(user), at=at)
        finally:
            connection.close()

    monkeypatch.setattr(operations, "end_of", slowly)
    thread = threading.Thread(target=revoke)
    thread.start()
    heir = issued(user, at, by=maker)
    thread.join(30)
    heir.refresh_from_db()
    assert heir.revoked_at == at
