"""What bounds every call, of the API and of pages alike."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse

from marketplace.accounts.actors import Actor
from marketplace.api import throttles
from marketplace.api.base import ApiView
from marketplace.api.problems import refuse
from marketplace.kernel.errors import DomainError, ErrorCode

UNCOUNTED = object()
URI_LENGTH = 8_000  # characters of path and query
PARAMETERS = 100  # in a query


class Throttling:
    """Count the calls that no view of the API counts, and say in every answer what its caller has left."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the request; what never came to a view (an unknown URL) counts for the address."""
        response = self.get_response(request)
        if getattr(request, "allowance", UNCOUNTED) is UNCOUNTED:
            response = self._counted(request, None) or response
        allowance: throttles.Allowance | None = getattr(request, "allowance", None)
        if allowance is not None:
            for name, value in allowance.headers().items():
                response.headers.setdefault(name, value)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> HttpResponse | None:
        """Count a page before it is made, for who is signed in; views of the API count for themselves, by credential."""
        if issubclass(getattr(view, "cls", object), ApiView):
            return None
        return self._counted(request, Actor.for_user(request.user) if request.user.is_authenticated else None)

    @staticmethod
    def _counted(request: HttpRequest, actor: Actor | None) -> HttpResponse | None:
        try:
            throttles.charge_actor(request, actor or Actor.anonymous())
        except DomainError as error:
            return refuse(request, error.code, **error.params)
        return None


class Sizes:
    """Refuse what is too long or in a form that nobody here reads, before anything looks at it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the request, or answer uri_too_long, length_required or unsupported_media_type."""
        query = request.META.get("QUERY_STRING", "")
        if len(request.path) + len(query) > URI_LENGTH or query.count("&") >= PARAMETERS:
            return refuse(request, ErrorCode.URI_TOO_LONG, length=URI_LENGTH, parameters=PARAMETERS)
        if "Transfer-Encoding" in request.headers:  # WSGI reads as many bytes as Content-Length says: none
            return refuse(request, ErrorCode.LENGTH_REQUIRED)
        coding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            return refuse(request, ErrorCode.UNSUPPORTED_MEDIA_TYPE, media_type=coding[:100])
        return self.get_response(request)
