"""Who a person is, in all the ways in which rows may name them."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT

from marketplace.accounts.models import ServiceClient, User
from marketplace.audit.models import AuditRecord, ErasableValues, pseudonym
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.privacy.inventory import Holding, Holds

MARK = "[…]"  # in the place of a name


Act = tuple[UUID, datetime, str]  # on what, when, under which name


@dataclass(frozen=True)
class Identity:
    """A person with every name that they acted under, and their acts as the trail knows them."""

    person: User
    login: str
    email: str
    labels: frozenset[str]
    acts: frozenset[Act]
    shared: frozenset[str]  # labels that somebody else, or a system, goes by too

    @property
    def public_id(self) -> str:
        """The pseudonym that stays."""
        return str(self.person.public_id)

    @property
    def needles(self) -> list[str]:
        """What gives the person away in a text: e-mail, names of several words, logins that are no plain word."""
        return self._telling(self.labels)

    @cached_property
    def signatures(self) -> frozenset[tuple[datetime, str]]:
        """The moments at which the person acted, each with the name of then."""
        return frozenset((at, label) for _, at, label in self.acts)

    def is_named_in(self, text: str) -> bool:
        """Tell whether a text gives the person away."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def is_meant_in(self, text: str) -> bool:
        """Tell whether a text gives the person away by what nobody else goes by."""
        return self._own_pattern is not None and self._own_pattern.search(text) is not None

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
        return _pattern_of(self.needles)

    @cached_property
    def _own_pattern(self) -> re.Pattern[str] | None:
        return _pattern_of(self._telling(self.labels - self.shared))

    def _telling(self, labels: Collection[str]) -> list[str]:
        told = {label for label in labels if not label.isalpha()} | {self.email}
        return sorted({words for words in told if len(words) > 4})


def _pattern_of(needles: Iterable[str]) -> re.Pattern[str] | None:
    alternatives = "|".join(re.escape(words) for words in needles)
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
    acts = frozenset(_acts_of(person))
    names = {person.username, person.name, person.get_full_name(), *(label for _, _, label in acts)}
    labels = frozenset(names - {""})
    return Identity(person, person.username, person.email, labels, acts, frozenset(_shared(labels, person)))


def _acts_of(person: User) -> Iterator[Act]:
    """Give what the trail knows of a person's acts; of what was erased from it, under the pseudonym that rows have too."""
    acts = ErasableValues.objects.filter(record__in=acts_of(str(person.public_id)))
    columns = ("record__resource_id", "record__at", KT("sealed__actor_label__text"), KT("erased__actor_label"))
    for thing, at, text, gone in acts.values_list(*columns).iterator():
        if text or gone:
            yield thing, at, json.loads(text) if text else pseudonym(str(person.public_id))


def acts_of(public_id: str) -> QuerySet[AuditRecord]:
    """Give the records of a person's acts; the second condition is that of the index, which SQLite wants to read."""
    return AuditRecord.objects.filter(actor_id=public_id).exclude(actor_id="")


def _shared(labels: frozenset[str], person: User) -> Iterator[str]:
    others = User.objects.exclude(pk=person.pk).filter(Q(username__in=labels) | Q(name__in=labels))
    for names in others.values_list("username", "name"):
        yield from labels & set(names)
    yield from ServiceClient.objects.filter(client_id__in=labels).values_list("client_id", flat=True)


def rows_of(holding: Holding, who: Identity) -> QuerySet[Any]:
    """Give the rows whose column leads to the person.

    Anybody may call themselves anything: a name alone leads to nobody. The rows of a name are those that the person left it
    on by an act that the trail knows as theirs.
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
    return rows.filter(pk__in=list(_signed(rows, holding, who)))


def _signed(rows: QuerySet[Any], holding: Holding, who: Identity) -> Iterator[int]:
    """Give the keys of the rows that the person signed: same thing, moment and name as one of their acts.

    The database looks at the things that the person acted on, the rest is compared here: what else was written in the very
    transaction of an act, by the engine for one, has its moment too.
    """
    things = acts_of(who.public_id).values("resource_id")
    theirs = Q()
    for path in holding.acts:
        theirs |= Q(**{f"{path}__in": things})
    columns = [holding.column]
    if holding.holds is Holds.NAME:
        columns.append(holding.when)
        rows = rows.filter(**{f"{holding.column}__in": who.labels})
    for row in rows.filter(theirs).values("pk", *columns, *holding.acts).iterator():
        acted_on = [row[path] for path in holding.acts]
        if any((thing, at, name) in who.acts for at, name in _signatures(holding, row) for thing in acted_on):
            yield row["pk"]


def _signatures(holding: Holding, row: Mapping[str, Any]) -> Iterator[tuple[datetime | None, str]]:
    if holding.holds is Holds.NAME:
        yield row[holding.when], row[holding.column]
        return
    for part in parts_of(row[holding.column]):
        yield signature(part, holding)


def signature(part: Mapping[str, Any], holding: Holding) -> tuple[datetime | None, str]:
    """Read moment and name off a part of a JSON value; what has none is nobody's."""
    name, when = part.get(holding.by), part.get(holding.when)
    if not (isinstance(name, str) and isinstance(when, str)):
        return None, ""
    try:
        return datetime.fromisoformat(when), name
    except ValueError:
        return None, ""


def parts_of(value: Any) -> Iterator[dict[str, Any]]:
    """Give every object of a JSON value, itself included."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts_of(part)
