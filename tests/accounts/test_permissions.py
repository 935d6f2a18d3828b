"""Right = scope and role and object."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Permission as DjangoPermission

from marketplace.accounts import permissions, queries
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Membership, Organization, OrganizationUserGrant, User
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


def test_right_that_reaches_everywhere_is_held_in_the_secretariat_alone(at: datetime) -> None:
    right = P.ORGANIZATIONS_MANAGE
    for actor in (secretariat(), secretariat("secretariat_head"), Actor.system("test")):
        permissions.check_holds_everywhere(actor, right, at=at)
    agency = OrganizationFactory.create()
    for actor in (member(agency, "secretariat_head"), member(agency, "auditor"), Actor.anonymous()):
        with pytest.raises(DomainError) as refused:
            permissions.check_holds_everywhere(actor, right, at=at)
        assert refused.value.params == {"permission": "organizations.manage"}
    with pytest.raises(DomainError):  # theirs in their own organization
        permissions.check_holds_everywhere(member(agency, "focal_point"), P.REQUESTS_WRITE, at=at)
    officer = secretariat().user
    assert officer is not None
    with pytest.raises(DomainError) as refused:
        permissions.check_holds_everywhere(Actor.for_user(officer, scopes=frozenset()), right, at=at)
    assert refused.value.code is ErrorCode.INSUFFICIENT_SCOPE
    with pytest.raises(DomainError) as refused:
        permissions.check_holds_everywhere(Actor.for_user(officer), P.MEMBERSHIPS_APPOINT, at=at)
    assert refused.value.params == {"permission": "memberships.appoint"}


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


def test_membership_limited_to_countries_or_programmes_is_not_of_the_whole(at: datetime) -> None:
    whole, of_countries, of_programmes = (OrganizationFactory.create() for _ in range(3))
    person = member(whole).user
    assert person is not None
    MembershipFactory.create(user=person, organization=of_countries, role="focal_point", countries=["MLI"])
    MembershipFactory.create(user=person, organization=of_programmes, role="focal_point", programmes=["P1"])
    actor = Actor.for_user(person)
    assert permissions.whole_organization_ids(actor, at) == {whole.pk}
    may = partial(permissions.can, actor, P.WEBHOOKS_MANAGE, at=at, country=permissions.EVERY_COUNTRY)
    assert may(organization_id=whole.pk)
    assert not may(organization_id=of_countries.pk)
    assert not may(organization_id=of_programmes.pk)


@pytest.mark.parametrize(("kind", "belongs"), [("member_agency", True), ("cifal_centre", False), ("network", False)])
def test_unit_of_a_member_belongs_to_the_group_its_centres_do_not(kind: str, belongs: bool, at: datetime) -> None:
    agency = OrganizationFactory.create(roles=["member"])
    unit = OrganizationFactory.create(parent=agency, kind=kind)
    assert permissions.is_group_member(member(unit), at) is belongs


def test_delegate_has_the_rights_of_the_absent_for_the_dates_given(at: datetime) -> None:
    own = OrganizationFactory.create()
    membership = MembershipFactory.create(organization=own)
    stand_in = MembershipFactory.create(organization=own, role="viewer").user
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


# --- at the edges: what mutation testing asked for -----------------------------------------------------------------
def refused(call: Callable[[], object]) -> tuple[ErrorCode, dict[str, object]]:
    with pytest.raises(DomainError) as refusal:
        call()
    return refusal.value.code, dict(refusal.value.params)


def lent_to(user: User, membership: Membership, at: datetime) -> None:
    """Let a person, who becomes a viewer there, stand in for a member."""
    MembershipFactory.create(user=user, organization=membership.organization, role="viewer")
    day = at.date()
    Membership.objects.filter(pk=membership.pk).update(delegate=user, delegated_from=day, delegated_to=day)


def granted(user: User, organization: Organization, right: Permission) -> None:
    row = DjangoPermission.objects.get(codename=right.codename)
    OrganizationUserGrantFactory.create(user=user, content_object=organization, permission=row)


def test_system_may_everything_and_belongs_everywhere(at: datetime) -> None:
    system, other = Actor.system("test"), OrganizationFactory.create()
    assert permissions.can(system, P.PROPOSALS_DECIDE, at=at, organization_id=other.pk)
    assert permissions.holds(system, P.PROPOSALS_DECIDE, at=at, organization_id=other.pk)
    assert permissions.is_secretariat(system, at)
    assert permissions.is_group_member(system, at)
    nobody = Actor.for_user(UserFactory.create())
    assert not permissions.is_secretariat(nobody, at)
    assert not permissions.is_group_member(nobody, at)


def test_secretariat_and_auditors_belong_to_the_group_whatever_their_organization(at: datetime) -> None:
    outside = OrganizationFactory.create()
    assert permissions.is_group_member(member(outside, "auditor"), at)
    assert permissions.is_group_member(secretariat(), at)
    assert not permissions.is_group_member(member(outside), at)


def test_group_wide_role_heeds_no_country_and_no_programme(at: datetime) -> None:
    home = OrganizationFactory.create(roles=["secretariat"])
    officer = member(home, "secretariat_officer", countries=["MLI"], programmes=["JMDI"])
    other = OrganizationFactory.create()
    assert permissions.can(
        officer, P.PROPOSALS_DECIDE, at=at, organization_id=other.pk, country="SEN", programme="OTHER"
    )


def test_membership_with_limits_reaches_what_names_no_country_and_no_other_programme(at: datetime) -> None:
    own = OrganizationFactory.create()
    mali, jmdi = member(own, countries=["MLI"]), member(own, programmes=["JMDI"])
    assert permissions.can(mali, P.REQUESTS_WRITE, at=at, organization_id=own.pk)
    assert permissions.can(mali, P.REQUESTS_WRITE, at=at, organization_id=own.pk, programme="ANY")
    assert not permissions.can(jmdi, P.REQUESTS_WRITE, at=at, organization_id=own.pk, programme="OTHER")
    assert permissions.can(jmdi, P.REQUESTS_WRITE, at=at, organization_id=own.pk, country="SEN", programme="JMDI")
    assert permissions.can(member(own), P.REQUESTS_WRITE, at=at, organization_id=own.pk, country="SEN")


def test_question_about_no_organization_is_about_any_of_their_own(at: datetime) -> None:
    actor = member(OrganizationFactory.create())
    assert permissions.can(actor, P.REQUESTS_WRITE, at=at)
    assert permissions.holds(actor, P.REQUESTS_WRITE, at=at)
    assert not permissions.can(actor, P.PROPOSALS_DECIDE, at=at)


def test_answer_of_one_day_is_not_that_of_another(at: datetime) -> None:
    own = OrganizationFactory.create()
    actor = member(own, valid_to=at.date())
    assert actor.user is not None
    MembershipFactory.create(user=actor.user, organization=own, role="viewer")
    for moment, may in ((at, True), (at + timedelta(days=1), False), (at, True)):
        assert permissions.can(actor, P.REQUESTS_WRITE, at=moment, organization_id=own.pk) is may


def test_question_of_one_call_is_answered_once(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    own, find_out = OrganizationFactory.create(), permissions._serving
    asked: list[object] = []

    def watched(*about: Any) -> Any:
        asked.append(about)
        return find_out(*about)

    monkeypatch.setattr(permissions, "_serving", watched)
    actor = member(own)
    for _ in range(2):
        assert permissions.can(actor, P.REQUESTS_WRITE, at=at, organization_id=own.pk)
    assert len(asked) == 1


def test_answer_about_one_organization_is_not_that_about_another(at: datetime) -> None:
    first, second, strange = (OrganizationFactory.create() for _ in range(3))
    actor = member(first)
    assert actor.user is not None
    MembershipFactory.create(user=actor.user, organization=second, role="viewer")
    for organization, may in ((strange, False), (first, True), (second, False), (first, True)):
        assert permissions.can(actor, P.REQUESTS_WRITE, at=at, organization_id=organization.pk) is may


def test_many_strange_organizations_are_one_question(at: datetime) -> None:
    actor = member(OrganizationFactory.create())
    for strange in (OrganizationFactory.create(), OrganizationFactory.create()):
        assert not permissions.can(actor, P.REQUESTS_WRITE, at=at, organization_id=strange.pk)
    assert len(actor.answers) == 1


def test_role_that_was_lent_is_told_of_only_where_it_was_needed(at: datetime) -> None:
    own, user = OrganizationFactory.create(), UserFactory.create()
    absent = MembershipFactory.create(organization=own, user=UserFactory.create(name="Away"))
    lent_to(user, absent, at)
    actor = Actor.for_user(user)
    assert permissions.can(actor, P.REQUESTS_WRITE, at=at, organization_id=own.pk)
    assert actor.absent == (absent.user,)
    MembershipFactory.create(organization=own, user=user)
    needless = Actor.for_user(user)
    assert permissions.can(needless, P.REQUESTS_WRITE, at=at, organization_id=own.pk)
    assert needless.absent == ()


def test_grant_is_asked_before_a_lent_role_and_needs_its_scope(at: datetime) -> None:
    own, user = OrganizationFactory.create(), UserFactory.create()
    lent_to(user, MembershipFactory.create(organization=own), at)
    granted(user, own, P.REQUESTS_WRITE)
    actor = Actor.for_user(user)
    assert permissions.can(actor, P.REQUESTS_WRITE, at=at, organization_id=own.pk)
    assert actor.absent == ()
    narrow = Actor.for_user(user, scopes=frozenset({"requests:read"}))
    assert not permissions.can(narrow, P.REQUESTS_WRITE, at=at, organization_id=own.pk)
    assert not permissions.can(Actor.for_user(user), P.REQUESTS_WRITE, at=at + timedelta(days=1))


def test_check_is_about_the_very_organization_country_and_programme(at: datetime) -> None:
    own, other = OrganizationFactory.create(), OrganizationFactory.create()
    actor = member(own, countries=["MLI"], programmes=["JMDI"])

    def check(organization: Organization, country: str, programme: str) -> None:
        permissions.check(
            actor, P.REQUESTS_WRITE, at=at, organization_id=organization.pk, country=country, programme=programme
        )

    check(own, "MLI", "JMDI")
    denied = (ErrorCode.PERMISSION_DENIED, {"permission": "requests.write"})
    for facts in ((other, "MLI", "JMDI"), (own, "SEN", "JMDI"), (own, "MLI", "OTHER")):
        assert refused(lambda facts=facts: check(*facts)) == denied  # type: ignore[misc]


def test_what_was_lent_or_granted_may_be_used_and_is_not_held(at: datetime) -> None:
    own, other, user = OrganizationFactory.create(), OrganizationFactory.create(), UserFactory.create()
    lent_to(user, MembershipFactory.create(organization=own), at)
    granted(user, other, P.REQUESTS_WRITE)
    actor = Actor.for_user(user)
    denied = (ErrorCode.PERMISSION_DENIED, {"permission": "requests.write"})
    for organization in (own, other):
        assert permissions.can(actor, P.REQUESTS_WRITE, at=at, organization_id=organization.pk)
        assert not permissions.holds(actor, P.REQUESTS_WRITE, at=at, organization_id=organization.pk)
        ask = partial(permissions.check_holds, actor, P.REQUESTS_WRITE, at=at, organization_id=organization.pk)
        assert refused(ask) == denied


def test_what_is_held_in_one_organization_is_not_held_in_another_where_it_was_lent(at: datetime) -> None:
    own, other = OrganizationFactory.create(), OrganizationFactory.create()
    user = MembershipFactory.create(organization=own).user
    lent_to(user, MembershipFactory.create(organization=other), at)
    actor = Actor.for_user(user)
    permissions.check_holds(actor, P.REQUESTS_WRITE, at=at, organization_id=own.pk)
    ask = partial(permissions.check_holds, actor, P.REQUESTS_WRITE, at=at, organization_id=other.pk)
    assert refused(ask) == (ErrorCode.PERMISSION_DENIED, {"permission": "requests.write"})


def test_what_is_held_is_held_there_by_that_role_and_within_the_scope(at: datetime) -> None:
    own, other = OrganizationFactory.create(), OrganizationFactory.create()
    user = MembershipFactory.create(organization=own).user
    actor, narrow = Actor.for_user(user), Actor.for_user(user, scopes=frozenset({"requests:read"}))
    permissions.check_holds(actor, P.REQUESTS_WRITE, at=at, organization_id=own.pk)
    assert not permissions.holds(actor, P.REQUESTS_WRITE, at=at, organization_id=other.pk)
    assert not permissions.holds(actor, P.PROPOSALS_DECIDE, at=at, organization_id=own.pk)
    assert not permissions.holds(narrow, P.REQUESTS_WRITE, at=at, organization_id=own.pk)
    ask = partial(permissions.check_holds, narrow, P.REQUESTS_WRITE, at=at, organization_id=own.pk)
    assert refused(ask) == (ErrorCode.INSUFFICIENT_SCOPE, {"scope": "requests:write"})
    assert not permissions.holds(member(own, programmes=["JMDI"]), P.REQUESTS_WRITE, at=at, organization_id=own.pk)


def test_grants_count_in_the_rooms_that_were_asked_for(at: datetime) -> None:
    user, first, second, third = UserFactory.create(), *(OrganizationFactory.create() for _ in range(3))
    for organization, right in ((first, P.REQUESTS_READ), (second, P.OFFERS_MAKE), (third, P.CATALOGUE_READ)):
        granted(user, organization, right)
    actor = Actor.for_user(user)
    assert permissions.granted_ids(actor, at, "requests", "offers") == {first.pk, second.pk}
    assert permissions.granted_ids(actor, at) == frozenset()
    assert permissions.organization_ids(actor, at, "catalogue") == {third.pk}


def test_grant_that_is_over_counts_in_no_room(at: datetime) -> None:
    user, organization = UserFactory.create(), OrganizationFactory.create()
    granted(user, organization, P.REQUESTS_READ)
    OrganizationUserGrant.objects.update(expires_at=at + timedelta(days=1))
    actor = Actor.for_user(user)
    for moment, ids in ((at, {organization.pk}), (at + timedelta(days=1), set())):
        assert permissions.granted_ids(actor, moment, "requests") == ids
        assert permissions.organization_ids(actor, moment, "requests") == ids


def test_codename_and_room_are_read_off_the_permission() -> None:
    assert (P.SERVICE_LEVELS_MANAGE.codename, P.SERVICE_LEVELS_MANAGE.room) == (
        "service_levels_manage",
        "service_levels",
    )
