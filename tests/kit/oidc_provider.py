"""A real OpenID provider in a process of its own: the OAuth toolkit on an in-memory database, RSA-signed tokens.

    python -m tests.kit.oidc_provider PORT EMAIL VERIFIED KEY [SIGN_WITH]

Whoever comes is signed on as EMAIL (VERIFIED: 1 or 0). SIGN_WITH names another key than the one that is published, so
that signatures are wrong. The redirect address is that of the product's test client.
"""

import sys
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

CALLBACK = "http://testserver/sign-in/by/oidc/back"
CLIENT = {"client_id": "marketplace", "client_secret": "shared with the provider"}


def configure(port: int, signing: str) -> None:
    apps = ("contenttypes", "auth", "sessions", "messages")
    settings.configure(
        SECRET_KEY="provider",
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=[*(f"django.contrib.{app}" for app in apps), "oauth2_provider"],
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "tests.kit.oidc_provider.SignEverybodyIn"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        ROOT_URLCONF="tests.kit.oidc_claims",
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True,
            "OIDC_RSA_PRIVATE_KEY": signing,
            "OIDC_ISS_ENDPOINT": f"http://127.0.0.1:{port}",
            "SCOPES": {"openid": "", "profile": "", "email": ""},
            "OAUTH2_VALIDATOR_CLASS": "tests.kit.oidc_claims.Claims",
        },
    )


class SignEverybodyIn:
    """The provider's own sign-in is not what is tested."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        from django.contrib.auth.models import AnonymousUser, User

        browser = request.path.startswith("/authorize")
        request.user = User.objects.get() if browser else AnonymousUser()
        return self.get_response(request)


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def run(port: int, email: str, verified: bool, key: str, sign_with: str) -> None:
    configure(port, Path(sign_with).read_text())
    django.setup()
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from oauth2_provider.models import get_application_model

    from tests.kit import oidc_claims

    oidc_claims.EMAIL, oidc_claims.VERIFIED = email, verified
    oidc_claims.PUBLISHED, oidc_claims.SIGNING = Path(key).read_text(), Path(sign_with).read_text()
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User

    User.objects.create_user("somebody", email=email)
    get_application_model().objects.create(
        **CLIENT,
        client_type="confidential",
        authorization_grant_type="authorization-code",
        redirect_uris=CALLBACK,
        skip_authorization=True,
        algorithm="RS256",
    )
    with make_server("127.0.0.1", port, get_wsgi_application(), handler_class=Quiet) as server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    run(int(arguments[0]), arguments[1], arguments[2] == "1", arguments[3], arguments[-1])
