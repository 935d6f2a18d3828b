"""Where this installation runs: what every other part of the settings asks first."""

import os
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping

BASE_DIR = Path(__file__).resolve().parents[2]


class _Variables(FileAwareMapping):  # type: ignore[misc]
    """Reads SECRET_KEY from the file that SECRET_KEY_FILE names, and so any other, without the newline at its end."""

    def __getitem__(self, key: str) -> str:
        value: str = super().__getitem__(key)
        return value.rstrip("\r\n") if self.env.get(f"{key}_FILE") else value


class _Env(environ.FileAwareEnv):  # type: ignore[misc]
    """Reads what was set, from the environment or from files."""

    ENVIRON = _Variables()


env = _Env()
if (BASE_DIR / ".env").is_file():
    environ.Env.read_env(BASE_DIR / ".env")
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var"))).absolute()  # what this installation keeps

# --- where we are -----------------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
DEMO = env.bool("DEMO", default=False)
TESTING = env.bool("TESTING", default=False) or "PYTEST_VERSION" in os.environ
DEFAULT_KEY = "insecure-default-key-for-local-use-only-never-in-production"
SECRET_KEY = env.str("SECRET_KEY", default="") or DEFAULT_KEY  # an empty one is none
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])  # old keys, while what they signed is still about
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
PRODUCTION = env.bool("PRODUCTION", default=False)
# What Django's check security.W009 asks of a key; a check is not run by web servers and workers.
KEY_LENGTH, KEY_CHARACTERS = 50, 5
MAKE_A_KEY = 'Make one: python3 -c "import secrets; print(secrets.token_urlsafe(64))"'
if PRODUCTION and SECRET_KEY == DEFAULT_KEY:
    raise ImproperlyConfigured(f"PRODUCTION=1 needs a SECRET_KEY of its own: the default key is public. {MAKE_A_KEY}")
if PRODUCTION and (len(SECRET_KEY) < KEY_LENGTH or len(set(SECRET_KEY)) < KEY_CHARACTERS):
    raise ImproperlyConfigured(
        f"PRODUCTION=1 needs a SECRET_KEY of at least {KEY_LENGTH} characters, {KEY_CHARACTERS} different ones among them. "
        f"{MAKE_A_KEY}"
    )
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured(
        "PRODUCTION=1 and DEBUG=1 exclude each other: error pages would tell the inside. Set DEBUG=0 or take it away."
    )
if PRODUCTION and TESTING:
    raise ImproperlyConfigured(
        "PRODUCTION=1 and TESTING=1 exclude each other: passwords would be kept by a quick hash. Set TESTING=0 or take it away."
    )

# Where people and systems reach this installation, without a slash at the end; in events and links.
PUBLIC_URL = env.str("PUBLIC_URL", default=f"http://127.0.0.1:{env.int('PORT', default=8000)}").rstrip("/")

# --- the group (configuration, not code) -------------------------------------------------------------------------
GROUP_CODE = env.str("GROUP_CODE", default="GMG")  # organization code of the group, first part of references
# Who reports to IATI, by its identifier there and its name; the default is synthetic and registered nowhere.
IATI_REPORTING_ORG = env.str("IATI_REPORTING_ORG", default="XM-EXAMPLE-GMG")
IATI_REPORTING_NAME = env.str("IATI_REPORTING_NAME", default="GMG Training Marketplace")
# A JSON file with ReliefWeb's numbers of our sources and countries (docs/formats.md).
RELIEFWEB_NUMBERS = env.str("RELIEFWEB_NUMBERS", default="")

# --- upkeep ------------------------------------------------------------------------------------------------------
TRACES_TO = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")  # a collector of OpenTelemetry; empty: no traces
POSTGRES_PROGRAMS = env.str("POSTGRES_PROGRAMS", default="")  # folder of pg_dump and pg_restore; empty: those of PATH
BACKUP_DIR = Path(env.str("BACKUP_DIR", default=str(VAR_DIR / "backups"))).absolute()
