"""Routes of the web face."""

from allauth.account.views import reauthenticate
from django.urls import include, path

from marketplace.desk import account, mail, preferences, sign_in, sign_on, views
from marketplace.desk.consent import Consent
from marketplace.rest.oauth.views import Introspect, Metadata, Revoke, Token

# The namespace in which the toolkit looks up its own endpoints for the metadata.
OAUTH = [
    path("oauth/authorize", Consent.as_view(), name="authorize"),
    path("oauth/token", Token.as_view(), name="token"),
    path("oauth/revoke", Revoke.as_view(), name="revoke-token"),
    path("oauth/introspect", Introspect.as_view(), name="introspect"),
    path(".well-known/oauth-authorization-server", Metadata.as_view(), name="oauth-server-metadata"),
]

# Names that the sign-on library looks up.
SIGN_IN = [
    path("sign-in", sign_in.SignIn.as_view(), name="account_login"),
    path("sign-in/inactive", sign_in.inactive, name="account_inactive"),
    path("sign-in/cancelled", sign_on.cancelled, name="socialaccount_login_cancelled"),
    path("sign-in/by/<slug:provider_id>", sign_on.begin, name="openid_connect_login"),
    path("sign-in/by/<slug:provider_id>/back", sign_on.come_back, name="openid_connect_callback"),
    path("account/confirm", reauthenticate, name="account_reauthenticate"),
    path("account/second-factor/", include("allauth.mfa.urls")),
]

urlpatterns = [
    path("", views.start, name="start"),
    path("language", views.choose_language, name="choose-language"),
    path("sign-in", sign_in.SignIn.as_view(), name="sign-in"),
    path("sign-out", views.SignOut.as_view(), name="sign-out"),
    *SIGN_IN,
    path("account", account.account, name="account"),
    path("account/password", account.password, name="password"),
    path("account/e-mail", preferences.choose, name="mail-preferences"),
    path("account/sessions/<uuid:public_id>/end", account.end_session, name="end-session"),
    path("account/apps/<uuid:public_id>/end", account.end_app, name="end-app"),
    path("account/tokens/<uuid:public_id>/end", account.end_token, name="end-token"),
    path("go/<slug:resource>/<uuid:public_id>", mail.open_thing, name="open-thing"),
    path("unsubscribe/<str:token>", mail.unsubscribe, name="unsubscribe"),
    path("", include((OAUTH, "oauth2_provider"))),
]
