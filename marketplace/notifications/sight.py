"""What a person may still see, and where: apps say it of their records, so that nobody is written to about another's."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from marketplace.accounts.actors import Actor

Rule = Callable[[Actor, datetime], QuerySet[Any]]
Thing = tuple[str, UUID]  # resource and public id


@dataclass(frozen=True, slots=True)
class Sight:
    """How the records of one resource are seen: which, at which route, and below what (a link of the model)."""

    rule: Rule
    route: str
    parent: str = ""


_sights: dict[str, Sight] = {}


def seen(resource: str, *, route: str, parent: str = "") -> Callable[[Rule], Rule]:
    """List the decorated function as the rule of which records of ``resource`` an actor sees at a moment.

    ``route`` names where one of them is read; ``parent`` the column that leads to what it is read below.
    """

    def register(rule: Rule) -> Rule:
        if resource in _sights:
            raise ValueError(f"two rules on who sees {resource}")
        _sights[resource] = Sight(rule, route, parent)
        return rule

    return register


def forget(resource: str) -> None:
    """Unlist a rule; for tests that list their own."""
    _sights.pop(resource, None)


def resources() -> frozenset[str]:
    """Give the resources that have a rule."""
    return frozenset(_sights)


def places_for(actor: Actor, things: Iterable[Thing], *, at: datetime) -> Mapping[Thing, str]:
    """Give the path of each of the things that the actor sees, by one query for each kind.

    A thing of a kind without a rule is seen by nobody.
    """
    wanted: dict[str, set[UUID]] = defaultdict(set)
    for resource, public_id in things:
        wanted[resource].add(public_id)
    return {
        (resource, public_id): path
        for resource, ids in sorted(wanted.items())
        if resource in _sights
        for public_id, path in _places(_sights[resource], actor, ids, at)
    }


def _places(sight: Sight, actor: Actor, ids: set[UUID], at: datetime) -> Iterable[tuple[UUID, str]]:
    columns = ["public_id", *([f"{sight.parent}__public_id"] if sight.parent else [])]
    rows = sight.rule(actor, at).filter(public_id__in=ids).order_by()
    for public_id, *above in rows.values_list(*columns):
        names = {"id": str(public_id), **({"parent_id": str(above[0])} if above else {})}
        yield public_id, reverse(sight.route, kwargs=names)
