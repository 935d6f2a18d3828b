"""The settings; every value that differs between places comes from the environment (see .env.example).

`environment` says where this installation runs, `people` how somebody proves who they are; the rest is here.
"""

import math

import structlog
from corsheaders.defaults import default_headers
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _
from structlog.typing import Processor

from marketplace.kernel.masking import mask_line
from marketplace.settings.environment import *  # noqa: F403
from marketplace.settings.environment import BASE_DIR, DEBUG, PRODUCTION, TESTING, VAR_DIR, env
from marketplace.settings.limits import *  # noqa: F403
from marketplace.settings.mail import *  # noqa: F403
from marketplace.settings.people import *  # noqa: F403

# --- applications ------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "guardian",
    "oauth2_provider",
    "axes",
    "corsheaders",
    "csp",
    "django_structlog",
    "marketplace.work",
    "marketplace.events",
    "marketplace.audit",
    "marketplace.vocabularies",
    "marketplace.accounts",
    "marketplace.identity",
    "marketplace.lifecycles",
    "marketplace.files",
    "marketplace.notifications",
    "marketplace.search",
    "marketplace.privacy",
    "marketplace.webhooks",
    "marketplace.api",
    "marketplace.bulk",
    "requests_app",
    "providers",
    "matching",
    "fulfilment",
    "marketplace.rest",
    "marketplace.manual",
    "marketplace.desk",
    "marketplace.upkeep",
    "marketplace.demo",
    # After the desk, whose templates take the place of theirs.
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
]
if TESTING or DEBUG:
    INSTALLED_APPS += [
        app for app in ("django_linear_migrations", "django_migration_linter") if env.bool("DEV_APPS", True)
    ]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "marketplace.urls"
WSGI_APPLICATION = "marketplace.wsgi.application"

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "marketplace.desk.content_policy.ContentPolicy",
    "django_structlog.middlewares.RequestMiddleware",
    "marketplace.api.middleware.RequestOrigin",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
    "marketplace.desk.middleware.WatchSessions",
    "marketplace.desk.middleware.RequireSecondFactor",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
    "marketplace.api.limits.Throttling",
    "marketplace.api.limits.Sizes",
    "marketplace.api.deadlines.Deadline",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
            ]
        },
    }
]

# --- data --------------------------------------------------------------------------------------------------------
DATABASE_URL = env.str("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'marketplace.sqlite3'}")
DATABASES = {"default": {**env.db_url_config(DATABASE_URL), "ATOMIC_REQUESTS": False}}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Measured: default transactions under 20 writers fail 1,139 of 1,200 times; IMMEDIATE with WAL and a busy timeout do not.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA mmap_size=0;",
    }
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}  # a file: several processes test on it
    VAR_DIR.mkdir(parents=True, exist_ok=True)
else:
    DATABASES["default"]["ENGINE"] = "marketplace.records.postgresql"
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=600)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
REDIS_URL = env.str("REDIS_URL", default="")
LOCAL_MEMORY = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 50_000}}
CACHES = {"default": LOCAL_MEMORY, "counters": {**LOCAL_MEMORY, "LOCATION": "counters"}}
if REDIS_URL:  # processes count calls together (docs/adr/0013); a frozen Redis holds a call up once, for this long
    CACHES["counters"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 0.25, "socket_connect_timeout": 0.25},
    }
# How long a process may go on with the vocabularies it has read before it looks whether another one changed them. Tests
# have one process, which knows its own changes; a look in between would make the number of queries a matter of luck.
VOCABULARY_CHECK_SECONDS = env.float("VOCABULARY_CHECK_SECONDS", default=math.inf if TESTING else 3.0)

# --- work: the database is the record, Redis and Celery are the doorbell (docs/adr/0001) ----------------------------
CELERY_ENABLED = bool(REDIS_URL)

# --- language and time -------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("fr", _("French"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- web ---------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
if not PRODUCTION:  # the image collects at build time; elsewhere the finders serve and the folder may stay empty
    STATIC_ROOT.mkdir(exist_ok=True)
if not (TESTING or DEBUG):
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
    }
WHITENOISE_USE_FINDERS = True  # `make demo` serves without collectstatic
WHITENOISE_AUTOREFRESH = DEBUG
APPEND_SLASH = False
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [SELF],
        "frame-ancestors": [NONE],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_ALLOW_HEADERS = [*default_headers, "acting-for", "idempotency-key", "if-match", "if-none-match"]
CORS_EXPOSE_HEADERS = [
    *("ETag", "Link", "Location", "Retry-After", "Content-Language", "Idempotency-Replayed", "X-Request-ID"),
    *("RateLimit", "RateLimit-Policy", "Deprecation", "Sunset"),
]
if PRODUCTION:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
ADMIN_ENABLED = env.bool("ADMIN_ENABLED", default=not PRODUCTION)

# --- the API -----------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "marketplace.api.authentication.BearerTokenAuthentication",
        "marketplace.api.authentication.DeskSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["marketplace.api.permissions.DeclaredAccess"],
    "DEFAULT_RENDERER_CLASSES": ["marketplace.api.renderers.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["marketplace.api.parsers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "marketplace.api.pagination.CursorPages",
    "DEFAULT_FILTER_BACKENDS": ["marketplace.api.filters.AllowListedFilters"],
    "DEFAULT_SCHEMA_CLASS": "marketplace.api.schema.MarketplaceSchema",
    "EXCEPTION_HANDLER": "marketplace.api.problems.problem_handler",
    "DEFAULT_VERSIONING_CLASS": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "COERCE_DECIMAL_TO_STRING": True,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "GMG Training Marketplace",
    "DESCRIPTION": "Training needs, offerings, explained matching, fulfilment. Start at `/api/v1/`; errors are explained "
    "at `/api/v1/errors`.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "LICENSE": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "CONTACT": {"name": "Secretariat of the marketplace"},
    "SERVERS": [{"url": "/", "description": "This installation, production or local", "x-internal": False}],
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v[0-9]+",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SORT_OPERATIONS": True,
    "POSTPROCESSING_HOOKS": [
        "marketplace.api.schema_hooks.finish",
        "marketplace.rest.webhook_schema.describe",
        "marketplace.api.schema_hooks.say_whole_numbers",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
CSRF_FAILURE_VIEW = "marketplace.api.problems.csrf_failure"

# --- logs --------------------------------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOG_JSON = env.bool("LOG_JSON", default=PRODUCTION)
# Where a proxy or a trusted client names the call, its name goes into logs, audit trail and jobs instead of one of ours.
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False  # it believes any X-Forwarded-For; ours: marketplace.api.middleware
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = env.bool("TRUST_REQUEST_ID", default=False)
# Who says it, how loud and when: on our own lines and on those of Django, Celery and other libraries.
ON_EACH_LINE: list[Processor] = [
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
]
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,  # first: what nobody wants to read costs no more than this question
        structlog.contextvars.merge_contextvars,
        *ON_EACH_LINE,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
# A traceback as text: JSON has no other form for it.
AS_JSON: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
TO_READ: list[Processor] = [
    structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
]
WRITTEN = [*(AS_JSON if LOG_JSON else TO_READ), mask_line]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": [structlog.contextvars.merge_contextvars, *ON_EACH_LINE],
            "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *WRITTEN],
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "axes": {"level": "WARNING"},
        **{name: {"level": "INFO"} for name in ("oauth2_provider", "oauthlib")},  # below it they tell codes
        "django_structlog": {"level": env.str("ACCESS_LOG_LEVEL", default="WARNING")},
    },
}
