"""People, organizations, their systems and programmes. An organization brings its place in the tree with it."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

import factory
from factory.django import DjangoModelFactory

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import (
    AccessToken,
    ContextEvent,
    Membership,
    Organization,
    OrganizationAlias,
    OrganizationGroupGrant,
    OrganizationRole,
    OrganizationTree,
    OrganizationUserGrant,
    Programme,
    ServiceClient,
    User,
)

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


class UserFactory(DjangoModelFactory[User]):
    """A person without any membership."""

    class Meta:
        model = User

    username = factory.Sequence(lambda number: f"person-{number}")  # type: ignore[no-untyped-call]
    name = factory.LazyAttribute(lambda user: user.username.title())  # type: ignore[no-untyped-call]
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.org")  # type: ignore[no-untyped-call]


class OrganizationFactory(DjangoModelFactory[Organization]):
    """A member agency; `roles=["member"]` gives group roles, `parent=` a place in the tree."""

    class Meta:
        model = Organization
        skip_postgeneration_save = True

    code = factory.Sequence(lambda number: f"AGENCY-{number}")  # type: ignore[no-untyped-call]
    names = factory.LazyAttribute(lambda row: {"en": f"Agency {row.code}", "fr": f"Organisme {row.code}"})  # type: ignore[no-untyped-call]
    kind = "member_agency"
    created_at = AT
    updated_at = AT

    @factory.post_generation  # type: ignore[misc, untyped-decorator]
    def tree(obj: Organization, create: bool, extracted: object, **kwargs: object) -> None:  # noqa: N805
        """Write the pairs (ancestor, organization)."""
        if not create:
            return
        ancestor: Organization | None = obj
        depth = 0
        while ancestor is not None:
            OrganizationTree.objects.create(ancestor=ancestor, descendant=obj, depth=depth)
            ancestor, depth = ancestor.parent, depth + 1

    @factory.post_generation  # type: ignore[misc, untyped-decorator]
    def roles(obj: Organization, create: bool, extracted: Iterable[str] | None, **kwargs: object) -> None:  # noqa: N805
        """Give the organization group roles without end."""
        if create:
            for role in extracted or ():
                OrganizationRole.objects.create(organization=obj, role=role)


class OrganizationAliasFactory(DjangoModelFactory[OrganizationAlias]):
    """A French acronym."""

    class Meta:
        model = OrganizationAlias

    organization = factory.SubFactory(OrganizationFactory)  # type: ignore[no-untyped-call]
    text = "OIM"
    language = "fr"


class OrganizationRoleFactory(DjangoModelFactory[OrganizationRole]):
    """A membership of the group without end."""

    class Meta:
        model = OrganizationRole

    organization = factory.SubFactory(OrganizationFactory)  # type: ignore[no-untyped-call]
    role = "member"


class OrganizationTreeFactory(DjangoModelFactory[OrganizationTree]):
    """A pair of ancestor and descendant."""

    class Meta:
        model = OrganizationTree

    ancestor = factory.SubFactory(OrganizationFactory)  # type: ignore[no-untyped-call]
    descendant = factory.SubFactory(OrganizationFactory)  # type: ignore[no-untyped-call]
    depth = 1


class ProgrammeFactory(DjangoModelFactory[Programme]):
    """A programme of the year 2027."""

    class Meta:
        model = Programme

    code = factory.Sequence(lambda number: f"PROGRAMME-{number}")  # type: ignore[no-untyped-call]
    names = factory.LazyAttribute(lambda row: {"en": row.code, "fr": row.code})  # type: ignore[no-untyped-call]
    start_on = date(2027, 1, 1)
    end_on = date(2027, 12, 31)
    created_at = AT
    updated_at = AT


class ContextEventFactory(DjangoModelFactory[ContextEvent]):
    """A forum in June 2027."""

    class Meta:
        model = ContextEvent

    code = factory.Sequence(lambda number: f"FORUM-{number}")  # type: ignore[no-untyped-call]
    names = factory.LazyAttribute(lambda row: {"en": row.code, "fr": row.code})  # type: ignore[no-untyped-call]
    start_on = date(2027, 6, 1)
    end_on = date(2027, 6, 30)
    precision = "month"
    created_at = AT
    updated_at = AT


class MembershipFactory(DjangoModelFactory[Membership]):
    """A focal point without limit of countries or programmes."""

    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)  # type: ignore[no-untyped-call]
    organization = factory.SubFactory(OrganizationFactory)  # type: ignore[no-untyped-call]
    role = "focal_point"
    created_at = AT
    updated_at = AT


class OrganizationUserGrantFactory(DjangoModelFactory[OrganizationUserGrant]):
    """A grant of one person on one organization; give `permission`."""

    class Meta:
        model = OrganizationUserGrant

    user = factory.SubFactory(UserFactory)  # type: ignore[no-untyped-call]
    content_object = factory.SubFactory(OrganizationFactory)  # type: ignore[no-untyped-call]


class OrganizationGroupGrantFactory(DjangoModelFactory[OrganizationGroupGrant]):
    """A grant of a group of people on one organization; give `group` and `permission`."""

    class Meta:
        model = OrganizationGroupGrant

    content_object = factory.SubFactory(OrganizationFactory)  # type: ignore[no-untyped-call]


class ServiceClientFactory(DjangoModelFactory[ServiceClient]):
    """An integrating system that reads and writes requests."""

    class Meta:
        model = ServiceClient

    client_id = factory.Sequence(lambda number: f"system-{number}")  # type: ignore[no-untyped-call]
    name = "Planning system"
    organization = factory.SubFactory(OrganizationFactory)  # type: ignore[no-untyped-call]
    scopes: ClassVar[list[str]] = ["requests:read", "requests:write"]
    created_at = AT
    updated_at = AT


class AccessTokenFactory(DjangoModelFactory[AccessToken]):
    """A token of a person, valid for a day from `AT`; its secret is `secret`."""

    class Meta:
        model = AccessToken

    name = "script"
    prefix = factory.Sequence(lambda number: f"{number:012x}")  # type: ignore[no-untyped-call]
    digest = hashlib.sha256(b"secret").hexdigest()
    user = factory.SubFactory(UserFactory)  # type: ignore[no-untyped-call]
    scopes: ClassVar[list[str]] = ["requests:read"]
    expires_at = AT + timedelta(days=1)
    created_at = AT
    updated_at = AT


# --- actors -------------------------------------------------------------------------------------------------------


def member(organization: Organization, role: str = "focal_point", **scope: Any) -> Actor:
    """Make a person with one role in one organization and give their actor."""
    return Actor.for_user(MembershipFactory.create(organization=organization, role=role, **scope).user)


def secretariat(role: str = "secretariat_officer", organization: Organization | None = None) -> Actor:
    """Make an officer (or head) of a secretariat, a new one unless given."""
    return member(organization or OrganizationFactory.create(roles=["secretariat"]), role)


def client_of(organization: Organization, *scopes: str) -> Actor:
    """Make an integrating system of an organization and give its actor."""
    wanted = list(scopes) or ["requests:read", "requests:write"]
    return Actor.for_client(ServiceClientFactory.create(organization=organization, scopes=wanted))
