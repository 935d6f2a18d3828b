"""Who may sign in, and how they prove who they are."""

from datetime import timedelta
from typing import Any

from marketplace.settings.environment import PRODUCTION, TESTING, env

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
# Grants on organizations live in direct foreign-key tables; there is no anonymous row (docs/adr/0006).
ANONYMOUS_USER_NAME = None
GUARDIAN_MONKEY_PATCH_USER = False
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
if TESTING:  # a test is about rights, not about the cost of a password
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "marketplace.identity.passwords.EndsWhatTheOldOneOpened"},
]
LOGIN_URL = "/sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
# Django forgets a session after SESSION_LONGEST, ours ends sooner when it is idle.
SESSION_IDLE = timedelta(minutes=env.int("SESSION_IDLE_MINUTES", default=120))
SESSION_LONGEST = timedelta(hours=env.int("SESSION_HOURS", default=12))
SESSION_COOKIE_AGE = int(SESSION_LONGEST.total_seconds())
TOKEN_LIFETIME = timedelta(days=env.int("TOKEN_LIFETIME_DAYS", default=90))

# --- OAuth 2.0 (docs/adr/0014): strict in all that RFC 9700 says ------------------------------------------------------
CLIENT_SECRET_LIFETIME = timedelta(days=env.int("CLIENT_SECRET_LIFETIME_DAYS", default=366))
OAUTH2_PROVIDER_APPLICATION_MODEL = "identity.Application"
OAUTH2_PROVIDER = {
    "SCOPES_BACKEND_CLASS": "marketplace.identity.scopes.ApplicationScopes",  # which grants nothing by default
    "OAUTH2_SERVER_CLASS": "marketplace.rest.oauth.server.Server",
    "OAUTH2_VALIDATOR_CLASS": "marketplace.rest.oauth.validator.Validator",
    "ACCESS_TOKEN_GENERATOR": "marketplace.identity.tokens.access_token",
    "REFRESH_TOKEN_GENERATOR": "marketplace.identity.tokens.refresh_token",
    "ACCESS_TOKEN_EXPIRE_SECONDS": env.int("OAUTH_ACCESS_TOKEN_SECONDS", default=900),
    "REFRESH_TOKEN_EXPIRE_SECONDS": env.int("OAUTH_REFRESH_TOKEN_SECONDS", default=30 * 86_400),
    "ROTATE_REFRESH_TOKEN": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "PKCE_REQUIRED": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"] if PRODUCTION else ["http", "https"],
    "OAUTH2_RESPONSE_TYPES_SUPPORTED": ["code"],
    "OAUTH2_GRANT_TYPES_SUPPORTED": ["authorization_code", "client_credentials", "refresh_token"],
    "OAUTH2_TOKEN_ENDPOINT_AUTH_METHODS_SUPPORTED": ["client_secret_basic", "client_secret_post"],
    **{
        f"COMPLIANT_BCP_RFC9700_{rule}": True
        for rule in (
            *("IMPLICIT_GRANT", "PASSWORD_GRANT", "PKCE_METHOD", "PKCE_REQUIRED", "ACCESS_TOKEN_TRANSPORT"),
            *("AUTHZ_RESPONSE_ISS", "TOKEN_STORAGE", "REFRESH_TOKEN", "REDIRECT_URI_MATCHING"),
        )
    },
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": PRODUCTION,
}

# --- failed sign-ins: counted for each account and address, in the database ------------------------------------------
AXES_FAILURE_LIMIT = env.int("SIGN_IN_TRIES", default=10)
AXES_COOLOFF_TIME = timedelta(minutes=env.int("SIGN_IN_LOCK_MINUTES", default=5))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "marketplace.identity.lockout.address_of"
AXES_LOCKOUT_CALLABLE = "marketplace.desk.lockout.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # who is locked out can tell when it ends
AXES_DISABLE_ACCESS_LOG = True  # sessions tell who is signed in
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

# --- sign-on and second factors (docs/adr/0017) -----------------------------------------------------------------------
REQUIRE_STAFF_MFA = env.bool("REQUIRE_STAFF_MFA", default=PRODUCTION)
ACCOUNT_ADAPTER = "marketplace.desk.adapters.Accounts"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]  # of a page that does not exist: nobody registers by themselves
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_SESSION_COOKIE_AGE = SESSION_COOKIE_AGE
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa"]  # before a second factor is set up; codes by e-mail are not sent
ACCOUNT_RATE_LIMITS = False  # axes counts, for all processes together
MFA_ADAPTER = "marketplace.identity.second_factor.Secrets"
MFA_FORMS = {
    "authenticate": "marketplace.identity.second_factor.CodeForm",
    "reauthenticate": "marketplace.identity.second_factor.CodeAgainForm",
}
MFA_ALLOW_UNVERIFIED_EMAIL = True  # the account is the invited person's; its address may not be confirmed yet
MFA_TOTP_TOLERANCE = 1  # steps of 30 seconds by which a clock may be off
SOCIALACCOUNT_ADAPTER = "marketplace.desk.adapters.SignOn"
SOCIALACCOUNT_LOGIN_ON_GET = True  # state and PKCE bind it to the browser; a form would be held up by `form-action`
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_STORE_TOKENS = False
OIDC_SERVER_URL = env.str("OIDC_SERVER_URL", default="")
OIDC_APP = {
    "provider_id": "oidc",
    "name": env.str("OIDC_NAME", default="OpenID Connect"),
    "client_id": env.str("OIDC_CLIENT_ID", default=""),
    "secret": env.str("OIDC_CLIENT_SECRET", default=""),
    "settings": {"server_url": OIDC_SERVER_URL},
}
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [OIDC_APP] if OIDC_SERVER_URL else []}
}
