"""The triggers that keep the audit trail append-only, for both engines.

PostgreSQL's TRUNCATE fires no row trigger; who may truncate is a matter of the database role. SQLite has no TRUNCATE:
there even `flush` is refused, and a test run that flushes takes the triggers off for that moment (tests/conftest.py).
"""

TABLE = "audit_auditrecord"
MESSAGE = "audit records are append-only"

POSTGRESQL_CREATE = [
    f"""
    CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    f"""
    CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON {TABLE}
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_change()
    """,
]
POSTGRESQL_DROP = [f"DROP TRIGGER audit_append_only ON {TABLE}", "DROP FUNCTION audit_refuse_change()"]

SQLITE_CREATE = [
    f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END",
    f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END",
]
SQLITE_DROP = ["DROP TRIGGER IF EXISTS audit_no_update", "DROP TRIGGER IF EXISTS audit_no_delete"]

CREATE = {"postgresql": POSTGRESQL_CREATE, "sqlite": SQLITE_CREATE}
DROP = {"postgresql": POSTGRESQL_DROP, "sqlite": SQLITE_DROP}
