"""People, organizations, their systems and programmes. An organization brings its place in the tree with it."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from factory.declarations import LazyAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory
from factory.helpers import post_generation

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

    username = Sequence(lambda number: f"person-{number}")
    name = LazyAttribute(lambda user: user.username.title())
    email = LazyAttribute(lambda user: f"{user.username}@example.org")


class OrganizationFactory(DjangoModelFactory[Organization]):
    """A member agency; `roles=["member"]` gives group roles, `parent=` a place in the tree."""

    class Meta:
        model = Organization
        skip_postgeneration_save = True

    code = Sequence(lambda number: f"AGENCY-{number}")
    names = LazyAttribute(lambda row: {"en": f"Agency {row.code}", "fr": f"Organisme {row.code}"})
    kind = "member_agency"
    created_at = AT
    updated_at = AT

    @post_generation  # type: ignore[untyped-decorator]
    def tree(obj: Organization, create: bool, extracted: object, **kwargs: object) -> None:  # noqa: N805
        """Write the pairs (ancestor, organization)."""
        if not create:
            return
        ancestor: Organization | None = obj
        depth = 0
        while ancestor is not None:
            OrganizationTree.objects.create(ancestor=ancestor, descendant=obj, depth=depth)
            ancestor, depth = ancestor.parent, depth + 1

    @post_generation  # type: ignore[untyped-decorator]
    def roles(obj: Organization, create: bool, extracted: Iterable[str] | None, **kwargs: object) -> None:  # noqa: N805
        """Give the organization group roles without end."""
        if create:
            for role in extracted or ():
                OrganizationRole.objects.create(organization=obj, role=role)


class OrganizationAliasFactory(DjangoModelFactory[OrganizationAlias]):
    """A French acronym."""

    class Meta:
        model = OrganizationAlias

    organization = SubFactory(OrganizationFactory)
    text = "OIM"
    language = "fr"


class OrganizationRoleFactory(DjangoModelFactory[OrganizationRole]):
    """A membership of the group without end."""

    class Meta:
        model = OrganizationRole

    organization = SubFactory(OrganizationFactory)
    role = "member"


class OrganizationTreeFactory(DjangoModelFactory[OrganizationTree]):
    """A pair of ancestor and descendant."""

    class Meta:
        model = OrganizationTree

    ancestor = SubFactory(OrganizationFactory)
    descendant = SubFactory(OrganizationFactory)
    depth = 1


class ProgrammeFactory(DjangoModelFactory[Programme]):
    """A programme of the year 2027."""

    class Meta:
        model = Programme

    code = Sequence(lambda number: f"PROGRAMME-{number}")
    names = LazyAttribute(lambda row: {"en": row.code, "fr": row.code})
    start_on = date(2027, 1, 1)
    end_on = date(2027, 12, 31)
    created_at = AT
    updated_at = AT


class ContextEventFactory(DjangoModelFactory[ContextEvent]):
    """A forum in June 2027."""

    class Meta:
        model = ContextEvent

    code = Sequence(lambda number: f"FORUM-{number}")
    names = LazyAttribute(lambda row: {"en": row.code, "fr": row.code})
    start_on = date(2027, 6, 1)
    end_on = date(2027, 6, 30)
    precision = "month"
    created_at = AT
    updated_at = AT


class MembershipFactory(DjangoModelFactory[Membership]):
    """A focal point without limit of countries or programmes."""

    class Meta:
        model = Membership

    user = SubFactory(UserFactory)
    organization = SubFactory(OrganizationFactory)
    role = "focal_point"
    created_at = AT
    updated_at = AT


class OrganizationUserGrantFactory(DjangoModelFactory[OrganizationUserGrant]):
    """A grant of one person on one organization; give `permission`."""

    class Meta:
        model = OrganizationUserGrant

    user = SubFactory(UserFactory)
    content_object = SubFactory(OrganizationFactory)
    created_at = AT
    updated_at = AT


class OrganizationGroupGrantFactory(DjangoModelFactory[OrganizationGroupGrant]):
    """A grant of a group of people on one organization; give `group` and `permission`."""

    class Meta:
        model = OrganizationGroupGrant

    content_object = SubFactory(OrganizationFactory)
    created_at = AT
    updated_at = AT


class ServiceClientFactory(DjangoModelFactory[ServiceClient]):
    """An integrating system that reads and writes requests."""

    class Meta:
        model = ServiceClient

    client_id = Sequence(lambda number: f"system-{number}")
    name = "Planning system"
    organization = SubFactory(OrganizationFactory)
    scopes: ClassVar[list[str]] = ["requests:read", "requests:write"]
    created_at = AT
    updated_at = AT


class AccessTokenFactory(DjangoModelFactory[AccessToken]):
    """A token of a person, valid for a day from `AT`; its secret is `secret`."""

    class Meta:
        model = AccessToken

    name = "script"
    prefix = Sequence(lambda number: f"{number:012x}")
    digest = hashlib.sha256(b"secret").hexdigest()
    user = SubFactory(UserFactory)
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
