"""Many offerings at once: the rules of the single write for each of them, the statements for all of them together.

What a single write decides is decided by the same functions (`fill_draft`, `change_in_memory`); only new offerings without
partners, which are most of a file, are stored together. Whatever else there is goes through `create_offering` and
`change_offering` themselves.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from marketplace.accounts.actors import Actor
from marketplace.accounts.journal import listening
from marketplace.kernel.errors import DomainError, unknown_reference
from marketplace.lifecycles import operations as lifecycles
from marketplace.records.lookups import among
from providers.models import Offering, Provider
from providers.operations.facts import Facts
from providers.operations.offerings import (
    change_in_memory,
    change_offering,
    create_offering,
    fill_draft,
    follow_new,
)
from providers.queries import visible_providers

Key = tuple[int, str, str]
KEY = ("provider_id", "source", "external_id")  # the columns that hold it, under a unique index
INDEXED = "NOT (external_id = '')"  # the rows that this index has


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of one offering: created, changed (what, as the trail says it), neither, or why it was refused."""

    action: str = ""
    changes: Mapping[str, object] = field(default_factory=dict)
    error: DomainError | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    place: int
    owner: Provider
    external_id: str
    source: str
    facts: Facts

    @property
    def key(self) -> Key:
        return self.owner.pk, self.source, self.external_id


@transaction.atomic
def file_offerings(*, actor: Actor, at: datetime, rows: Sequence[Mapping[str, Any]]) -> list[Filed]:
    """Do for each row (arguments of `file_offering`, with an ``external_id``) what `file_offering` does, in their order.

    A row that is refused does no harm to the others.
    """
    return _Filing(actor, at).file(rows)


class _Filing:
    """One call: what was found, what waits to be stored, and what became of each row."""

    def __init__(self, actor: Actor, at: datetime) -> None:
        self.actor, self.at = actor, at
        self.owners: dict[str, Provider] = {}
        self.known: dict[Key, Offering] = {}
        self.waiting: dict[Key, tuple[_Row, Offering]] = {}
        self.filed: dict[int, Filed] = {}

    def file(self, rows: Sequence[Mapping[str, Any]]) -> list[Filed]:
        self.owners = visible_providers({row["provider"] for row in rows}, actor=self.actor, at=self.at)
        found = [row for place, one in enumerate(rows) if (row := self._row(place, one)) is not None]
        self.known = self._lock(found)
        for row in found:
            self._one(row)
        self._store()
        return [self.filed[place] for place in range(len(rows))]

    def _row(self, place: int, row: Mapping[str, Any]) -> _Row | None:
        owner = self.owners.get(row["provider"])
        if owner is None:
            self.filed[place] = Filed(error=unknown_reference("/provider", row["provider"]))
            return None
        return _Row(place, owner, row["external_id"], row.get("source", ""), row["facts"])

    def _lock(self, rows: Sequence[_Row]) -> dict[Key, Offering]:
        """Lock the offerings that are there already, in one order, so that two imports do not wait for each other."""
        named = among(Offering.objects.order_by(), KEY, {row.key for row in rows}, INDEXED)
        keys = list(named.values_list("pk", flat=True))
        if not keys:
            return {}
        stored = (
            Offering.objects.select_related("provider__organization", "programme", "series")
            .filter(pk__in=keys)
            .select_for_update(of=("self",))
            .order_by("pk")
        )
        return {(one.provider_id, one.source, one.external_id): one for one in stored}

    def _one(self, row: _Row) -> None:
        if row.key in self.waiting:  # the same one again: a change of what has to be there first
            self._store()
            self.known |= self._lock([row])
        known = self.known.get(row.key)
        try:
            if known is not None:
                self.filed[row.place] = self._change(known, row)
            elif row.facts.get("partners"):
                self.filed[row.place] = self._create(row)
            else:
                self._draft(row)
        except DomainError as error:
            self.filed[row.place] = Filed(error=error)

    def _draft(self, row: _Row) -> None:
        offering = Offering(provider=row.owner, external_id=row.external_id, source=row.source)
        fill_draft(offering, row.facts, actor=self.actor, at=self.at)
        self.waiting[row.key] = (row, offering)

    def _change(self, known: Offering, row: _Row) -> Filed:
        trial = copy(known)
        if not change_in_memory(trial, row.facts, actor=self.actor, at=self.at) and "partners" not in row.facts:
            return Filed()
        with listening() as heard, transaction.atomic():
            changed = change_offering(actor=self.actor, at=self.at, offering_id=known.pk, facts=row.facts)
        self.known[row.key] = changed
        return Filed("changed" if heard else "", {name: one for entry in heard for name, one in entry.changes.items()})

    def _create(self, row: _Row) -> Filed:
        with transaction.atomic():
            made = create_offering(
                actor=self.actor,
                at=self.at,
                provider_id=row.owner.pk,
                facts=row.facts,
                external_id=row.external_id,
                source=row.source,
            )
        self.known[row.key] = made
        return Filed("created")

    def _store(self) -> None:
        """Store what waits, together; where somebody else has just stored one of them, one by one."""
        waiting, self.waiting = self.waiting, {}
        offerings = [offering for _, offering in waiting.values()]
        try:
            with transaction.atomic():
                lifecycles.create_many(offerings, actor=self.actor, at=self.at)
                follow_new(offerings)
        except IntegrityError:
            for row, _ in waiting.values():
                self._store_alone(row)
        else:
            self.filed |= {row.place: Filed("created") for row, _ in waiting.values()}

    def _store_alone(self, row: _Row) -> None:
        try:
            self.filed[row.place] = self._create(row)
        except DomainError as error:
            self.filed[row.place] = Filed(error=error)
