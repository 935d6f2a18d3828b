"""The triggers that keep the audit trail append-only, for both engines, and those that tell the sequencer of a record.

They are made after each migrate where they are missing (`handlers`): SQLite loses the triggers of a table that a migration
remakes. A migration that remakes a guarded table on SQLite, or drops `audit_pendingrecord`, first takes them off with `drop`.

Two things need more than a plain BEFORE UPDATE OR DELETE: PostgreSQL's TRUNCATE fires no row trigger, and SQLite's INSERT OR
REPLACE deletes the row in its way without firing any. A test run that flushes lifts the guards for that moment
(tests/kit/flushing.py). Who owns the tables can take them off: the chain is there to show it (ADR 0016).
"""

from dataclasses import dataclass

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "audit_auditrecord"
VALUES, LINKS, HEAD, PENDING = "audit_erasablevalues", "audit_chainlink", "audit_chainhead", "audit_pendingrecord"
MESSAGE = "audit records are append-only"
VALUES_MESSAGE = "audit values are append-only: they may be erased, not changed"
HEAD_MESSAGE = "the head of the audit chain only moves forward"
TELL = "audit_tell_sequencer"
_TELL = f"INSERT INTO {PENDING} (record_id, since) VALUES (NEW.id, {{now}})"  # noqa: S608  names of our own tables
_SQLITE_NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
_REFUSE = (
    "CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{words}' "
    "USING ERRCODE = 'integrity_constraint_violation'; END $$"
)
_ON = "CREATE OR REPLACE TRIGGER {name} {event} ON {table} FOR EACH {level} {when} EXECUTE FUNCTION {function}()"
REFUSALS = {TABLE: MESSAGE, VALUES: VALUES_MESSAGE, LINKS: MESSAGE, HEAD: HEAD_MESSAGE}


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger by its name, with the statements that make it."""

    name: str
    table: str
    create: tuple[str, ...]

    def drop(self, vendor: str) -> str:
        """Give the statement that takes it off."""
        on = f" ON {self.table}" if vendor == "postgresql" else ""
        return f"DROP TRIGGER IF EXISTS {self.name}{on}"


# --- PostgreSQL -------------------------------------------------------------------------------------------------------
def _postgresql(name: str, table: str, event: str, level: str, when: str = "") -> Trigger:
    """Make a refusing trigger; ALWAYS, so that a session in the role of a replica is refused too."""
    function = f"{name}_refuse"
    on = {"name": name, "event": f"BEFORE {event}", "table": table, "level": level, "when": when, "function": function}
    return Trigger(
        name,
        table,
        (
            _REFUSE.format(name=function, words=REFUSALS[table]),
            _ON.format(**on),
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",
        ),
    )


_POSTGRESQL_ERASING = "NEW.record_id = OLD.record_id AND OLD.sealed @> NEW.sealed AND NEW.erased @> OLD.erased AND OLD.sealed <> NEW.sealed"
_FUNCTION_TELL = (
    f"CREATE OR REPLACE FUNCTION {TELL}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    f"{_TELL.format(now='clock_timestamp()')}; RETURN NULL; END $$"
)
POSTGRESQL = (
    _postgresql("audit_append_only", TABLE, "UPDATE OR DELETE", "ROW"),
    _postgresql("audit_links_append_only", LINKS, "UPDATE OR DELETE", "ROW"),
    _postgresql("audit_values_stay", VALUES, "DELETE", "ROW"),
    _postgresql("audit_values_only_erased", VALUES, "UPDATE", "ROW", f"WHEN (NOT ({_POSTGRESQL_ERASING}))"),
    _postgresql("audit_head_stays", HEAD, "DELETE", "ROW"),
    _postgresql("audit_head_forward", HEAD, "UPDATE", "ROW", "WHEN (NEW.position <= OLD.position)"),
    *(_postgresql(f"{table}_no_truncate", table, "TRUNCATE", "STATEMENT") for table in REFUSALS),
    Trigger(
        TELL,
        TABLE,
        (
            _FUNCTION_TELL,
            _ON.format(name=TELL, event="AFTER INSERT", table=TABLE, level="ROW", when="", function=TELL),
            f"ALTER TABLE {TABLE} ENABLE TRIGGER {TELL}",
        ),
    ),
)


# --- SQLite -----------------------------------------------------------------------------------------------------------
def _sqlite(name: str, table: str, event: str, when: str = "") -> Trigger:
    condition = f"WHEN {when} " if when else ""
    body = f"SELECT RAISE(ABORT, '{REFUSALS[table]}')"
    return Trigger(name, table, (f"CREATE TRIGGER {name} BEFORE {event} ON {table} {condition}BEGIN {body}; END",))


def _there(table: str, *columns: str) -> str:
    same = " OR ".join(f"{column} = NEW.{column}" for column in columns)
    return f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608  names of our own tables


_SQLITE_NOT_ERASING = (
    "NEW.record_id IS NOT OLD.record_id OR NEW.sealed = OLD.sealed "
    "OR EXISTS (SELECT 1 FROM json_each(NEW.sealed) AS n WHERE NOT EXISTS "
    "(SELECT 1 FROM json_each(OLD.sealed) AS o WHERE o.key = n.key AND o.value = n.value)) "
    "OR EXISTS (SELECT 1 FROM json_each(OLD.erased) AS o WHERE NOT EXISTS "
    "(SELECT 1 FROM json_each(NEW.erased) AS n WHERE o.key = n.key AND o.value = n.value))"
)
SQLITE = (
    _sqlite("audit_no_update", TABLE, "UPDATE"),
    _sqlite("audit_no_delete", TABLE, "DELETE"),
    _sqlite("audit_no_replace", TABLE, "INSERT", _there(TABLE, "id", "public_id")),
    _sqlite("audit_links_no_update", LINKS, "UPDATE"),
    _sqlite("audit_links_no_delete", LINKS, "DELETE"),
    _sqlite("audit_links_no_replace", LINKS, "INSERT", _there(LINKS, "position", "record_id")),
    _sqlite("audit_values_no_delete", VALUES, "DELETE"),
    _sqlite("audit_values_no_replace", VALUES, "INSERT", _there(VALUES, "record_id")),
    _sqlite("audit_values_only_erased", VALUES, "UPDATE", _SQLITE_NOT_ERASING),
    _sqlite("audit_head_no_delete", HEAD, "DELETE"),
    _sqlite("audit_head_no_replace", HEAD, "INSERT", _there(HEAD, "id")),
    _sqlite("audit_head_forward", HEAD, "UPDATE", "NEW.position <= OLD.position"),
    Trigger(
        TELL,
        TABLE,
        (f"CREATE TRIGGER {TELL} AFTER INSERT ON {TABLE} BEGIN {_TELL.format(now=_SQLITE_NOW)}; END",),
    ),
)
TRIGGERS = {"postgresql": POSTGRESQL, "sqlite": SQLITE}


# --- making and missing them ------------------------------------------------------------------------------------------
def create_statements(vendor: str) -> list[str]:
    """Give what makes all triggers of an engine."""
    return [statement for trigger in TRIGGERS[vendor] for statement in trigger.create]


def drop_statements(vendor: str) -> list[str]:
    """Give what takes all triggers of an engine off."""
    return [trigger.drop(vendor) for trigger in TRIGGERS[vendor]]


def missing(connection: BaseDatabaseWrapper) -> list[Trigger]:
    """List the triggers that are not there, or are there and switched off."""
    statement = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)
        there = {row[0] for row in cursor.fetchall()}
    return [trigger for trigger in TRIGGERS[connection.vendor] if trigger.name not in there]


def restore(connection: BaseDatabaseWrapper) -> list[str]:
    """Make the triggers that are missing, where their tables are there, and return their names."""
    tables = connection.introspection.table_names()
    absent = [trigger for trigger in missing(connection) if trigger.table in tables]
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for trigger in absent:
            for statement in trigger.create:
                cursor.execute(statement)
    return [trigger.name for trigger in absent]
