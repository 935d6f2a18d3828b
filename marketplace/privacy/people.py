"""Who a person is, in all the ways in which rows may name them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.apps import apps
from django.db.models import Exists, OuterRef, Q, QuerySet

from marketplace.accounts.models import User
from marketplace.audit.models import AuditRecord, ErasableValues
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.privacy.inventory import Holding, Holds

MARK = "[…]"  # in the place of a name


@dataclass(frozen=True)
class Identity:
    """A person with every name that they acted under."""

    person: User
    login: str
    email: str
    labels: frozenset[str]
    shared: bool  # somebody else has, or acted under, one of the names

    @property
    def public_id(self) -> str:
        """The pseudonym that stays."""
        return str(self.person.public_id)

    @property
    def needles(self) -> list[str]:
        """What gives the person away in a text: e-mail, names of several words, logins that are no plain word."""
        told = {label for label in self.labels if not label.isalpha()} | {self.email}
        return sorted({words for words in told if len(words) > 4})

    def is_named_in(self, text: str) -> bool:
        """Tell whether a text gives the person away."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def first_naming(self, text: str) -> tuple[int, int]:
        """Give start and end of the first words of a text that give the person away. Raises LookupError."""
        found = self._pattern.search(text) if self._pattern is not None else None
        if found is None:
            raise LookupError("the text does not name the person")
        return found.span()

    def without_names(self, text: str) -> str:
        """Put a mark for every name of the person in a text."""
        return self._pattern.sub(MARK, text) if self._pattern is not None else text

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        alternatives = "|".join(re.escape(words) for words in self.needles)
        return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE) if alternatives else None


def find_person(login_or_id: str) -> User:
    """Find a person by login or public id. Raises DomainError(not_found)."""
    found = User.objects.filter(username=login_or_id).first()
    if found is None and re.fullmatch(r"[0-9a-fA-F-]{32,36}", login_or_id):
        found = User.objects.filter(public_id=login_or_id).first()
    if found is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    return found


def identify(person: User) -> Identity:
    """Collect the names of a person: those of now, and those that the trail has kept of their acts."""
    names = {person.username, person.name, person.get_full_name()}
    acts = ErasableValues.objects.filter(record__actor_kind="user", record__actor_id=str(person.public_id))
    for sealed in acts.values_list("sealed", flat=True).iterator():
        if "actor_label" in sealed:
            names.add(json.loads(sealed["actor_label"]["text"]))
    labels = frozenset(names - {""})
    others = User.objects.exclude(pk=person.pk).filter(Q(username__in=labels) | Q(name__in=labels))
    return Identity(person, person.username, person.email, labels, shared=others.exists())


def rows_of(holding: Holding, who: Identity) -> QuerySet[Any]:
    """Give the rows whose column leads to the person.

    A name is only text: where somebody else goes by it too, the rows are those that the person acted on by the trail.
    """
    rows: QuerySet[Any] = apps.get_model(holding.model)._base_manager.order_by("pk")
    if holding.holds is Holds.ITSELF:
        return rows.filter(pk=who.person.pk)
    if holding.holds is Holds.PERSON:
        return rows.filter(**{holding.column: who.person})
    if holding.holds is Holds.KEY:
        return rows.filter(**{holding.column: f"user:{who.public_id}"})
    if holding.holds is Holds.LOGIN:
        return rows.filter(**{holding.column: who.login})
    if holding.holds is Holds.NAME:
        rows = rows.filter(**{f"{holding.column}__in": who.labels})
    else:
        rows = rows.filter(pk__in=[row.pk for row in rows.iterator() if names_in(getattr(row, holding.column), who)])
    return rows.filter(_acted_on(holding, who)) if who.shared else rows


def _acted_on(holding: Holding, who: Identity) -> Q:
    acts = AuditRecord.objects.filter(actor_id=who.public_id)
    found = Q(pk__in=[])
    for path in holding.acts:
        found |= Q(Exists(acts.filter(resource_id=OuterRef(path))))
    return found


def names_in(value: Any, who: Identity) -> Iterator[str] | list[str]:
    """List the names of the person that stand as whole texts in a JSON value."""
    if isinstance(value, dict):
        return [name for part in value.values() for name in names_in(part, who)]
    if isinstance(value, list):
        return [name for part in value for name in names_in(part, who)]
    return [value] if isinstance(value, str) and value in who.labels else []
