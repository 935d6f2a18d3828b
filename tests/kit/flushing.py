"""Emptying the database after a test that committed: what was there at the start is there again, in a few statements.

Django's own flush empties every table and then has each app write its first rows anew, which takes longer than most tests
that ask for it.
"""

from django.db import connection, transaction

from marketplace.audit import triggers
from marketplace.vocabularies import queries as vocabularies
from tests.kit.copies import Written, tables


class Beginning:
    """The rows that a migrated database has before any test: coded lists, kinds of content, permissions."""

    def __init__(self) -> None:
        """Read them."""
        self.tables = tables()
        found = [(table, list(table.read().values())) for table in self.tables]
        self.is_trusted = is_superuser()
        self.given = Written([(table, rows) for table, rows in found if rows])

    def restore(self) -> None:
        """Leave these rows and no others. The trail refuses to be emptied: its guards are lifted meanwhile."""
        statements = [
            *triggers.drop_statements(connection.vendor),
            *(table.emptying() for table in self.tables),
        ]
        with connection.constraint_checks_disabled(), transaction.atomic():
            if self.is_trusted:
                statements.insert(0, "SET LOCAL session_replication_role = replica")  # no reference is looked at
            run(statements)
            self.given.write()
            run(triggers.create_statements(connection.vendor))
        vocabularies.refresh()  # what this process keeps of them may be what the test made of them


def run(statements: list[str]) -> None:
    """Run statements, at once where the engine takes several."""
    with connection.cursor() as cursor:
        for statement in ["; ".join(statements)] if connection.vendor == "postgresql" else statements:
            cursor.execute(statement)


def is_superuser() -> bool:
    """Say whether PostgreSQL trusts us to leave references unlooked at."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])
