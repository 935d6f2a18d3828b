"""Loading of the shipped files: idempotent, never deleting what may be in use, never touching what a person edited."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import models, transaction

from marketplace.vocabularies.datafiles import SHIPPED
from marketplace.vocabularies.models import Concept, Country, ExchangeRate, Region, Scheme, ServiceLevel, Term
from marketplace.vocabularies.revision import announce_change
from marketplace.vocabularies.sources import KEYS, Kind, Row, SchemeData, read_all

TABLES: dict[Kind, type[models.Model]] = {
    Kind.CONCEPTS: Concept,
    Kind.COUNTRIES: Country,
    Kind.RATES: ExchangeRate,
    Kind.REGIONS: Region,
    Kind.SERVICE_LEVELS: ServiceLevel,
    Kind.TERMS: Term,
}
IN_SCHEME = frozenset({Kind.CONCEPTS, Kind.TERMS})  # tables that hold the rows of several schemes


@dataclass(frozen=True, slots=True)
class LoadedScheme:
    """What loading did to one scheme: numbers of rows; `kept` are those that the secretariat edited."""

    code: str
    version: str
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deactivated: int = 0
    kept: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return bool(self.created or self.updated or self.deactivated)


def load_vocabularies(*, at: datetime, folder: Path = SHIPPED, force: bool = False) -> list[LoadedScheme]:
    """Store the vocabularies of ``folder`` and give what was done, scheme by scheme.

    A scheme whose checksum is the stored one is left alone unless ``force`` asks to compare row by row. Codes that the
    files no longer hold are deactivated, never deleted; rows edited by the secretariat stay as they are. Raises
    DataFileError, naming file and record, before anything is written.
    """
    shipped = read_all(folder)
    with transaction.atomic():
        stored = {scheme.code: scheme for scheme in Scheme.objects.select_for_update()}
        results = [_load(data, stored.get(data.code), at=at, force=force) for data in shipped]
        gone = [code for code, scheme in stored.items() if scheme.active and code not in {d.code for d in shipped}]
        Scheme.objects.filter(code__in=gone).update(active=False, loaded_at=at)
        if gone or _differs(shipped, stored) or any(result.changed for result in results):
            announce_change(at)
    return results


def _differs(shipped: list[SchemeData], stored: dict[str, Scheme]) -> bool:
    return any(data.code not in stored or stored[data.code].checksum != data.checksum for data in shipped)


def _load(data: SchemeData, scheme: Scheme | None, *, at: datetime, force: bool) -> LoadedScheme:
    if scheme and scheme.active and scheme.checksum == data.checksum and not force:
        return LoadedScheme(data.code, data.version, unchanged=len(data.rows))
    scheme = scheme or Scheme(code=data.code)
    scheme.kind = data.kind.value
    scheme.labels = data.labels
    scheme.version = data.version
    scheme.source = data.source
    scheme.licence = data.licence
    scheme.checksum = data.checksum
    scheme.active = True
    scheme.loaded_at = at
    scheme.save()
    return _store(data, scheme, at)


def _store(data: SchemeData, scheme: Scheme, at: datetime) -> LoadedScheme:
    table = TABLES[data.kind]
    scope: Row = {"scheme": scheme} if data.kind in IN_SCHEME else {}
    rows = table._default_manager.filter(**scope)
    keys = KEYS[data.kind]
    left = {tuple(getattr(row, key) for key in keys): row for row in rows}
    new, changed, kept = [], [], 0
    for values in data.rows:
        row = left.pop(tuple(values[key] for key in keys), None)
        if row is None:
            new.append(table(**scope, **values, **_stamps(data.kind, at)))
        elif isinstance(row, ServiceLevel) and row.edited_at:
            kept += 1
        elif any(getattr(row, column) != value for column, value in values.items()):
            _set(row, values, at)
            changed.append(row)
    gone = [row for row in left.values() if getattr(row, "active", False)]
    for row in gone:
        _set(row, {"active": False}, at)
    table._default_manager.bulk_create(new)
    _update(table, [*changed, *gone], data)
    return LoadedScheme(
        code=data.code,
        version=data.version,
        created=len(new),
        updated=len(changed),
        unchanged=len(data.rows) - len(new) - len(changed) - kept,
        deactivated=len(gone),
        kept=kept,
    )


def _stamps(kind: Kind, at: datetime) -> Row:
    return {"created_at": at, "updated_at": at} if kind is Kind.SERVICE_LEVELS else {}


def _set(row: models.Model, values: Row, at: datetime) -> None:
    for column, value in values.items():
        setattr(row, column, value)
    if isinstance(row, ServiceLevel):
        row.version += 1
        row.updated_at = at


def _update(table: type[models.Model], rows: list[models.Model], data: SchemeData) -> None:
    if not rows:
        return
    columns = [column for column in data.rows[0] if column not in KEYS[data.kind]]
    stamps = ["version", "updated_at"] if data.kind is Kind.SERVICE_LEVELS else []
    table._default_manager.bulk_update(rows, [*columns, *stamps])
