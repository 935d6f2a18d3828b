"""The root index, the description of the API with its try-it page, and the catalogue of errors."""

from functools import lru_cache
from typing import Any, ClassVar, cast

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve, reverse
from django.utils.translation import gettext
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer2
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.base import ApiView
from marketplace.api.contracts import Contract
from marketplace.api.permissions import Public
from marketplace.api.problems import ERRORS_PATH
from marketplace.api.renderers import OrjsonRenderer, PageRenderer
from marketplace.api.serializers import Out
from marketplace.kernel.errors import CATALOGUE, DomainError, ErrorCode
from marketplace.rest import postman

PUBLIC = "public, max-age=300"
BELOW = (
    "me",
    "organizations",
    "programmes",
    "context-events",
    "vocabularies",
    "countries",
    "regions",
    "exchange-rates",
    "service-levels",
    "providers",
    "offerings",
    "sessions",
    "capacity-windows",
    "requests",
    "matching-policies",
    "match-runs",
    "proposals",
    "reports/gap",
    "reports/overrides",
    "engagements",
    "events",
    "event-types",
    "webhooks",
    "notifications",
    "audit",
    "imports",
    "jobs",
    "errors",
    "schema",
    "postman",
    "docs",
)


# --- root ---------------------------------------------------------------------------------------------------------
class RootOut(Out):
    """Where everything is."""

    example: ClassVar[dict[str, object]] = {
        "name": "GMG Training Marketplace",
        "version": "1.0.0",
        "links": {"requests": "https://marketplace.example/api/v1/requests"},
    }

    name = serializers.CharField()
    version = serializers.CharField(help_text="Of the API description.")
    links = serializers.DictField(child=serializers.URLField())


class RootView(ApiView):
    """`/api/v1/`."""

    tag = "Start"
    cache_control = PUBLIC
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract("Find everything", Public("where a newcomer starts"), out=RootOut, operation_id="root")
    }

    def get(self, request: Request) -> Response:
        """Give the links."""
        root = request.build_absolute_uri("/api/v1/")
        described = settings.SPECTACULAR_SETTINGS
        facts = {
            "name": described["TITLE"],
            "version": described["VERSION"],
            "links": {
                **{name: f"{root}{name}" for name in BELOW if _is_served(f"/api/v1/{name}")},
                "manual": request.build_absolute_uri(reverse("manual")),
            },
        }
        return Response(RootOut(facts, context=self.shape_context()).data)


def _is_served(route: str) -> bool:
    try:
        resolve(route)
    except Resolver404:
        return False
    return True


# --- description --------------------------------------------------------------------------------------------------
@lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    """Generate the OpenAPI description; it is the same for everybody and as long as the process lives."""
    return cast("dict[str, Any]", SchemaGenerator().get_schema(request=None, public=True))


class DescriptionOut(Out):
    """An OpenAPI document."""

    example: ClassVar[dict[str, object]] = {
        "openapi": "3.1.1",
        "info": {"title": "GMG Training Marketplace"},
        "paths": {},
    }

    openapi = serializers.CharField()
    info = serializers.DictField()
    paths = serializers.DictField()


class SchemaView(ApiView):
    """`/schema`."""

    tag = "Start"
    cache_control = PUBLIC
    renderer_classes = (OrjsonRenderer, OpenApiYamlRenderer2, OpenApiJsonRenderer)
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Read the OpenAPI description",
            Public("for client generators"),
            out=DescriptionOut,
            operation_id="schema",
            errors=(ErrorCode.NOT_ACCEPTABLE,),
            media_types=("application/json", "application/yaml", "application/vnd.oai.openapi+json"),
        )
    }

    def get(self, request: Request) -> Response:
        """Give the description as JSON or YAML."""
        return Response(description())


class PostmanOut(Out):
    """A Postman collection, version 2.1: a folder for each tag, a request for each operation."""

    example: ClassVar[dict[str, object]] = {
        "info": {"name": "GMG Training Marketplace", "schema": postman.FORMAT},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [{"key": "base_url", "value": "https://marketplace.example"}, {"key": "token", "value": ""}],
        "item": [{"name": "Start", "item": []}],
    }

    info = serializers.DictField()
    auth = serializers.DictField()
    variable = serializers.ListField(child=serializers.DictField())
    item = serializers.ListField(child=serializers.DictField())


class PostmanView(ApiView):
    """`/postman`."""

    tag = "Start"
    cache_control = PUBLIC
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Read the API description as a Postman collection",
            Public("for those who try the API with Postman"),
            description="Import it, and fill in the variable `token`.",
            out=PostmanOut,
            operation_id="postman",
        )
    }

    def get(self, request: Request) -> Response:
        """Give the collection; its address is the one that was called."""
        base_url = request.build_absolute_uri("/").rstrip("/")
        return Response(postman.collection(description(), base_url))


class DocsView(ApiView):
    """`/docs`."""

    tag = "Start"
    cache_control = PUBLIC
    renderer_classes = (PageRenderer,)
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Try the API in a browser",
            Public("documentation"),
            operation_id="docs",
            media_types=("text/html",),
        )
    }

    def get(self, request: Request) -> Response:
        """Give the page; scripts and styles come from this installation."""
        page = render_to_string(
            "rest/docs.html", {"title": settings.SPECTACULAR_SETTINGS["TITLE"]}, self.request.django_request
        )
        return Response(page)


# --- errors -------------------------------------------------------------------------------------------------------
class ErrorKindOut(Out):
    """One way in which a call can be refused."""

    example: ClassVar[dict[str, object]] = {
        "code": "wrong_state",
        "status": 409,
        "title": "Wrong state",
        "detail": "`%(verb)s` is not open in the state `%(state)s`; open actions: %(allowed)s.",
        "remedy": "Choose one of the open actions.",
        "type": "https://marketplace.example/api/v1/errors/wrong_state",
    }

    code = serializers.CharField()
    status = serializers.IntegerField()
    title = serializers.CharField()
    detail = serializers.CharField(help_text="With places for the values of the case.")
    remedy = serializers.CharField(help_text="What the caller can do about it.")
    type = serializers.URLField()


class ErrorsOut(Out):
    """All of them."""

    example: ClassVar[dict[str, object]] = {"results": [ErrorKindOut.example]}

    results = ErrorKindOut(many=True)


def shown(code: ErrorCode, request: Request) -> dict[str, object]:
    """Show one kind of error in the caller's language."""
    kind = CATALOGUE[code]
    return {
        "code": code.value,
        "status": kind.status,
        "title": gettext(kind.title),
        "detail": gettext(kind.detail),
        "remedy": gettext(kind.remedy),
        "type": request.build_absolute_uri(f"{ERRORS_PATH}{code.value}"),
    }


class ErrorCataloguePages(ApiView):
    """What both endpoints of the catalogue share: JSON for programs; browsers are led to the page of the manual."""

    tag = "Start"
    cache_control = PUBLIC
    renderer_classes = (OrjsonRenderer, PageRenderer)

    def page_or_json(self, data: dict[str, Any], place: str = "") -> HttpResponseBase:
        """Answer in the form that was negotiated; ``place`` is the anchor in the page."""
        if isinstance(self.request.accepted_renderer, PageRenderer):
            page = reverse("manual-page", kwargs={"language": self.request.language, "name": "errors"})
            return HttpResponse(status=303, headers={"Location": f"{page}#{place}" if place else page})
        return Response(data)


class ErrorsView(ErrorCataloguePages):
    """`/errors`."""

    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "List the errors",
            Public("error pages are linked from refusals"),
            out=ErrorsOut,
            operation_id="errors_list",
            see_other="The page of the manual, where HTML is asked for.",
        )
    }

    def get(self, request: Request) -> HttpResponseBase:
        """List them by code."""
        kinds = [shown(code, request) for code in sorted(ErrorCode)]
        return self.page_or_json(ErrorsOut({"results": kinds}, context=self.shape_context()).data)


class ErrorView(ErrorCataloguePages):
    """`/errors/{code}`."""

    path_parameters: ClassVar[dict[str, str]] = {"code": "Stable code of the error."}
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Read about one error",
            Public("error pages are linked from refusals"),
            out=ErrorKindOut,
            operation_id="errors_read",
            see_other="The page of the manual, where HTML is asked for.",
        )
    }

    def get(self, request: Request, code: str) -> HttpResponseBase:
        """Explain one. Raises DomainError(not_found)."""
        if code not in ErrorCode.__members__.values():
            raise DomainError(ErrorCode.NOT_FOUND)
        kind = shown(ErrorCode(code), request)
        return self.page_or_json(ErrorKindOut(kind, context=self.shape_context()).data, code)
