"""Routes of the providers app."""

from marketplace.api.routers import Routes
from providers.api import harvests, views

routes = Routes()
routes.register("providers", views.ProviderViewSet, basename="provider")
routes.register("offerings", views.OfferingViewSet, basename="offering")
routes.register("sessions", views.SessionViewSet, basename="session")
routes.register("capacity-windows", views.WindowViewSet, basename="capacity-window")
routes.register("harvests", harvests.HarvestViewSet, basename="harvest")
urlpatterns = routes.urls
