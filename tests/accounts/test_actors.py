"""Who acts, what they may and in whose name; read once and no longer true than it is."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from marketplace.accounts import queries, reach
from marketplace.accounts.actors import Actor, Grant, Right
from marketplace.accounts.models import Organization
from marketplace.accounts.permissions import in_office
from marketplace.accounts.roles import ROLES
from marketplace.accounts.roles import Permission as Permitted
from tests.factories.accounts import (
    MembershipFactory,
    OrganizationFactory,
    OrganizationUserGrantFactory,
    UserFactory,
    client_of,
    member,
    secretariat,
)

DAY = timedelta(days=1)


# --- rights ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("role", "in_secretariat", "group_wide", "reads"),
    [
        ("secretariat_officer", True, True, False),
        ("secretariat_head", True, True, False),
        ("secretariat_officer", False, False, False),
        ("viewer", True, False, False),
        ("auditor", False, False, True),
    ],
)
def test_right_tells_how_far_its_role_reaches(role: str, in_secretariat: bool, group_wide: bool, reads: bool) -> None:
    right = Right(1, "ONE", role, in_secretariat=in_secretariat)
    assert (right.is_group_wide, right.reads_group_wide) == (group_wide, reads)
    assert right.permissions == (frozenset() if role == "secretariat_officer" and not in_secretariat else ROLES[role])


# --- kinds of actors ------------------------------------------------------------------------------------------------
def test_system_is_named_and_nobody_else_is_the_system() -> None:
    system, anonymous = Actor.system("sweep"), Actor.anonymous()
    assert (system.kind, system.name, system.label, system.public_id, system.is_system) == (
        "system",
        "sweep",
        "sweep",
        "",
        True,
    )
    assert (anonymous.kind, anonymous.label, anonymous.public_id, anonymous.is_system) == (
        "anonymous",
        "anonymous",
        "",
        False,
    )
    assert system.scopes is None
    assert system.kind == Actor.SYSTEM


@pytest.mark.django_db
def test_person_is_known_by_name_and_public_id() -> None:
    user = UserFactory.create(name="Ada")
    actor = Actor.for_user(user, scopes=frozenset({"audit:read"}))
    assert (actor.kind, actor.user, actor.label, actor.public_id) == ("user", user, "Ada", str(user.public_id))
    assert actor.scopes == frozenset({"audit:read"})
    assert Actor.for_user(user).scopes is None


@pytest.mark.django_db
def test_system_of_an_organization_reaches_what_client_and_token_both_allow() -> None:
    client = client_of(OrganizationFactory.create(), "requests:read", "requests:write").client
    assert client is not None
    actor = Actor.for_client(client, acting_for="Office")
    assert (actor.kind, actor.client, actor.public_id) == ("client", client, str(client.public_id))
    assert (actor.label, actor.acting_for, actor.on_behalf_of) == (str(client), "Office", "Office")
    assert actor.scopes == frozenset({"requests:read", "requests:write"})
    assert Actor.for_client(client).acting_for == ""
    narrow = Actor.for_client(client, scopes=frozenset({"requests:read", "audit:read"}))
    assert narrow.scopes == frozenset({"requests:read"})
    assert Actor.for_client(client, scopes=frozenset()).scopes == frozenset()


# --- what is read once ----------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_roles_are_those_of_the_day_and_read_once_for_it(at: datetime, django_assert_num_queries: Any) -> None:
    own, later = OrganizationFactory.create(), OrganizationFactory.create()
    actor = member(own, valid_to=at.date())
    assert actor.user is not None
    MembershipFactory.create(user=actor.user, organization=later, valid_from=(at + DAY).date())
    assert [right.organization_id for right in actor.rights(at)] == [own.pk]
    assert actor.seats(at) == {own.pk}
    assert [right.organization_id for right in actor.rights(at + DAY)] == [later.pk]
    assert actor.seats(at + DAY) == {later.pk}
    with django_assert_num_queries(0):
        assert actor.rights(at + timedelta(hours=1)) == actor.rights(at)
        assert actor.seats(at + timedelta(hours=1)) == {own.pk}


@pytest.mark.django_db
def test_actor_of_a_day_has_the_roles_of_that_day_whenever_asked(at: datetime) -> None:
    own = OrganizationFactory.create()
    user = MembershipFactory.create(organization=own, valid_to=at.date()).user
    actor = Actor(kind="user", user=user, on=at.date())
    assert [right.organization_id for right in actor.rights(at + 9 * DAY)] == [own.pk]
    assert actor.seats(at + 9 * DAY) == {own.pk}
    assert Actor(kind="user", user=user, on=(at + DAY).date()).seats(at) == frozenset()


def test_what_was_read_with_the_credential_is_not_read_again(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(reach, "load_rights", never)
    monkeypatch.setattr(reach, "load_grants", never)
    actor = Actor(kind="user")
    right = Right(1, "ONE", "viewer")
    actor.learn(at.date(), (right,), (Grant(2, "requests_read", at + DAY), Grant(3, "requests_read")))
    assert actor.rights(at) == (right,)
    assert actor.seats(at) == {1}
    both, one = {(2, "requests_read"), (3, "requests_read")}, {(3, "requests_read")}
    for moment, grants in ((at, both), (at + DAY, one), (at + 2 * DAY, one), (at, both)):
        assert actor.grants(moment) == grants
    assert actor.grants(at) is actor.grants(at)


# --- on behalf of ---------------------------------------------------------------------------------------------------
def test_absent_are_named_once_each_in_the_order_of_need() -> None:
    ada, bob = UserFactory.build(name="Ada"), UserFactory.build(name="Bob")
    ada.pk, bob.pk = 1, 2
    actor = Actor(kind="user")
    assert (actor.absent, actor.on_behalf_of) == ((), "")
    for person in (bob, ada, bob):
        actor.stand_in_for(person)
    assert (actor.absent, actor.on_behalf_of) == ((bob, ada), "Bob, Ada")
    office = Actor(kind="client", acting_for="Office")
    office.stand_in_for(ada)
    assert office.on_behalf_of == "Office"


@pytest.mark.django_db
def test_actor_is_found_again_from_what_a_job_carries() -> None:
    user = UserFactory.create()
    client = client_of(OrganizationFactory.create()).client
    assert client is not None
    for actor in (Actor.for_user(user), Actor.for_client(client, acting_for="Office"), Actor.system("sweep")):
        names = queries.names_of_actor(actor)
        assert set(names) == {"kind", "id", "name", "acting_for"}
        again = queries.actor_again(names)
        assert (again.kind, again.user, again.client, again.name, again.acting_for) == (
            actor.kind,
            actor.user,
            actor.client,
            actor.name,
            actor.acting_for,
        )


@pytest.mark.parametrize(
    ("start", "end", "held"),
    [
        (None, None, True),
        (date(2026, 11, 23), date(2026, 11, 23), True),
        (date(2026, 11, 24), None, False),
        (None, date(2026, 11, 22), False),
        (date(2026, 11, 22), date(2026, 11, 24), True),
        (date(2026, 11, 1), date(2026, 11, 22), False),
    ],
)
def test_role_is_held_on_its_first_and_last_day(start: date | None, end: date | None, held: bool) -> None:
    assert queries.RoleHeld("viewer", start, end).is_valid_on(date(2026, 11, 23)) is held


# --- where they hold something ----------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_actor_holds_something_where_a_role_or_a_grant_is_theirs_at_the_moment(at: datetime) -> None:
    ended, role, grant, _other = (OrganizationFactory.create() for _ in range(4))
    user = MembershipFactory.create(organization=role).user
    MembershipFactory.create(organization=ended, user=user, valid_to=at.date() - DAY)
    row = Permission.objects.get(codename="requests_read")
    OrganizationUserGrantFactory.create(user=user, content_object=grant, permission=row, expires_at=at + DAY)
    actor = Actor.for_user(user)
    assert actor.held(at) == {role.pk, grant.pk}
    assert actor.held(at + DAY) == {role.pk}


@pytest.mark.django_db
def test_office_is_a_role_with_the_right_in_the_organization_itself(at: datetime) -> None:
    own, other = OrganizationFactory.create(), OrganizationFactory.create()

    def writes(actor: Actor, organization: Organization, right: Permitted = Permitted.REQUESTS_WRITE) -> bool:
        return in_office(actor, right, at=at, organization_id=organization.pk)

    assert writes(member(own), own)
    assert not writes(member(own), other)
    assert not writes(member(own, "viewer"), own)
    assert not writes(secretariat(), other)  # of the group, and without this right
    assert writes(secretariat(), other, Permitted.REQUESTS_READ)
