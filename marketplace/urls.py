"""All routes: the desk at the root, the API under /api/v1/, its manual under /docs/."""

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from marketplace.rest.start import RootView

ROUTES = (
    "requests_app.api",
    "providers.api",
    "matching.api",
    "fulfilment.api",
    "marketplace.rest",
)  # as often as asked

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1", RootView.as_view(), name="api-root"),
    *(path("api/v1/", include(f"{package}.urls")) for package in ROUTES),
    path("", include("marketplace.manual.urls")),
    path("", include("marketplace.desk.urls")),
]
if settings.ADMIN_ENABLED:
    # By the page of everybody, which asks for the second factor.
    admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
    urlpatterns.append(path("admin/", admin.site.urls))

handler400 = "marketplace.api.problems.bad_request"
handler403 = "marketplace.api.problems.forbidden"
handler404 = "marketplace.api.problems.not_found"
handler500 = "marketplace.api.problems.server_error"
