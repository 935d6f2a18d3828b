"""Routes of what is asked."""

from marketplace.api.routers import Routes, nested
from requests_app.api import shares, views

routes = Routes()
routes.register("requests", views.RequestViewSet, basename="request")
routes.register(nested("requests", "lines"), views.LineViewSet, basename="request-line")
routes.register(nested("requests", "clarifications"), views.ClarificationViewSet, basename="request-clarification")
routes.register(nested("requests", "endorsements"), views.EndorsementViewSet, basename="request-endorsement")
routes.register(nested("requests", "documents"), views.RequestDocumentViewSet, basename="request-document")
routes.register(nested("requests", "shares"), shares.ShareViewSet, basename="request-share")

urlpatterns = routes.urls
