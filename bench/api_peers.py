"""The same answers as Django REST framework's own way gives them: `ModelSerializer`, generic views, token, cursor pages.

Well prefetched, the same visible rows, the same members with the same values; the middleware is that of a new project
without sessions. A shape of ours is a serializer, so a peer takes over the fields that are no plain column.
"""

from typing import Any, cast

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.urls import include, path
from django.utils import timezone
from rest_framework import serializers, viewsets
from rest_framework.authentication import BaseAuthentication
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.routers import SimpleRouter

from marketplace.accounts.actors import Actor
from marketplace.accounts.operations import authenticate_token
from providers import queries as catalogue
from providers.api.serializers import OfferingOut
from providers.models import Offering
from requests_app import operations
from requests_app import queries as needs
from requests_app.api.serializers import RequestIn, RequestOut
from requests_app.models import TrainingRequest

MIDDLEWARE = [
    "bench.api_peers.own_routes",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]


def own_routes(get_response: Any) -> Any:
    """Serve the peers' routes instead of the product's."""

    def serve(request: Any) -> Any:
        request.urlconf = "bench.api_peers"
        return get_response(request)

    return serve


class Bearer(BaseAuthentication):
    """The token is looked up each time, as `TokenAuthentication` does."""

    def authenticate(self, request: Request) -> Any:
        """Give person and actor."""
        found = authenticate_token(request.headers["Authorization"].partition(" ")[2], at=timezone.now())
        return (found[1].user or AnonymousUser(), found[1]) if found else None


class IsKnown(BasePermission):
    """Whoever has a token."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether there is one."""
        return isinstance(request.auth, Actor)


def model_serializer(shape: Any, model: Any) -> Any:
    """Make the ModelSerializer with the members of ``shape``; what is a plain column is left to it to build."""
    columns = {field.name for field in model._meta.concrete_fields}
    shown = shape()
    names = [name for name in shown.fields if name not in shape.expandable and name != "id"]
    kept = {
        name: field
        for name, field in ((name, shown.one(name)) for name in shape.field_names())
        if name in names and (name not in columns or field.source not in (None, name))
    }
    kept["id"] = serializers.UUIDField(source="public_id", read_only=True)
    methods = {name: value for klass in shape.__mro__ for name, value in vars(klass).items() if name.startswith("get_")}
    methods.pop("get_fields", None)
    meta = type("Meta", (), {"model": model, "fields": ["id", *names], "read_only_fields": names})
    return type(f"{model.__name__}Serializer", (serializers.ModelSerializer,), {**methods, **kept, "Meta": meta})


class Pages(CursorPagination):
    """Fifty, newest first."""

    page_size, ordering = 50, ("-created_at", "-pk")


class Things(viewsets.ModelViewSet[Any]):
    """What both have."""

    authentication_classes, permission_classes = (Bearer,), (IsKnown,)
    renderer_classes, pagination_class = (JSONRenderer,), Pages

    @property
    def actor(self) -> Actor:
        """The one who calls."""
        return cast("Actor", self.request.auth)

    lookup_field, filter_backends = "public_id", ()


class Offerings(Things):
    """Offerings."""

    serializer_class = model_serializer(OfferingOut, Offering)

    def get_queryset(self) -> QuerySet[Offering]:
        """Give what the person sees, fetched ahead."""
        rows = catalogue.offerings_visible_to(self.actor, at=timezone.now())
        related = ("provider__organization", "programme", "series")
        return rows.select_related(*related).prefetch_related("partners__organization")

    def allowed_actions(self, thing: Any) -> list[str]:
        """What the person may do."""
        return catalogue.allowed_actions(thing, self.actor, timezone.now())


class Needs(Things):
    """Training needs."""

    serializer_class = model_serializer(RequestOut, TrainingRequest)

    def get_queryset(self) -> QuerySet[TrainingRequest]:
        """Give what the person sees, fetched ahead."""
        ahead = ["consents", "lines", "co_requesters", "beneficiaries", "excluded_organizations", "endorsements"]
        return (
            needs.requests_visible_to(self.actor, at=timezone.now())
            .select_related(
                "requesting_organization", "programme", "context_event", "funder", "parent_request", "merged_into"
            )
            .prefetch_related(*ahead, "kept_apart__first", "kept_apart__second")
        )

    def allowed_actions(self, thing: Any) -> list[str]:
        """What the person may do."""
        return needs.allowed_actions(thing, self.actor, at=timezone.now())

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        """Draft one by the same operation, read it again and show it."""
        body = RequestIn(data=request.data, context={"request": request})
        body.is_valid(raise_exception=True)
        made, _ = operations.file_request(actor=self.actor, at=timezone.now(), **body.arguments())
        shown = self.get_queryset().get(pk=made.pk)
        return self._shown(shown)

    def _shown(self, thing: TrainingRequest) -> Any:
        from rest_framework.response import Response

        return Response(self.get_serializer(thing).data, status=201)


router = SimpleRouter(trailing_slash=False)
router.register("offerings", Offerings, basename="peer-offering")
router.register("requests", Needs, basename="peer-request")
urlpatterns = [path("peer/", include(router.urls)), path("", include("marketplace.urls"))]
