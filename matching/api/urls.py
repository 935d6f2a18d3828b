"""Routes of the matching app."""

from django.urls import URLPattern, URLResolver, path

from marketplace.api.routers import Routes, nested
from matching.api import views
from matching.api.views.reports import GapView, OverridesView
from matching.api.views.themes import RequestThemesView, ThemeSuggestionsView

routes = Routes()
routes.register("matching-policies", views.PolicyViewSet, basename="matching-policy")
routes.register("match-runs", views.RunViewSet, basename="match-run")
routes.register(nested("match-runs", "plan"), views.PlanLineViewSet, basename="plan-line")
routes.register("proposals", views.ProposalViewSet, basename="proposal")
routes.register(nested("proposals", "parts"), views.PartViewSet, basename="proposal-part")
routes.register(nested("requests", "proposals"), views.RequestProposalViewSet, basename="request-proposal")
routes.register(nested("requests", "offers"), views.OfferViewSet, basename="request-offer")
routes.register("need-watches", views.WatchViewSet, basename="need-watch")
routes.register(nested("providers", "needs"), views.ProviderNeedViewSet, basename="provider-need")
urlpatterns: list[URLPattern | URLResolver] = [
    path("reports/gap", GapView.as_view(), name="report-gap"),
    path("reports/overrides", OverridesView.as_view(), name="report-overrides"),
    path("vocabularies/themes/suggestions", ThemeSuggestionsView.as_view(), name="theme-suggestions"),
    path("requests/<str:request_id>/theme-suggestions", RequestThemesView.as_view(), name="request-theme-suggestions"),
    *routes.urls,
]
