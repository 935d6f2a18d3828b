"""Routes of the foundation rooms."""

from marketplace.api.routers import Routes
from marketplace.rest import organizations

routes = Routes()
routes.register("organizations", organizations.OrganizationViewSet, basename="organization")
routes.register("memberships", organizations.MembershipViewSet, basename="membership")
routes.register("service-clients", organizations.ServiceClientViewSet, basename="service-client")
routes.register("programmes", organizations.ProgrammeViewSet, basename="programme")
routes.register("context-events", organizations.ContextEventViewSet, basename="context-event")

urlpatterns = routes.urls
