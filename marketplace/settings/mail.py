"""Telling people by e-mail (docs/notifications.md)."""

from urllib.parse import urlsplit

from marketplace.settings.environment import DEMO, PUBLIC_URL, env

# smtp+tls://user:password@host:587, smtp+ssl://…, smtp://host:25, consolemail://; empty: nobody is told by e-mail.
EMAIL_URL = env.str("EMAIL_URL", default="consolemail://" if DEMO else "")
MAIL_ENABLED = bool(EMAIL_URL)
_server = env.email_url_config(EMAIL_URL or "dummymail://")
EMAIL_BACKEND: str = _server["EMAIL_BACKEND"]
EMAIL_HOST: str = _server["EMAIL_HOST"] or "localhost"
EMAIL_PORT: int = _server["EMAIL_PORT"] or 25
EMAIL_HOST_USER: str = _server["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD: str = _server["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS: bool = _server.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL: bool = _server.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH: str = _server["EMAIL_FILE_PATH"] or ""
EMAIL_TIMEOUT = env.float("EMAIL_SECONDS", default=20.0)  # of each word with the server
MAIL_DOMAIN = urlsplit(PUBLIC_URL).hostname or "localhost"  # of message ids and of the list
DEFAULT_FROM_EMAIL = env.str("MAIL_FROM", default=f"Training marketplace <no-reply@{MAIL_DOMAIN}>")
# What is read within this time is not mailed any more.
MAIL_DELAY_SECONDS = env.float("MAIL_DELAY_SECONDS", default=60.0)
MAIL_DIGEST_HOUR = env.int("MAIL_DIGEST_HOUR", default=6)  # UTC; weekly ones on Mondays
# An address that was refused for good so often in a row is written to no more until its person says so.
MAIL_REFUSALS = env.int("MAIL_REFUSALS", default=3)
