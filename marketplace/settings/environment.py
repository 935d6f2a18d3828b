"""Where this installation runs: what every other part of the settings asks first."""

import os
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parents[2]
env = environ.FileAwareEnv()  # SECRET_KEY_FILE=/run/secrets/key is read as SECRET_KEY, and so is any other
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
if PRODUCTION and SECRET_KEY == DEFAULT_KEY:
    raise ImproperlyConfigured("PRODUCTION=1 needs a SECRET_KEY of its own: the default key is public.")

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
