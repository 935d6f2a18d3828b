"""How far a caller reaches: roles of their own and lent ones, the tree of organizations, grants; with a token in one query.

Nothing of it outlives a call: what was taken away is gone with the next one.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from marketplace.accounts.actors import Actor, Grant, Right
from marketplace.accounts.models import (
    AccessToken,
    Membership,
    Organization,
    OrganizationGroupGrant,
    OrganizationTree,
    OrganizationUserGrant,
    ServiceClient,
    User,
)
from marketplace.records.gathering import Gathered, moment, parsed, rows_of
from marketplace.records.gathering import day as as_day
from marketplace.records.statements import Kept

GROUP_ROLES = ("member", "chair")
SYSTEM_ROLE = "service_client"  # what systems of an organization may
UNIT_KIND = "member_agency"  # a unit of a member agency is the agency; its networks and centres are not
ROLE = ("organization_id", "organization__code", "organization__kind", "role", "countries", "programmes", "user_id")
PLACE = (
    "ancestor_id",
    "descendant_id",
    "ancestor__roles__role",
    "ancestor__roles__valid_from",
    "ancestor__roles__valid_to",
)
GRANT = ("content_object_id", "permission__codename", "expires_at")
Held = tuple[int, str, str, str, frozenset[str], frozenset[str], User | None]
Rows = Iterable[Sequence[Any]]


def current(day: date, prefix: str = "") -> Q:
    """Make the condition that a dated row is valid on ``day``."""
    starts = Q(**{f"{prefix}valid_from__isnull": True}) | Q(**{f"{prefix}valid_from__lte": day})
    ends = Q(**{f"{prefix}valid_to__isnull": True}) | Q(**{f"{prefix}valid_to__gte": day})
    return starts & ends


def delegate_belongs(day: date) -> Exists:
    """Make the condition, on memberships, that whoever stands in for the member has a role of their own on ``day``.

    Anywhere in the organization's tree, as when they were chosen (`queries.colleague`): who has left lends no hand.
    """
    above = OrganizationTree.objects.filter(descendant_id=OuterRef(OuterRef(OuterRef("organization_id"))))
    tree = OrganizationTree.objects.filter(ancestor_id__in=above.values("ancestor_id")).values("descendant_id")
    own = Membership.objects.filter(current(day), user_id=OuterRef("delegate_id"), organization_id__in=tree)
    return Exists(own.order_by())


def load_rights(actor: Actor, day: date) -> tuple[Right, ...]:
    """Read the roles that ``actor`` has on ``day``: own, delegated to them, or those of the client's organization."""
    roles = _roles(actor.user.pk, day) if actor.user is not None else ()
    held = _held(actor, roles)
    return _rights(held, _tree(*sorted({pk for pk, *_ in held})), day) if held else ()


def rights_of_organizations(organizations: Iterable[Organization], day: date) -> dict[int, Right]:
    """Give what a system of each organization may on ``day``, by primary key, in one query."""
    held = [_as_system(one) for one in organizations]
    rights = _rights(held, _tree(*sorted({pk for pk, *_ in held})), day) if held else ()
    return {right.organization_id: right for right in rights}


def _as_system(by: Organization) -> Held:
    return by.pk, by.code, by.kind, SYSTEM_ROLE, frozenset(), frozenset(), None


def load_grants(actor: Actor) -> tuple[Grant, ...]:
    """Read the guardian grants of a person that were not taken back; whoever asks looks at their expiry."""
    return () if actor.user is None else tuple(Grant(*row) for row in _grants(actor.user.pk))


def _held(actor: Actor, roles: Rows) -> list[Held]:
    if actor.user is not None:
        own = actor.user.pk
        return [
            (pk, code, kind, role, frozenset(countries), frozenset(programmes), None if of == own else _lender(of))
            for pk, code, kind, role, countries, programmes, of in roles
        ]
    if actor.client is not None and actor.client.active:
        return [_as_system(actor.client.organization)]
    return []


def _lender(user_id: int) -> User:
    return User.objects.get(pk=user_id)


def _rights(held: Sequence[Held], tree: Rows, day: date) -> tuple[Right, ...]:
    descendants, secretariats, members = _tree_facts({pk for pk, *_ in held}, tree, day)
    return tuple(
        Right(
            organization_id=pk,
            organization_code=code,
            role=role,
            countries=countries,
            programmes=programmes,
            descendant_ids=frozenset(descendants[pk]),
            in_secretariat=pk in secretariats,
            in_group=bool(members[pk] & ({pk} if kind != UNIT_KIND else members[pk])) or pk in secretariats,
            lent_by=lender,
        )
        for pk, code, kind, role, countries, programmes, lender in held
    )


def _tree_facts(ids: set[int], tree: Rows, day: date) -> tuple[dict[int, set[int]], set[int], dict[int, set[int]]]:
    """Give the descendants of each id, which ids are the secretariat, and the member ancestors of each."""
    descendants: dict[int, set[int]] = {pk: {pk} for pk in ids}
    members: dict[int, set[int]] = {pk: set() for pk in ids}
    secretariats: set[int] = set()
    for ancestor, descendant, role, start, end in tree:
        if ancestor in ids:
            descendants[ancestor].add(descendant)
        if (start and start > day) or (end and end < day):
            continue
        if role == "secretariat" and ancestor == descendant:
            secretariats.add(ancestor)
        if role in GROUP_ROLES and descendant in ids:
            members[descendant].add(ancestor)
    return descendants, secretariats, members


# --- the questions -----------------------------------------------------------------------------------------------
def _memberships(user_id: Any, day: date) -> QuerySet[Membership]:
    lent = Q(delegate_id=user_id, delegated_from__lte=day, delegated_to__gte=day, user__is_active=True)
    return Membership.objects.filter(Q(user_id=user_id) | (lent & Q(delegate_belongs(day)))).filter(current(day))


@Kept
def _roles(user_id: int, day: date) -> QuerySet[Membership, Any]:
    """Ask for the roles that a person has on a day, lent ones too, and whose they are."""
    return _memberships(user_id, day).values_list(*ROLE)


@Kept
def _tree(*ids: int) -> QuerySet[OrganizationTree, Any]:
    """Ask who is above and below organizations, with the roles of those above."""
    return OrganizationTree.objects.filter(Q(ancestor_id__in=ids) | Q(descendant_id__in=ids)).values_list(*PLACE)


@Kept
def _grants(user_id: int) -> QuerySet[Any, Any]:
    """Ask for the grants of a person and of their groups."""
    return _own_grants(user_id).values_list(*GRANT).union(_grants_of_groups(user_id).values_list(*GRANT))


def _own_grants(user_id: Any) -> QuerySet[Any]:
    return OrganizationUserGrant.objects.filter(user_id=user_id, ended_at__isnull=True).order_by()


def _grants_of_groups(user_id: Any) -> QuerySet[Any]:
    return OrganizationGroupGrant.objects.filter(group__user=user_id, ended_at__isnull=True).order_by()


# --- all at once, for a token -------------------------------------------------------------------------------------
def _columns(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


TOKEN_COLUMNS, USER_COLUMNS = _columns(AccessToken), _columns(User)
CLIENT_COLUMNS, ORGANIZATION_COLUMNS = _columns(ServiceClient), _columns(Organization)


READ: tuple[tuple[type[Model], list[str]], ...] = (
    (AccessToken, TOKEN_COLUMNS),
    (User, USER_COLUMNS),
    (ServiceClient, CLIENT_COLUMNS),
    (Organization, ORGANIZATION_COLUMNS),
)


@Kept
def _token(prefix: str, day: date) -> QuerySet[AccessToken, Any]:
    """Ask for a token, its owner (a person, or a system of an organization), and all that decides how far they reach."""
    own = _memberships(OuterRef(OuterRef("user_id")), day).values("organization_id")
    by = OuterRef("client__organization_id")
    near = Q(ancestor_id__in=own) | Q(descendant_id__in=own) | Q(ancestor_id=by) | Q(descendant_id=by)
    person = OuterRef("user_id")
    return (
        AccessToken.objects.filter(prefix=prefix)
        .annotate(
            roles=Gathered(_memberships(person, day), *ROLE),
            tree=Gathered(OrganizationTree.objects.filter(near), *PLACE),
            grants=Gathered(_own_grants(person), *GRANT),
            grants_of_groups=Gathered(_grants_of_groups(person), *GRANT),
        )
        .values_list(
            *TOKEN_COLUMNS,
            *(f"user__{name}" for name in USER_COLUMNS),
            *(f"client__{name}" for name in CLIENT_COLUMNS),
            *(f"client__organization__{name}" for name in ORGANIZATION_COLUMNS),
            *("roles", "tree", "grants", "grants_of_groups"),
        )
    )


class Known:
    """A token as it was read with its owner and their reach on a day."""

    def __init__(self, row: Sequence[Any], day: date) -> None:
        self.day, rest = day, row[sum(len(columns) for _, columns in READ) :]
        self.token: AccessToken = _piece(row, 0)
        if self.token.user_id is not None:
            self.token.user = _piece(row, 1)
        else:
            self.token.client = _piece(row, 2)
            self.token.client.organization = _piece(row, 3)
        roles, tree, grants, grants_of_groups = (rows_of(text) for text in rest)
        self.roles = [(*role[:4], parsed(role[4]), parsed(role[5]), role[6]) for role in roles]
        self.tree = [(*place[:3], as_day(place[3]), as_day(place[4])) for place in tree]
        self.grants = [Grant(pk, codename, moment(expires)) for pk, codename, expires in (*grants, *grants_of_groups)]

    def told(self, actor: Actor) -> Actor:
        """Let the actor know how far they reach on the day."""
        held = _held(actor, self.roles)
        actor.learn(self.day, _rights(held, self.tree, self.day), tuple(self.grants))
        return actor


def _piece(row: Sequence[Any], number: int) -> Any:
    """Make the instance of one of the models that were read in a row."""
    begin = sum(len(columns) for _, columns in READ[:number])
    model, columns = READ[number]
    return model.from_db(DEFAULT_DB_ALIAS, columns, row[begin : begin + len(columns)])


def token_by_prefix(prefix: str, day: date) -> Known | None:
    """Find a token with its owner, and how far they reach on ``day``, by the public part of it."""
    row = next(iter(_token(prefix, day)), None)
    return None if row is None else Known(row, day)
