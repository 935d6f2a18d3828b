"""Reads of the accounts room: who is found, by what, and who may see it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission as DjangoPermission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.accounts import queries
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Membership, Organization, OrganizationUserGrant
from marketplace.kernel.errors import DomainError, ErrorCode
from tests.factories.accounts import (
    AccessTokenFactory,
    ContextEventFactory,
    MembershipFactory,
    OrganizationFactory,
    OrganizationRoleFactory,
    OrganizationUserGrantFactory,
    ProgrammeFactory,
    ServiceClientFactory,
    UserFactory,
    member,
    secretariat,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def unknown(call: Callable[[], object]) -> tuple[str, object]:
    """Where the reference stands that names nothing, and what it says."""
    with pytest.raises(DomainError) as refusal:
        call()
    assert refusal.value.code is ErrorCode.UNKNOWN_REFERENCE
    [error] = refusal.value.errors
    return error.pointer, error.params["value"]


def grant(organization: Organization, actor: Actor | None = None) -> OrganizationUserGrant:
    row = DjangoPermission.objects.get(codename="requests_read")
    user = (actor and actor.user) or UserFactory.create()
    return OrganizationUserGrantFactory.create(user=user, content_object=organization, permission=row)


# --- who sees grants, memberships, lists --------------------------------------------------------------------------
def test_grants_are_seen_where_one_is_a_member_and_where_they_are_ones_own(at: datetime) -> None:
    own, other = OrganizationFactory.create(), OrganizationFactory.create()
    actor = member(own)
    mine, here, strange = grant(other, actor), grant(own), grant(other)
    assert set(queries.grants_visible_to(actor, at=at)) == {mine, here}
    assert set(queries.grants_visible_to(secretariat(), at=at)) == {mine, here, strange}
    client = Actor.for_client(ServiceClientFactory.create(organization=other))
    assert set(queries.grants_visible_to(client, at=at)) == {mine, strange}
    assert not queries.grants_visible_to(Actor.anonymous(), at=at).exists()


def test_memberships_are_seen_by_fellow_members(at: datetime) -> None:
    own = OrganizationFactory.create()
    actor, fellow, stranger = member(own), MembershipFactory.create(organization=own), MembershipFactory.create()
    seen = set(queries.memberships_visible_to(actor, at=at))
    assert (fellow in seen, stranger in seen, len(seen)) == (True, False, 2)
    assert set(queries.memberships_visible_to(secretariat(), at=at)) == set(Membership.objects.all())
    assert not queries.memberships_visible_to(Actor.anonymous(), at=at).exists()


def test_lists_of_organizations_and_programmes_are_for_who_is_signed_in(at: datetime) -> None:
    organization, programme = OrganizationFactory.create(), ProgrammeFactory.create()
    somebody = Actor.for_user(UserFactory.create())
    assert organization in queries.organizations_visible_to(somebody, at=at)
    assert programme in queries.programmes_visible_to(somebody, at=at)
    assert not queries.organizations_visible_to(Actor.anonymous(), at=at).exists()
    assert not queries.programmes_visible_to(Actor.anonymous(), at=at).exists()


# --- finding --------------------------------------------------------------------------------------------------------
def test_things_are_found_by_code_and_public_id_and_missed_by_name() -> None:
    finders = (
        (queries.organization_by_code, OrganizationFactory.create(), "/organization"),
        (queries.programme_by_code, ProgrammeFactory.create(), "/programme"),
        (queries.context_event_by_code, ContextEventFactory.create(), "/context_event"),
    )
    for find, thing, pointer in finders:
        assert find(thing.code) == find(str(thing.public_id)) == thing
        nobody = str(uuid4())
        assert unknown(lambda find=find: find("NONE")) == (pointer, "NONE")  # type: ignore[misc]
        assert unknown(lambda find=find, nobody=nobody: find(nobody, "/here")) == ("/here", nobody)  # type: ignore[misc]


def test_several_organizations_are_found_in_the_order_given() -> None:
    first, second = OrganizationFactory.create(), OrganizationFactory.create()
    assert queries.organizations_by_code([second.code, first.code], "/o") == [second, first]
    assert unknown(lambda: queries.organizations_by_code([first.code, "NONE", "MORE"], "/o")) == ("/o/1", "NONE")
    assert queries.codes_of([first.pk]) == {first.pk: first.code}
    assert queries.codes_of([]) == {}


def test_several_programmes_are_found_in_the_order_given() -> None:
    first, second = ProgrammeFactory.create(), ProgrammeFactory.create()
    assert queries.programmes_by_code(iter([second.code, first.code]), "/p") == [second, first]
    assert queries.programmes_by_code([], "/p") == []
    assert unknown(lambda: queries.programmes_by_code([first.code, "NONE", "MORE"], "/p")) == ("/p/1", "NONE")


def test_person_is_found_while_active() -> None:
    user, gone = UserFactory.create(), UserFactory.create(is_active=False)
    assert queries.person_by_id(str(user.public_id), "/person") == user
    for text in (str(gone.public_id), str(uuid4()), "nobody"):
        assert unknown(lambda text=text: queries.person_by_id(text, "/person")) == ("/person", text)  # type: ignore[misc]


def test_colleague_is_active_and_has_a_role_today_in_the_same_tree(at: datetime) -> None:
    top = OrganizationFactory.create()
    unit, sibling = OrganizationFactory.create(parent=top), OrganizationFactory.create(parent=top)
    for near in (top, unit, sibling):
        person = MembershipFactory.create(organization=near).user
        assert queries.colleague(str(person.public_id), unit.pk, at=at, pointer="/delegate") == person
    strangers = [
        MembershipFactory.create(organization=unit, user=UserFactory.create(is_active=False)).user,
        MembershipFactory.create(organization=unit, valid_to=(at - DAY).date()).user,
        MembershipFactory.create().user,
    ]
    for stranger in strangers:
        text = str(stranger.public_id)
        find = lambda text=text: queries.colleague(text, unit.pk, at=at, pointer="/delegate")  # noqa: E731
        assert unknown(find) == ("/delegate", text)


# --- the tree, roles and people -----------------------------------------------------------------------------------
def test_family_is_the_whole_tree_and_subtree_what_is_below() -> None:
    top = OrganizationFactory.create()
    middle = OrganizationFactory.create(parent=top)
    leaf, uncle = OrganizationFactory.create(parent=middle), OrganizationFactory.create(parent=top)
    OrganizationFactory.create()
    everybody = {top.pk, middle.pk, leaf.pk, uncle.pk}
    for one in (top, middle, leaf):
        assert queries.family_ids(one.pk) == everybody
    assert queries.subtree_ids(middle.pk) == {middle.pk, leaf.pk}


def test_role_of_an_organization_is_that_of_the_day(at: datetime) -> None:
    own, other, day = OrganizationFactory.create(roles=["member"]), OrganizationFactory.create(), at.date()
    assert queries.has_role(own.pk, "member", day)
    assert not queries.has_role(own.pk, "provider", day)
    assert not queries.has_role(other.pk, "member", day)
    OrganizationRoleFactory.create(organization=other, role="secretariat", valid_to=day)
    assert queries.has_role(other.pk, "secretariat", day)
    assert not queries.has_role(other.pk, "secretariat", day + DAY)
    assert queries.secretariat_organization(day) == other
    assert queries.secretariat_organization(day + DAY) is None


def test_staff_are_those_with_such_a_role_there_on_the_day(at: datetime) -> None:
    own, day = OrganizationFactory.create(), at.date()
    wanted = MembershipFactory.create(organization=own).user
    MembershipFactory.create(organization=own, user=wanted, role="viewer")
    MembershipFactory.create(organization=own, role="auditor")
    MembershipFactory.create(organization=own, valid_to=day - DAY)
    MembershipFactory.create()
    assert list(queries.staff_of([own.pk], ["focal_point", "viewer"], day)) == [wanted]


def test_roles_of_people_are_told_with_their_days(at: datetime) -> None:
    day = at.date()
    first = MembershipFactory.create(valid_from=day, valid_to=day + DAY)
    second = MembershipFactory.create(user=first.user, role="viewer")
    MembershipFactory.create()
    held = queries.roles_held([first.user_id])
    assert set(held) == {second.user_id}
    assert sorted(held[first.user_id], key=lambda one: one.role) == [
        queries.RoleHeld("focal_point", day, day + DAY),
        queries.RoleHeld("viewer", None, None),
    ]
    assert set(queries.memberships_of(first.user)) == {first, second}


# --- recusal --------------------------------------------------------------------------------------------------------
def test_bound_is_who_is_a_member_was_granted_or_stands_in(at: datetime) -> None:
    partner, other = OrganizationFactory.create(), OrganizationFactory.create()
    by_role, by_grant, absent = member(partner, "viewer"), member(other), member(partner)
    grant(partner, by_grant)
    stand_in = member(other)
    assert absent.user is not None
    assert stand_in.user is not None
    lent = MembershipFactory.create(user=absent.user, organization=OrganizationFactory.create())
    MembershipFactory.create(user=stand_in.user, organization=lent.organization, role="viewer")
    Membership.objects.filter(pk=lent.pk).update(
        delegate=stand_in.user, delegated_from=at.date(), delegated_to=at.date()
    )
    for actor in (by_role, by_grant, stand_in):
        assert queries.conflict_of(actor, [partner.pk], at) == partner
        assert queries.conflict_of(actor, [OrganizationFactory.create().pk], at) is None
        assert queries.conflict_of(actor, [], at) is None
    assert queries.conflict_of(stand_in, [partner.pk, other.pk], at) == other
    assert queries.conflict_of(member(other), [partner.pk], at) is None


def test_bonds_are_asked_for_once_in_a_call(at: datetime) -> None:
    own, other = OrganizationFactory.create(), OrganizationFactory.create()
    absent = MembershipFactory.create(organization=own)
    MembershipFactory.create(user=absent.user, organization=other)
    stand_in = MembershipFactory.create(organization=own, role="viewer").user
    Membership.objects.filter(pk=absent.pk).update(delegate=stand_in, delegated_from=at.date(), delegated_to=at.date())
    actor = Actor.for_user(stand_in)
    assert queries.bound_ids(actor, at) == {own.pk, other.pk}
    with CaptureQueriesContext(connection) as asked:
        assert queries.bound_ids(actor, at) == {own.pk, other.pk}
    assert not asked
    assert queries.bound_ids(actor, at + DAY) == {own.pk}
    assert queries.bound_ids(Actor.system("test"), at) == set()


def test_right_that_was_granted_binds_until_it_ends(at: datetime) -> None:
    partner, actor = OrganizationFactory.create(), member(OrganizationFactory.create())
    grant(partner, actor)
    OrganizationUserGrant.objects.update(expires_at=at + DAY)
    assert queries.conflict_of(actor, [partner.pk], at) == partner
    assert queries.conflict_of(actor, [partner.pk], at + DAY) is None


def test_absent_who_left_the_partner_binds_nobody(at: datetime) -> None:
    partner, other = OrganizationFactory.create(), OrganizationFactory.create()
    former = MembershipFactory.create(organization=partner, valid_to=(at - DAY).date())
    MembershipFactory.create(organization=partner)  # of somebody else
    stand_in = UserFactory.create()
    lent = MembershipFactory.create(user=former.user, organization=other)
    MembershipFactory.create(user=stand_in, organization=other, role="viewer")
    Membership.objects.filter(pk=lent.pk).update(delegate=stand_in, delegated_from=at.date(), delegated_to=at.date())
    actor = Actor.for_user(stand_in)
    assert queries.conflict_of(actor, [other.pk], at) == other
    assert [right.lent_by for right in actor.rights(at) if right.lent_by] == [former.user]
    assert queries.conflict_of(actor, [partner.pk], at) is None


# --- tokens and systems -------------------------------------------------------------------------------------------
def test_tokens_are_those_of_the_very_actor() -> None:
    client = ServiceClientFactory.create()
    mine, theirs = AccessTokenFactory.create(), AccessTokenFactory.create(user=None, client=client)
    AccessTokenFactory.create()
    assert mine.user is not None
    assert list(queries.tokens_of(Actor.for_user(mine.user))) == [mine]
    assert list(queries.tokens_of(Actor.for_client(client))) == [theirs]
    assert list(queries.tokens_of(Actor.anonymous())) == []
    assert list(queries.service_clients_of([client.organization_id])) == [client]
    assert list(queries.service_clients_of([])) == []


def test_what_is_told_with_its_organization_takes_one_query(django_assert_num_queries: Any) -> None:
    membership, client = MembershipFactory.create(), ServiceClientFactory.create()
    with django_assert_num_queries(2):
        assert [row.organization.code for row in queries.memberships_of(membership.user)]
        assert [row.organization.code for row in queries.service_clients_of([client.organization_id])]
    with django_assert_num_queries(0):
        assert queries.codes_of([]) == {}
