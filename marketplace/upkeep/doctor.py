"""What is well with this installation, what is not, and the command that repairs it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import connection
from django.utils.translation import to_locale

from marketplace.audit import queries as audit
from marketplace.audit import triggers
from marketplace.events import queries as events
from marketplace.rest import readiness
from marketplace.rest.readiness import Finding
from marketplace.vocabularies.models import Scheme
from marketplace.vocabularies.sources import read_all
from marketplace.webhooks import queries as webhooks
from marketplace.work import queries as work

SLOWEST_OUTBOX = timedelta(minutes=1)  # the sequencers publish and link within a second
POOL_SILENT = timedelta(minutes=3)  # beat has the pool woken each minute
FAILING_FOR_LONG = timedelta(hours=1)
STATIC_FILES = ("desk/desk.css", "drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at; ``repair`` is a command, or words where none helps."""

    name: str
    ok: bool
    detail: str = ""
    repair: str = ""


Look = Callable[[datetime], Diagnosis]


def examine(at: datetime) -> Iterator[Diagnosis]:
    """Look at everything; without database or tables, only at what does not need them."""
    database = _told(readiness.database(at), "start the database that DATABASE_URL names")
    yield database
    if database.ok:
        migrations = _told(readiness.migrations(at), "python manage.py migrate")
        yield migrations
        for look in IN_TABLES if migrations.ok else ():
            yield look(at)
    for look in OUTSIDE:
        yield look(at)


def _told(finding: Finding, repair: str) -> Diagnosis:
    return Diagnosis(finding.name, finding.ok, finding.detail, "" if finding.ok else repair)


def _vocabularies(at: datetime) -> Diagnosis:
    # The table itself, not the copy that a process keeps in memory.
    stored = dict(Scheme.objects.filter(active=True).values_list("code", "checksum"))
    stale = sorted(data.code for data in read_all() if stored.get(data.code) != data.checksum)
    if not stale:
        return Diagnosis("vocabularies", ok=True, detail=f"{len(stored)} lists")
    return Diagnosis("vocabularies", False, f"Not as shipped: {', '.join(stale)}", "python manage.py load_vocabularies")


def _worker(at: datetime) -> Diagnosis:
    celery = "make worker, make dispatcher and make beat"
    repair = celery if settings.CELERY_ENABLED else "make worker (or make demo, which starts it too)"
    return _told(readiness.worker(at), repair)


def _pool(at: datetime) -> Diagnosis:
    if not settings.CELERY_ENABLED:
        return Diagnosis("pool", ok=True, detail="none: the embedded worker does the jobs")
    if work.pool_stirred(at, within=POOL_SILENT):
        return Diagnosis("pool", ok=True)
    told = f"No Celery worker has stirred for {POOL_SILENT.seconds // 60} minutes; the dispatcher does the work alone"
    return Diagnosis("pool", False, told, "make worker and make beat")


def _silent_processes(at: datetime) -> Diagnosis:
    silent = [f"{beat.name} since {beat.beat_at:%Y-%m-%d %H:%M} UTC" for beat in work.silent_processes(at)]
    if silent:
        repair = "end what is frozen and start it again; a later look forgets what was killed"
        return Diagnosis("heartbeats", False, f"Nothing was heard of {', '.join(silent)}", repair)
    return Diagnosis("heartbeats", ok=True, detail=f"{work.live_processes(at).count()} processes")


def _outbox(at: datetime) -> Diagnosis:
    age = events.outbox_age_seconds(at)
    detail = f"The oldest unpublished event waits for {age:.0f} s" if age else "Nothing waits"
    if age <= SLOWEST_OUTBOX.total_seconds():
        return Diagnosis("outbox", ok=True, detail=detail)
    return Diagnosis("outbox", False, detail, _sequencer())


def _sequencer() -> str:
    return "make dispatcher" if settings.CELERY_ENABLED else "make worker"


def _audit(at: datetime) -> Diagnosis:
    chain = audit.chain_status(at)
    detail = f"{chain.position} records in the chain, {chain.waiting} wait for {chain.waiting_seconds:.0f} s"
    if absent := triggers.missing(connection):
        detail = f"Not guarded: {', '.join(trigger.name for trigger in absent)}"
        return Diagnosis("audit trail", False, detail, "python manage.py migrate")
    if chain.verification is not None and chain.verification.findings:
        detail = f"{chain.verification.findings} findings on {chain.verification.at:%Y-%m-%d %H:%M}"
        return Diagnosis("audit trail", False, detail, "python manage.py verify_audit; docs/audit.md says what then")
    if chain.waiting_seconds > SLOWEST_OUTBOX.total_seconds():
        return Diagnosis("audit trail", False, detail, _sequencer())
    return Diagnosis("audit trail", ok=True, detail=detail)


def _dead_letters(at: datetime) -> Diagnosis:
    found = work.statistics(at)
    if found.dead or found.unknown_kinds:
        detail = f"{found.dead} jobs gave up, {found.unknown_kinds} are of a kind that this version does not know"
        repair = "GET /api/v1/jobs?state=dead&expand=payload,failures; then POST /api/v1/jobs/{id}/retry or .../discard"
        return Diagnosis("dead letters", False, detail, repair)
    return Diagnosis("dead letters", ok=True, detail=f"{found.due} jobs due, {found.running} running")


def _webhooks(at: datetime) -> Diagnosis:
    found = webhooks.statistics()
    for_long = found.failing_since is not None and at - found.failing_since > FAILING_FOR_LONG
    detail = f"{found.active} active, {found.failing} of them failing, {found.pending} deliveries wait"
    if not (for_long or found.switched_off):
        return Diagnosis("webhooks", ok=True, detail=detail)
    detail += f"; {found.switched_off} switched off because nothing got through"
    repair = "GET /api/v1/webhooks tells which; their organizations have been told (docs/webhooks.md)"
    return Diagnosis("webhooks", False, detail, repair)


def _broker(at: datetime) -> Diagnosis:
    return _told(readiness.broker(at), "start the Redis or Valkey that REDIS_URL names")


def _static_files(at: datetime) -> Diagnosis:
    missing = [name for name in STATIC_FILES if not finders.find(name)]
    if missing:
        return Diagnosis("static files", False, f"Not found: {', '.join(missing)}", "make install")
    return Diagnosis("static files", ok=True)


def _translations(at: datetime) -> Diagnosis:
    untranslated = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE and not _speaks(code)]
    if untranslated:
        detail = f"No compiled texts for: {', '.join(untranslated)}"
        return Diagnosis("translations", False, detail, "make messages")
    return Diagnosis("translations", ok=True)


def _speaks(language: str) -> bool:
    """Tell whether the product's own texts are compiled for a language."""
    folder = Path(settings.LOCALE_PATHS[0]) / to_locale(language) / "LC_MESSAGES"
    return (folder / "django.mo").is_file()


IN_TABLES: tuple[Look, ...] = (
    _vocabularies,
    _worker,
    _pool,
    _silent_processes,
    _outbox,
    _audit,
    _dead_letters,
    _webhooks,
)
OUTSIDE: tuple[Look, ...] = (_broker, _static_files, _translations)
