"""Right = scope and role and object."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Permission as DjangoPermission

from marketplace.accounts import permissions, queries
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Membership
from marketplace.accounts.roles import ROLES, SCOPE_OF, SCOPES, Permission
from marketplace.kernel.errors import DomainError, ErrorCode
from tests.factories.accounts import (
    MembershipFactory,
    OrganizationFactory,
    OrganizationUserGrantFactory,
    UserFactory,
    client_of,
    member,
    secretariat,
)

pytestmark = pytest.mark.django_db
P = Permission


def test_every_permission_has_one_scope_and_some_role() -> None:
    assert set(SCOPE_OF) == set(Permission)
    assert sum(len(rights) for rights in SCOPES.values()) == len(Permission)
    assert set().union(*ROLES.values()) == set(Permission)
    assert [p.value for p in Permission] == sorted(p.value for p in Permission)


def test_focal_point_writes_for_their_own_organization_only(at: datetime) -> None:
    own, other = OrganizationFactory.create(), OrganizationFactory.create()
    actor = member(own)
    assert permissions.can(actor, P.REQUESTS_WRITE, at=at, organization_id=own.pk)
    assert not permissions.can(actor, P.REQUESTS_WRITE, at=at, organization_id=other.pk)


def test_membership_limited_to_a_country_does_not_reach_another(at: datetime) -> None:
    own = OrganizationFactory.create()
    actor = member(own, countries=["MLI"])
    assert permissions.can(actor, P.REQUESTS_WRITE, at=at, organization_id=own.pk, country="MLI")
    assert not permissions.can(actor, P.REQUESTS_WRITE, at=at, organization_id=own.pk, country="SEN")


def test_membership_limited_to_a_programme_does_not_reach_outside(at: datetime) -> None:
    own = OrganizationFactory.create()
    actor = member(own, programmes=["JMDI"])
    assert permissions.can(actor, P.REQUESTS_READ, at=at, organization_id=own.pk, programme="JMDI")
    assert not permissions.can(actor, P.REQUESTS_READ, at=at, organization_id=own.pk, programme=None)


@pytest.mark.parametrize("days", [(-10, -1), (1, 10)])
def test_membership_outside_its_validity_gives_nothing(at: datetime, days: tuple[int, int]) -> None:
    start, end = (at.date() + timedelta(days=day) for day in days)
    own = OrganizationFactory.create()
    actor = member(own, valid_from=start, valid_to=end)
    assert not permissions.can(actor, P.REQUESTS_READ, at=at, organization_id=own.pk)


def test_officer_reaches_every_organization_only_from_the_secretariat(at: datetime) -> None:
    other = OrganizationFactory.create()
    assert permissions.can(secretariat(), P.PROPOSALS_DECIDE, at=at, organization_id=other.pk)
    stray = member(OrganizationFactory.create(), "secretariat_officer")
    assert not permissions.can(stray, P.PROPOSALS_DECIDE, at=at, organization_id=other.pk)
    assert not permissions.is_secretariat(stray, at)


def test_only_the_head_overrules(at: datetime) -> None:
    assert permissions.can(secretariat("secretariat_head"), P.PROPOSALS_OVERRULE, at=at)
    assert not permissions.can(secretariat(), P.PROPOSALS_OVERRULE, at=at)


def test_auditor_reads_everything_and_writes_nothing(at: datetime) -> None:
    auditor, other = member(OrganizationFactory.create(), "auditor"), OrganizationFactory.create()
    assert permissions.can(auditor, P.REQUESTS_READ, at=at, organization_id=other.pk)
    assert not any(
        permissions.can(auditor, right, at=at) for right in (P.REQUESTS_WRITE, P.PROPOSALS_DECIDE, P.CATALOGUE_WRITE)
    )


def test_token_without_the_scope_is_refused_though_the_role_allows(at: datetime) -> None:
    own = OrganizationFactory.create()
    user = MembershipFactory.create(organization=own).user
    actor = Actor.for_user(user, scopes=frozenset({"catalogue:read"}))
    with pytest.raises(DomainError) as refused:
        permissions.check(actor, P.REQUESTS_WRITE, at=at, organization_id=own.pk)
    assert refused.value.code is ErrorCode.INSUFFICIENT_SCOPE
    assert refused.value.params == {"scope": "requests:write"}


def test_scope_without_the_role_gives_nothing(at: datetime) -> None:
    actor = Actor.for_user(UserFactory.create(), scopes=frozenset(SCOPES))
    assert not any(permissions.can(actor, right, at=at) for right in Permission)


def test_service_client_never_approves_accepts_or_confirms(at: datetime) -> None:
    own = OrganizationFactory.create(roles=["secretariat"])
    client = client_of(own, *SCOPES)
    for right in (P.PROPOSALS_DECIDE, P.PROPOSALS_ANSWER, P.PROPOSALS_CONSULT, P.ENGAGEMENTS_CONFIRM):
        assert not permissions.can(client, right, at=at, organization_id=own.pk)
    assert permissions.can(client, P.REQUESTS_WRITE, at=at, organization_id=own.pk)


def test_service_client_token_reaches_no_further_than_the_client(at: datetime) -> None:
    own = OrganizationFactory.create()
    client = client_of(own, "requests:read").client
    assert client is not None
    wide = Actor.for_client(client, scopes=frozenset({"requests:read", "requests:write"}))
    assert not permissions.can(wide, P.REQUESTS_WRITE, at=at, organization_id=own.pk)


def test_guardian_grant_gives_one_right_on_one_organization(at: datetime) -> None:
    own, granted = OrganizationFactory.create(), OrganizationFactory.create()
    actor = member(own)
    row = DjangoPermission.objects.get(codename=P.REQUESTS_WRITE.codename)
    OrganizationUserGrantFactory.create(user=actor.user, content_object=granted, permission=row)
    assert permissions.can(actor, P.REQUESTS_WRITE, at=at, organization_id=granted.pk)
    assert not permissions.can(actor, P.ENGAGEMENTS_CONFIRM, at=at, organization_id=granted.pk)
    assert permissions.organization_ids(actor, at, "requests") == {own.pk, granted.pk}
    assert permissions.organization_ids(actor, at, "engagements") == {own.pk}


def test_organizations_below_are_seen_but_not_written(at: datetime) -> None:
    top = OrganizationFactory.create()
    below = OrganizationFactory.create(parent=top)
    actor = member(top)
    assert permissions.organization_ids(actor, at) == {top.pk, below.pk}
    assert permissions.own_organization_ids(actor, at) == {top.pk}
    assert not permissions.can(actor, P.REQUESTS_WRITE, at=at, organization_id=below.pk)


@pytest.mark.parametrize(("kind", "belongs"), [("member_agency", True), ("cifal_centre", False), ("network", False)])
def test_unit_of_a_member_belongs_to_the_group_its_centres_do_not(kind: str, belongs: bool, at: datetime) -> None:
    agency = OrganizationFactory.create(roles=["member"])
    unit = OrganizationFactory.create(parent=agency, kind=kind)
    assert permissions.is_group_member(member(unit), at) is belongs


def test_delegate_has_the_rights_of_the_absent_for_the_dates_given(at: datetime) -> None:
    own = OrganizationFactory.create()
    membership = MembershipFactory.create(organization=own)
    stand_in = UserFactory.create()
    today = at.date()
    Membership.objects.filter(pk=membership.pk).update(delegate=stand_in, delegated_from=today, delegated_to=today)
    assert permissions.can(Actor.for_user(stand_in), P.REQUESTS_WRITE, at=at, organization_id=own.pk)
    tomorrow = at + timedelta(days=1)
    assert not permissions.can(Actor.for_user(stand_in), P.REQUESTS_WRITE, at=tomorrow, organization_id=own.pk)


def test_rights_are_read_once_in_two_queries(at: datetime, django_assert_num_queries: object) -> None:
    own = OrganizationFactory.create(roles=["member"])
    user = MembershipFactory.create(organization=own).user
    actor = Actor.for_user(user)
    with django_assert_num_queries(2):  # type: ignore[operator]
        permissions.can(actor, P.REQUESTS_READ, at=at, organization_id=own.pk)
        permissions.can(actor, P.REQUESTS_WRITE, at=at, organization_id=own.pk)
        permissions.is_secretariat(actor, at)


def test_conflict_is_any_membership_in_a_partner(at: datetime) -> None:
    partner = OrganizationFactory.create()
    officer = secretariat()
    assert queries.conflict_of(officer, [partner.pk], at) is None
    MembershipFactory.create(user=officer.user, organization=partner, role="viewer")
    fresh = Actor.for_user(officer.user)  # type: ignore[arg-type]
    assert queries.conflict_of(fresh, [partner.pk], at) == partner
