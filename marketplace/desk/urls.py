"""Routes of the web face."""

from django.urls import include, path

from marketplace.desk import account, views
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

urlpatterns = [
    path("", views.start, name="start"),
    path("language", views.choose_language, name="choose-language"),
    path("sign-in", views.SignIn.as_view(), name="sign-in"),
    path("sign-out", views.SignOut.as_view(), name="sign-out"),
    path("account", account.account, name="account"),
    path("account/password", account.password, name="password"),
    path("account/sessions/<uuid:public_id>/end", account.end_session, name="end-session"),
    path("account/apps/<uuid:public_id>/end", account.end_app, name="end-app"),
    path("account/tokens/<uuid:public_id>/end", account.end_token, name="end-token"),
    path("", include((OAUTH, "oauth2_provider"))),
]
