"""Whom a step concerns: apps say which organizations a party of their records is; the people follow from memberships."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q

from marketplace.accounts.models import Membership, Organization, User
from marketplace.accounts.queries import secretariat_organization
from marketplace.accounts.reach import current, delegate_belongs
from marketplace.kernel.lifecycle import Party
from marketplace.records.models import LifecycleRecord

OFFICERS = frozenset({"secretariat_officer", "secretariat_head"})
HEAD = frozenset({"secretariat_head"})
ROLES_OF: dict[Party, frozenset[str]] = {
    Party.AUTHORITY: frozenset({"focal_point"}),
    Party.PROVIDER: frozenset({"provider_staff"}),
    Party.PROVIDERS: frozenset({"provider_staff"}),
    Party.REQUESTER: frozenset({"focal_point"}),
    Party.REQUESTER_AND_SECRETARIAT: frozenset({"focal_point"}),
}
OF_SECRETARIAT = frozenset({Party.REQUESTER_AND_SECRETARIAT, Party.SECOND_APPROVER, Party.SECRETARIAT})
ESCALATION_ROLES: dict[str, frozenset[str]] = {"head": HEAD, "officer": OFFICERS, "operations": OFFICERS}


@dataclass(frozen=True, slots=True)
class Concerned:
    """The organizations that a party is, and the countries and programme (code) of the thing.

    People whose membership is limited to other countries or programmes are not told.
    """

    organization_ids: frozenset[int]
    countries: frozenset[str] = frozenset()
    programme: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person to be told, in the name of an organization."""

    user: User
    organization: Organization


Rule = Callable[[LifecycleRecord, Party, datetime], Concerned]
_rules: dict[str, Rule] = {}


def concerned(resource: str) -> Callable[[Rule], Rule]:
    """List the decorated function as the rule for the records of ``resource``: which organizations a party of them is.

    Without a rule, a party is whoever has its role in the organizations that may learn of the record's events; an
    authority is nobody, for only the record knows which it is.
    """

    def register(rule: Rule) -> Rule:
        if resource in _rules:
            raise ValueError(f"two rules on who is concerned by {resource}")
        _rules[resource] = rule
        return rule

    return register


def forget(resource: str) -> None:
    """Unlist a rule; for tests that list their own."""
    _rules.pop(resource, None)


def of_party(record: LifecycleRecord, party: Party, at: datetime) -> list[Recipient]:
    """Give the people of a party of ``record`` who may be told: role, validity and scope of the membership hold."""
    found = of_secretariat(OFFICERS, at) if party in OF_SECRETARIAT else []
    roles = ROLES_OF.get(party)
    if roles:
        rule = _rules.get(record.resource, _by_scope)
        found += _members(rule(record, party, at), roles, at.date())
    return _once(found)


def of_secretariat(roles: Iterable[str], at: datetime) -> list[Recipient]:
    """Give the people of the secretariat who have one of ``roles``."""
    organization = secretariat_organization(at.date())
    if organization is None:
        return []
    return _members(Concerned(frozenset({organization.pk})), roles, at.date(), whole=True)


def of_organization(organization_id: int, roles: Iterable[str], at: datetime) -> list[Recipient]:
    """Give the people of an organization who have one of ``roles``, whatever their membership is limited to."""
    return _once(_members(Concerned(frozenset({organization_id})), roles, at.date(), whole=True))


def _by_scope(record: LifecycleRecord, party: Party, at: datetime) -> Concerned:
    return Concerned(frozenset() if party is Party.AUTHORITY else record.event_scope(at=at).organization_ids)


def _members(who: Concerned, roles: Iterable[str], day: date, *, whole: bool = False) -> list[Recipient]:
    rows = (
        Membership.objects.filter(current(day), organization_id__in=who.organization_ids, role__in=list(roles))
        .filter(Q(user__is_active=True) | Q(delegate__is_active=True))
        .annotate(delegate_belongs=delegate_belongs(day))
        .select_related("user", "delegate", "organization")
        .order_by("organization_id", "user_id")
    )
    return [
        Recipient(user, row.organization) for row in rows if whole or _reaches(row, who) for user in _present(row, day)
    ]


def _reaches(row: Membership, who: Concerned) -> bool:
    if row.countries and not who.countries & frozenset(row.countries):
        return False
    return not row.programmes or who.programme in row.programmes


def _present(row: Membership, day: date) -> list[User]:
    """Give the member, and whoever stands in for them on the day; who has left stands in for nobody."""
    people = [row.user]
    first, last = row.delegated_from, row.delegated_to
    if row.delegate and getattr(row, "delegate_belongs", False) and first and last and first <= day <= last:
        people.append(row.delegate)
    return [user for user in people if user.is_active]


def _once(found: Iterable[Recipient]) -> list[Recipient]:
    people: dict[int, Recipient] = {}
    for recipient in found:
        people.setdefault(recipient.user.pk, recipient)
    return list(people.values())
