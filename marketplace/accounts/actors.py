"""Who acts: a person, a system of an organization, or this product itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from marketplace.accounts.roles import GROUP_READER_ROLES, GROUP_WIDE_ROLES, ROLES, Permission

if TYPE_CHECKING:
    from marketplace.accounts.models import AccessToken, ServiceClient, User


@dataclass(frozen=True, slots=True)
class Right:
    """One current role in one organization; empty country or programme sets mean all."""

    organization_id: int
    organization_code: str
    role: str
    countries: frozenset[str] = frozenset()
    programmes: frozenset[str] = frozenset()  # programme codes
    descendant_ids: frozenset[int] = frozenset()  # the organization and all below it
    in_secretariat: bool = False
    in_group: bool = False  # the organization is a current member (or chair, or secretariat) of the group
    lent_by: "User | None" = None  # the absent person whose role this is; None: one's own

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the role allows; an office outside the secretariat, or in what is the secretariat no more, allows nothing."""
        out_of_office = self.role in GROUP_WIDE_ROLES and not self.in_secretariat
        return frozenset() if out_of_office else ROLES[self.role]

    @property
    def is_group_wide(self) -> bool:
        """Tell whether the role reaches every organization (the secretariat's own staff)."""
        return self.in_secretariat and self.role in GROUP_WIDE_ROLES

    @property
    def reads_group_wide(self) -> bool:
        """Tell whether the role reads everything (auditors, within their programmes)."""
        return self.role in GROUP_READER_ROLES


@dataclass(frozen=True, slots=True)
class Grant:
    """A right on the things of one organization that a person was given, perhaps until a moment."""

    organization_id: int
    codename: str
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Actor:
    """The one in whose name an operation runs. Rights are loaded once, on first use."""

    SYSTEM: ClassVar[str] = "system"

    kind: str  # user | client | system | anonymous
    user: "User | None" = None
    client: "ServiceClient | None" = None
    scopes: frozenset[str] | None = None  # None: not limited by a token (session, system)
    name: str = ""
    acting_for: str = ""  # person or office for whom a system writes
    on: date | None = None  # day for which memberships count; None = the day of the operation
    extra: dict[str, str] = field(default_factory=dict)
    token: "AccessToken | None" = field(default=None, compare=False, repr=False)  # a personal one, or a system's

    @classmethod
    def system(cls, name: str) -> "Actor":
        """Make the actor of background work; ``name`` says which."""
        return cls(kind="system", name=name)

    @classmethod
    def anonymous(cls) -> "Actor":
        """Make the actor of a caller who is not signed in."""
        return cls(kind="anonymous")

    @classmethod
    def for_user(
        cls, user: "User", *, scopes: frozenset[str] | None = None, token: "AccessToken | None" = None
    ) -> "Actor":
        """Make the actor of a person."""
        return cls(kind="user", user=user, scopes=scopes, token=token)

    @classmethod
    def for_client(
        cls,
        client: "ServiceClient",
        *,
        scopes: frozenset[str] | None = None,
        acting_for: str = "",
        token: "AccessToken | None" = None,
    ) -> "Actor":
        """Make the actor of an integrating system; never wider than the scopes of the client."""
        allowed = frozenset(client.scopes)
        reach = allowed if scopes is None else allowed & scopes
        return cls(kind="client", client=client, scopes=reach, acting_for=acting_for, token=token)

    @property
    def is_system(self) -> bool:
        """Tell whether the product itself acts."""
        return self.kind == "system"

    @property
    def is_test(self) -> bool:
        """Tell whether a system in test mode acts: it writes test data, and meets no other."""
        return self.client is not None and self.client.test_mode

    @property
    def public_id(self) -> str:
        """Outward id of the person or system; empty for the product itself."""
        owner = self.user or self.client
        return str(owner.public_id) if owner else ""

    @property
    def label(self) -> str:
        """A name for timelines and audit."""
        return str(self.user or self.client or self.name or self.kind)

    @cached_property
    def _rights_by_day(self) -> dict[date, tuple[Right, ...]]:
        return {}

    def rights(self, at: datetime) -> tuple[Right, ...]:
        """Give the current roles at ``at``, read once for this actor and day."""
        day = self.on or at.date()
        if day not in self._rights_by_day:
            from marketplace.accounts.reach import load_rights

            self._rights_by_day[day] = load_rights(self, day)
        return self._rights_by_day[day]

    def seats(self, at: datetime) -> frozenset[int]:
        """Give the organizations in which the actor holds a role at ``at``."""
        day = self.on or at.date()
        if day not in self._seats:
            self._seats[day] = frozenset(right.organization_id for right in self.rights(at))
        return self._seats[day]

    @cached_property
    def _seats(self) -> dict[date, frozenset[int]]:
        return {}

    @cached_property
    def answers(self) -> "dict[object, tuple[bool, Sequence[User]]]":
        """What was found out about roles and permissions in this call; kept by `permissions.can`."""
        return {}

    @cached_property
    def found(self) -> dict[object, frozenset[int]]:
        """What was found out in this call about bonds, as keys by question; kept by `queries.bound_ids` and who asks it."""
        return {}

    def learn(self, day: date, rights: tuple[Right, ...], grants: tuple[Grant, ...]) -> None:
        """Take what was read along with the credential."""
        self._rights_by_day[day] = rights
        self.__dict__["_grants"] = grants

    @cached_property
    def _grants(self) -> tuple[Grant, ...]:
        from marketplace.accounts.reach import load_grants

        return load_grants(self)

    def grants(self, at: datetime) -> frozenset[tuple[int, str]]:
        """Give the guardian grants at ``at``: pairs of organization id and codename, read once for this actor."""
        if at not in self._grants_by_moment:
            self._grants_by_moment[at] = frozenset(
                (grant.organization_id, grant.codename)
                for grant in self._grants
                if grant.expires_at is None or grant.expires_at > at
            )
        return self._grants_by_moment[at]

    def held(self, at: datetime) -> frozenset[int]:
        """Give the organizations in which the actor holds a role or a grant at ``at``; in all others they may the same."""
        return self.seats(at) | {organization_id for organization_id, _ in self.grants(at)}

    @cached_property
    def _grants_by_moment(self) -> dict[datetime, frozenset[tuple[int, str]]]:
        return {}

    @property
    def absent(self) -> "tuple[User, ...]":
        """The people whose lent roles, and none of one's own, have opened a door in this call so far."""
        return tuple(self._absent)

    @cached_property
    def _absent(self) -> "list[User]":
        return []

    def stand_in_for(self, person: "User") -> None:
        """Remember that a role lent by ``person`` was what permitted something: the records of this call say so."""
        if person not in self._absent:
            self._absent.append(person)

    @property
    def on_behalf_of(self) -> str:
        """For whom the call is made, for the records: the person or office that a system names, or the absent."""
        return self.acting_for or ", ".join(str(person) for person in self._absent)
