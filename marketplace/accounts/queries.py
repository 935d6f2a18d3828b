"""Reads of the accounts room."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import (
    AccessToken,
    ContextEvent,
    Membership,
    Organization,
    OrganizationRole,
    OrganizationTree,
    OrganizationUserGrant,
    Programme,
    ServiceClient,
    User,
)
from marketplace.accounts.reach import ORGANIZATION_COLUMNS, current
from marketplace.kernel.errors import unknown_reference
from marketplace.records.marked import MarkedAsTest
from marketplace.records.statements import Kept

T = TypeVar("T", bound=MarkedAsTest)


def grants_visible_to(actor: Actor, *, at: datetime) -> QuerySet[OrganizationUserGrant]:
    """Give the grants on the actor's own organizations and those that they hold; all for the secretariat."""
    rows = OrganizationUserGrant.objects.all()
    if permissions.is_secretariat(actor, at):
        return rows
    return rows.filter(
        Q(content_object_id__in=permissions.own_organization_ids(actor, at))
        | (Q(user=actor.user) if actor.user is not None else Q(pk__in=[]))
    )


def memberships_visible_to(actor: Actor, *, at: datetime) -> QuerySet[Membership]:
    """Give the memberships of the organizations of which the actor is a member; all for the secretariat."""
    rows = Membership.objects.all()
    if permissions.is_secretariat(actor, at):
        return rows
    return rows.filter(organization_id__in=permissions.own_organization_ids(actor, at))


def colleague(text: str, organization_id: int, *, at: datetime, pointer: str) -> User:
    """Find a person by public id among those with a role in the organization's tree. Raises DomainError(unknown_reference)."""
    rows = User.objects.filter(
        current(at.date(), "memberships__"),
        is_active=True,
        memberships__organization_id__in=family_ids(organization_id),
    )
    return _person(rows, text, pointer)


def person_by_id(text: str, pointer: str) -> User:
    """Find an active person by public id. Raises DomainError(unknown_reference)."""
    return _person(User.objects.filter(is_active=True), text, pointer)


def _person(rows: QuerySet[User], text: str, pointer: str) -> User:
    try:
        found = rows.filter(public_id=UUID(text)).first()
    except ValueError:
        found = None
    if found is None:
        raise unknown_reference(pointer, text)
    return found


# --- organizations ----------------------------------------------------------------------------------------------


def organizations_visible_to(actor: Actor, *, at: datetime) -> QuerySet[Organization]:
    """Give the organizations that ``actor`` may list: all of them, once signed in."""
    if actor.kind == "anonymous":
        return Organization.objects.none()
    return Organization.objects.all()


def organization_by_code(code: str, pointer: str = "/organization") -> Organization:
    """Find an organization by code or public id; raises DomainError(unknown_reference) naming ``pointer``."""
    found = next(iter(_organization(*_as_public_id(code))), None)
    if found is None:
        raise unknown_reference(pointer, code)
    return Organization.from_db(DEFAULT_DB_ALIAS, ORGANIZATION_COLUMNS, found)


@Kept
def _organization(public_id: UUID | None, code: str | None) -> QuerySet[Organization, Any]:
    """Ask for an organization by one of the two."""
    wanted = Q(code=code) if public_id is None else Q(public_id=public_id)
    return Organization.objects.filter(wanted).values_list(*ORGANIZATION_COLUMNS)


def organizations_by_code(codes: Iterable[str], pointer: str) -> list[Organization]:
    """Find several organizations by code, in the order given; raises DomainError(unknown_reference)."""
    wanted = list(codes)
    found = {organization.code: organization for organization in Organization.objects.filter(code__in=wanted)}
    for index, code in enumerate(wanted):
        if code not in found:
            raise unknown_reference(f"{pointer}/{index}", code)
    return [found[code] for code in wanted]


def codes_of(organization_ids: Iterable[int]) -> dict[int, str]:
    """Give the codes of organizations by primary key."""
    ids = list(organization_ids)
    return dict(Organization.objects.filter(pk__in=ids).values_list("pk", "code")) if ids else {}


def programme_by_code(code: str, pointer: str = "/programme") -> Programme:
    """Find a programme by code or public id; raises DomainError(unknown_reference)."""
    found = Programme.objects.filter(_code_or_public_id(code)).first()
    if found is None:
        raise unknown_reference(pointer, code)
    return found


def programmes_by_code(codes: Iterable[str], pointer: str) -> list[Programme]:
    """Find several programmes by code, in the order given; raises DomainError(unknown_reference)."""
    wanted = list(codes)
    found = {programme.code: programme for programme in Programme.objects.filter(code__in=wanted)}
    for index, code in enumerate(wanted):
        if code not in found:
            raise unknown_reference(f"{pointer}/{index}", code)
    return [found[code] for code in wanted]


def context_event_by_code(code: str, pointer: str = "/context_event") -> ContextEvent:
    """Find a context event by code or public id; raises DomainError(unknown_reference)."""
    found = ContextEvent.objects.filter(_code_or_public_id(code)).first()
    if found is None:
        raise unknown_reference(pointer, code)
    return found


def _as_public_id(text: str) -> tuple[UUID, None] | tuple[None, str]:
    try:
        return UUID(text), None
    except ValueError:
        return None, text


def _code_or_public_id(text: str) -> Q:
    public_id, code = _as_public_id(text)
    return Q(code=code) if public_id is None else Q(public_id=public_id)


def programmes_visible_to(actor: Actor, *, at: datetime) -> QuerySet[Programme]:
    """Give the programmes that ``actor`` may list: all of them, once signed in."""
    return Programme.objects.none() if actor.kind == "anonymous" else Programme.objects.all()


def has_role(organization_id: int, role: str, day: date) -> bool:
    """Tell whether the organization has the group role on ``day``."""
    return OrganizationRole.objects.filter(current(day), organization_id=organization_id, role=role).exists()


def secretariat_organization(day: date) -> Organization | None:
    """Give the organization that is the secretariat on ``day``."""
    return Organization.objects.filter(Q(roles__role="secretariat") & current(day, "roles__")).first()


def family_ids(organization_id: int) -> frozenset[int]:
    """Give the ids of the whole tree that an organization belongs to: from its topmost ancestor down."""
    top = (
        OrganizationTree.objects.filter(descendant_id=organization_id)
        .order_by("-depth")
        .values_list("ancestor_id", flat=True)
        .first()
    )
    return frozenset(OrganizationTree.objects.filter(ancestor_id=top).values_list("descendant_id", flat=True))


def subtree_ids(organization_id: int) -> frozenset[int]:
    """Give the ids of an organization and all below it."""
    return frozenset(
        OrganizationTree.objects.filter(ancestor_id=organization_id).values_list("descendant_id", flat=True)
    )


def staff_of(organization_ids: Iterable[int], roles: Iterable[str], day: date) -> QuerySet[User]:
    """Give the people who have one of ``roles`` in one of the organizations on ``day``."""
    return User.objects.filter(
        current(day, "memberships__"),
        memberships__organization_id__in=list(organization_ids),
        memberships__role__in=list(roles),
    ).distinct()


def conflict_of(actor: Actor, organization_ids: Iterable[int], at: datetime) -> Organization | None:
    """Give the first of the organizations to which the actor is bound (recusal, domain rule 4), by themselves if they are."""
    wanted = frozenset(organization_ids)
    concerned = actor.held(at) & wanted or bound_ids(actor, at) & wanted
    return Organization.objects.filter(pk__in=concerned).first() if concerned else None


def bound_ids(actor: Actor, at: datetime) -> frozenset[int]:
    """Give the organizations to which the actor is bound, for recusal; asks at most once in a call.

    Bound is who has a membership of any role there or a right that was granted, and who stands in for somebody who has.
    """
    absent = [right.lent_by for right in actor.rights(at) if right.lent_by is not None]
    question = ("bound by the absent", at.date())
    if absent and question not in actor.found:
        theirs = Membership.objects.filter(current(at.date()), user__in=absent)
        actor.found[question] = frozenset(theirs.values_list("organization_id", flat=True))
    return actor.held(at) | actor.found.get(question, frozenset())


# --- people, systems and tokens ----------------------------------------------------------------------------------


def tokens_of(actor: Actor) -> QuerySet[AccessToken]:
    """Give the tokens that belong to the actor."""
    if actor.user is not None:
        return AccessToken.objects.filter(user=actor.user)
    if actor.client is not None:
        return AccessToken.objects.filter(client=actor.client)
    return AccessToken.objects.none()


LINE = """
    WITH RECURSIVE line(id) AS (
        SELECT CAST(%s AS bigint)
        UNION SELECT heir.id FROM accounts_accesstoken heir JOIN line ON heir.made_with_id = line.id
    ) SELECT id FROM line
"""


def with_heirs(token: AccessToken) -> QuerySet[AccessToken]:
    """Give a token and all that were made with it, or with one of these."""
    return AccessToken.objects.filter(pk__in=RawSQL(LINE, (token.pk,)))  # noqa: S611  no text of anybody is in it


def memberships_of(user: User) -> QuerySet[Membership]:
    """Give the memberships of a person with their organizations."""
    return Membership.objects.filter(user=user).select_related("organization")


@dataclass(frozen=True, slots=True)
class RoleHeld:
    """A role of a person, with the days between which it is theirs (None: without end)."""

    role: str
    valid_from: date | None
    valid_to: date | None

    def is_valid_on(self, day: date) -> bool:
        """Tell whether the role is held on a day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


def roles_held(user_ids: Iterable[int]) -> dict[int, list[RoleHeld]]:
    """Give the roles that people have or had, by primary key, in one query."""
    found: dict[int, list[RoleHeld]] = {}
    columns = ("user_id", "role", "valid_from", "valid_to")
    for user_id, *facts in Membership.objects.filter(user_id__in=list(user_ids)).values_list(*columns):
        found.setdefault(user_id, []).append(RoleHeld(*facts))
    return found


def service_clients_of(organization_ids: Iterable[int]) -> QuerySet[ServiceClient]:
    """Give the integrating systems of some organizations."""
    return ServiceClient.objects.filter(organization_id__in=list(organization_ids)).select_related("organization")


def things_of_mode(model: type[T], actor: Actor) -> QuerySet[T]:
    """Give the real things of a kind, or for a system in test mode the test data; the rest is as if it did not exist."""
    return model.everything.filter(is_test=True) if actor.is_test else model.objects.all()


def names_of_actor(actor: Actor) -> dict[str, str]:
    """Give what a job has to carry so that ``actor_again`` finds the one who asked for it."""
    return {"kind": actor.kind, "id": actor.public_id, "name": actor.name, "acting_for": actor.acting_for}


def actor_again(names: Mapping[str, str]) -> Actor:
    """Make the actor anew in whose name a job ends what was asked for, permitted and checked before; for the record.

    Raises DoesNotExist for a person or system that is no longer known.
    """
    if names["kind"] == "user":
        return Actor.for_user(User.objects.get(public_id=UUID(names["id"])))
    if names["kind"] == "client":
        client = ServiceClient.objects.get(public_id=UUID(names["id"]))
        return Actor.for_client(client, acting_for=names["acting_for"])
    return Actor.system(names["name"])
