"""How much, how often, how long (docs/limits.md)."""

from marketplace.settings.environment import DEMO, PRODUCTION, TESTING, VAR_DIR, env

# Proxies in front that append to X-Forwarded-For; 0 believes nobody (marketplace/accounts/addresses.py).
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
# Calls a minute by who calls; 0 counts nobody. Tests call from one address, some of them all day.
UNHURRIED = 1_000_000 if TESTING else None
CALLS_PER_MINUTE = {
    "anonymous": env.int("CALLS_PER_MINUTE_ANONYMOUS", default=UNHURRIED or 120),
    "person": env.int("CALLS_PER_MINUTE_PERSON", default=UNHURRIED or 600),
    "client": env.int("CALLS_PER_MINUTE_CLIENT", default=UNHURRIED or 1_200),
}
# Each is below the next one, the last below the time after which gunicorn ends the process.
WEB_LOCK_SECONDS = env.float("WEB_LOCK_SECONDS", default=10.0)
WEB_STATEMENT_SECONDS = env.float("WEB_STATEMENT_SECONDS", default=15.0)
WEB_REQUEST_SECONDS = env.float("WEB_REQUEST_SECONDS", default=25.0)
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("BODY_BYTES", default=2 * 1024 * 1024)
# Uploads lie outside of everything that is served; all web and worker processes share the folder (docs/adr/0018).
FILES_DIR = VAR_DIR / "documents"  # part of every backup (marketplace/upkeep/backups)
FILE_BYTES = env.int("FILE_BYTES", default=10 * 1024 * 1024)
TABLE_BYTES = env.int(
    "TABLE_BYTES", default=50 * 1024 * 1024
)  # of CSV and JSON Lines, which imports read (docs/bulk.md)
# Rows of an import that holds the database's one write lock: SQLite, with `atomic` or `dry_run`.
IMPORT_ROWS_UNDER_LOCK = env.int("IMPORT_ROWS_UNDER_LOCK", default=5_000)
# Webhooks: how long one call may take; whether they may go to this very machine (demo and tests; never on a server).
WEBHOOK_SECONDS = env.float("WEBHOOK_SECONDS", default=10.0)
WEBHOOK_RETRY_SECONDS = env.float("WEBHOOK_RETRY_SECONDS", default=10.0)  # after the first failure; then doubling
WEBHOOKS_TO_LOOPBACK = env.bool("WEBHOOKS_TO_LOOPBACK", default=(DEMO or TESTING) and not PRODUCTION)
# Calls of `GET /events?wait=` that may wait at a time on this machine: each holds a web process.
EVENT_WAITERS = env.int("EVENT_WAITERS", default=1)
# How long the feed gives an event; 0: for ever. The rows stay, as a part of the record.
EVENT_DAYS = env.int("EVENT_DAYS", default=400)
# How long what systems in test mode wrote is kept after its last change (docs/adr/0025-test-mode.md).
TEST_DATA_DAYS = env.int("TEST_DATA_DAYS", default=14)
