"""Organizations, tokens, grants: what they write and what they refuse."""

from datetime import datetime, timedelta

import pytest

from marketplace.accounts import operations, queries
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import AccessToken, Organization, OrganizationTree
from marketplace.accounts.operations import OrganizationFacts, RoleSpan
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from tests.factories.accounts import OrganizationFactory, ServiceClientFactory, UserFactory, member, secretariat

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")
DAY = timedelta(days=1)


def facts(code: str, **changes: object) -> OrganizationFacts:
    return OrganizationFacts(**{"code": code, "names": {"en": code}, "kind": "member_agency", **changes})  # type: ignore[arg-type]


def test_organization_saved_twice_is_one_with_the_later_facts(at: datetime) -> None:
    operations.save_organization(facts("IOM", aliases=["OIM"]), actor=SYSTEM, at=at)
    operations.save_organization(facts("IOM", aliases=["OIM", "Migration"], country="CHE"), actor=SYSTEM, at=at)
    found = Organization.objects.get(code="IOM")
    assert (found.country, found.version) == ("CHE", 2)
    assert sorted(alias.text for alias in found.aliases.all()) == ["Migration", "OIM"]


def test_organization_moved_takes_those_below_along(at: datetime) -> None:
    for code, parent in (("A", None), ("B", "A"), ("C", "B"), ("D", None)):
        operations.save_organization(facts(code, parent=parent), actor=SYSTEM, at=at)
    operations.save_organization(facts("B", parent="D"), actor=SYSTEM, at=at)
    below = OrganizationTree.objects.filter(ancestor__code="D").values_list("descendant__code", "depth")
    assert dict(below) == {"D": 0, "B": 1, "C": 2}
    assert queries.subtree_ids(Organization.objects.get(code="A").pk) == {Organization.objects.get(code="A").pk}


def test_organization_below_itself_is_refused(at: datetime) -> None:
    operations.save_organization(facts("A"), actor=SYSTEM, at=at)
    operations.save_organization(facts("B", parent="A"), actor=SYSTEM, at=at)
    with pytest.raises(DomainError) as refused:
        operations.save_organization(facts("A", parent="B"), actor=SYSTEM, at=at)
    assert refused.value.errors[0].pointer == "/parent"


def test_organization_by_a_focal_point_is_refused(at: datetime) -> None:
    with pytest.raises(DomainError) as refused:
        operations.save_organization(facts("X"), actor=member(OrganizationFactory.create()), at=at)
    assert refused.value.code is ErrorCode.PERMISSION_DENIED


def test_secretariat_follows_the_validity_of_the_role(at: datetime) -> None:
    yesterday = at.date() - DAY
    operations.save_organization(facts("OLD", roles=[RoleSpan("secretariat", None, yesterday)]), actor=SYSTEM, at=at)
    operations.save_organization(facts("NEW", roles=[RoleSpan("secretariat", at.date())]), actor=SYSTEM, at=at)
    found = queries.secretariat_organization(at.date())
    assert found is not None
    assert found.code == "NEW"


def test_change_leaves_one_audit_record_and_one_event(at: datetime) -> None:
    operations.save_organization(facts("IOM"), actor=SYSTEM, at=at)
    assert AuditRecord.objects.filter(resource="organization", action="created").count() == 1
    assert OutboxEvent.objects.filter(type="organization.created").count() == 1


# --- tokens -------------------------------------------------------------------------------------------------------


def issue(user: object, at: datetime, **changes: object) -> tuple[AccessToken, str]:
    arguments = {"name": "script", "scopes": ["requests:read"], "lifetime": DAY, "user": user, **changes}
    return operations.issue_token(actor=Actor.for_user(user), at=at, **arguments)  # type: ignore[arg-type]


def test_token_text_opens_and_is_stored_nowhere(at: datetime) -> None:
    user = UserFactory.create()
    token, text = issue(user, at)
    found = operations.authenticate_token(text, at=at)
    assert found is not None
    assert found[1].user == user
    assert found[1].scopes == frozenset({"requests:read"})
    assert text not in str(vars(AccessToken.objects.get(pk=token.pk)))


@pytest.mark.parametrize("spoil", [lambda text: text[:-1], lambda text: text + "x", lambda text: "gmg_", lambda _: ""])
def test_token_spoiled_opens_nothing(spoil: object, at: datetime) -> None:
    _, text = issue(UserFactory.create(), at)
    assert operations.authenticate_token(spoil(text), at=at) is None  # type: ignore[operator]


def test_token_expired_or_revoked_opens_nothing(at: datetime) -> None:
    user = UserFactory.create()
    token, text = issue(user, at)
    assert operations.authenticate_token(text, at=at + DAY) is None
    operations.revoke_token(token, actor=Actor.for_user(user), at=at)
    assert operations.authenticate_token(text, at=at) is None


def test_token_of_an_inactive_owner_opens_nothing(at: datetime) -> None:
    user = UserFactory.create()
    _, text = issue(user, at)
    user.is_active = False
    user.save()
    assert operations.authenticate_token(text, at=at) is None


def test_token_for_somebody_else_needs_the_secretariat(at: datetime) -> None:
    other = UserFactory.create()
    with pytest.raises(DomainError):
        operations.issue_token(
            actor=member(OrganizationFactory.create()), at=at, name="x", scopes=[], lifetime=DAY, user=other
        )
    client = ServiceClientFactory.create()
    _, text = operations.issue_token(
        actor=secretariat(), at=at, name="x", scopes=["requests:read"], lifetime=DAY, client=client
    )
    found = operations.authenticate_token(text, at=at)
    assert found is not None
    assert found[1].client == client


def test_token_with_a_scope_that_does_not_exist_names_the_allowed_ones(at: datetime) -> None:
    with pytest.raises(DomainError) as refused:
        issue(UserFactory.create(), at, scopes=["everything"])
    assert "requests:read" in refused.value.errors[0].allowed


def test_token_made_with_a_token_is_never_wider(at: datetime) -> None:
    user = UserFactory.create()
    narrow = Actor.for_user(user, scopes=frozenset({"requests:read"}))
    with pytest.raises(DomainError) as refused:
        operations.issue_token(actor=narrow, at=at, name="x", scopes=["requests:write"], lifetime=DAY, user=user)
    assert refused.value.code is ErrorCode.INSUFFICIENT_SCOPE


def test_last_use_is_kept_to_the_minute(at: datetime) -> None:
    token, text = issue(UserFactory.create(), at)
    operations.authenticate_token(text, at=at)
    operations.authenticate_token(text, at=at + timedelta(seconds=30))
    token.refresh_from_db()
    assert token.last_used_at == at
