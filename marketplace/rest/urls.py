"""Routes of the foundation rooms."""

from django.urls import URLPattern, URLResolver, path

from marketplace.api.routers import Routes, nested
from marketplace.rest import (
    account,
    event_types,
    feed,
    grants,
    health,
    imports,
    jobs,
    memberships,
    metrics,
    notices,
    organizations,
    person,
    places,
    preferences,
    programmes,
    service_clients,
    service_levels,
    sessions,
    start,
    trail,
    uploads,
    vocabularies,
    webhooks,
)
from marketplace.rest.oauth.applications import AppViewSet
from marketplace.rest.oauth.secrets import AppSecretViewSet, ServiceClientSecretViewSet

routes = Routes()
routes.register("organizations", organizations.OrganizationViewSet, basename="organization")
routes.register("grants", grants.GrantViewSet, basename="grant")
routes.register("memberships", memberships.MembershipViewSet, basename="membership")
routes.register("service-clients", service_clients.ServiceClientViewSet, basename="service-client")
routes.register(
    nested("service-clients", "tokens"), service_clients.ServiceClientTokenViewSet, basename="service-client-token"
)
routes.register(nested("service-clients", "secrets"), ServiceClientSecretViewSet, basename="service-client-secret")
routes.register("oauth-applications", AppViewSet, basename="oauth-application")
routes.register(nested("oauth-applications", "secrets"), AppSecretViewSet, basename="oauth-application-secret")
routes.register("programmes", programmes.ProgrammeViewSet, basename="programme")
routes.register("context-events", programmes.ContextEventViewSet, basename="context-event")
routes.register("me/tokens", account.TokenViewSet, basename="token")
routes.register("me/sessions", sessions.BrowserSessionViewSet, basename="own-session")
routes.register("notifications", notices.NotificationViewSet, basename="notification")
routes.register("audit", trail.AuditViewSet, basename="audit-record")
routes.register("webhooks", webhooks.WebhookViewSet, basename="webhook")
routes.register(nested("webhooks", "deliveries"), webhooks.DeliveryViewSet, basename="webhook-delivery")
routes.register("jobs", jobs.JobViewSet, basename="job")
routes.register("imports", imports.ImportViewSet, basename="import")
routes.register(nested("imports", "rows"), imports.ImportRowViewSet, basename="import-row")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", start.RootView.as_view(schema=None)),  # described without the slash
    path("schema", start.SchemaView.as_view(), name="schema"),
    path("postman", start.PostmanView.as_view(), name="postman"),
    path("docs", start.DocsView.as_view(), name="docs"),
    path("errors", start.ErrorsView.as_view(), name="errors"),
    path("errors/<str:code>", start.ErrorView.as_view(), name="error"),
    path("health/live", health.LiveView.as_view(), name="health-live"),
    path("health/ready", health.ReadyView.as_view(), name="health-ready"),
    path("metrics", metrics.MetricsView.as_view(), name="metrics"),
    path("me", account.MeView.as_view(), name="me"),
    path(
        "me/notification-preferences",
        preferences.NotificationPreferencesView.as_view(),
        name="me-notification-preferences",
    ),
    path("me/export", person.PersonExportView.as_view(), name="me-export"),
    path("session", account.SessionView.as_view(), name="session"),
    path("vocabularies", vocabularies.SchemesView.as_view(), name="vocabularies"),
    path("vocabularies/<str:scheme>", vocabularies.VocabularyView.as_view(), name="vocabulary"),
    path("countries", places.CountriesView.as_view(), name="countries"),
    path("regions", places.RegionsView.as_view(), name="regions"),
    path("exchange-rates", places.RatesView.as_view(), name="exchange-rates"),
    path("service-levels", service_levels.ServiceLevelsView.as_view(), name="service-levels"),
    path("service-levels/<str:step>", service_levels.ServiceLevelView.as_view(), name="service-level"),
    path("audit/head", trail.AuditHeadView.as_view(), name="audit-head"),
    path("imports/templates/<str:resource>", imports.TemplateView.as_view(), name="import-template"),
    path("uploads", uploads.UploadsView.as_view(), name="uploads"),
    path("event-types", event_types.EventTypesView.as_view(), name="event-types"),
    path("event-types/<str:type>", event_types.EventTypeView.as_view(), name="event-type"),
    path("events", feed.FeedView.as_view(), name="events"),
    *routes.urls,
]
