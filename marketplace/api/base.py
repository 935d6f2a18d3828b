"""One call from the request to the answer; every view stands on this."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from marketplace.api import idempotency, throttles
from marketplace.api.contracts import Contract
from marketplace.api.deprecations import HEADERS, Deprecation, headers_of, leaving, sent_in, shown_by
from marketplace.api.filters import check_parameters
from marketplace.api.language import own_language, speak, wanted_language
from marketplace.api.merging import merge_patch
from marketplace.api.negotiation import WeighedNegotiation
from marketplace.api.preconditions import etag_of, is_known
from marketplace.api.renderers import OrjsonRenderer, ProblemRenderer
from marketplace.api.representations import Represented
from marketplace.api.request import ApiRequest
from marketplace.api.serializers import Nothing, StrictSerializer, checked
from marketplace.kernel.errors import DomainError

PRIVATE = "no-store"
TEST_MODE = "Test-Mode"  # header of every answer to a system in test mode
READING = frozenset({"get", "list", "retrieve"})  # of what all who are signed in share, for `in_test_mode`


class ApiView(Represented, APIView):
    """A route outside of the usual pattern; ``contracts`` says by method what each call promises."""

    request: ApiRequest
    contracts: ClassVar[Mapping[str, Contract]] = {}
    tag: ClassVar[str]
    content_negotiation_class = WeighedNegotiation
    metadata_class = None
    versioning_class = None
    cache_control: ClassVar[str] = PRIVATE
    in_test_mode: ClassVar[frozenset[str]] = frozenset()  # calls that are open to systems in test mode; others: 403
    deprecated: ClassVar[Deprecation | None] = None  # all operations of the view leave
    etag_version: int | None = None  # of the thing that the answer shows

    def contract(self) -> Contract | None:
        """Give the promise of the call being served, None where nothing is declared (then it is denied)."""
        return self.contracts.get((self.request.method or "").lower().replace("head", "get"))

    def is_in_test_mode(self, method: str) -> bool:
        """Tell whether a call by this method is open to systems in test mode."""
        return (getattr(self, "action", None) or method.lower().replace("head", "get")) in self.in_test_mode

    def names_a_thing(self) -> bool:
        """Tell whether the URL names a thing: then the role is asked after the thing was found."""
        return False

    def known_parameters(self) -> set[str]:
        """Give the names that the query may have."""
        contract = self.contract()
        names = {one.name for one in contract.parameters if one.location == "query"} if contract else set()
        return names | {"format"} if self.knows_format() else names

    # --- one call, from the request to the answer ---
    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> ApiRequest:
        """Wrap the request; the clock is read here, once."""
        found = ApiRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )
        found.at = timezone.now()
        found.language = speak(wanted_language(request.headers.get("Accept-Language", "")) or "en")
        return found

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check method, format, sign-in, access and the names of the parameters, in this order."""
        if (request.method or "").lower() not in self.open_methods():
            raise exceptions.MethodNotAllowed(request.method or "")
        if "format" in request.query_params:  # where it is not known, the framework would read it all the same
            check_parameters(request, self.known_parameters())
            self.check_format(request)
        super().initial(request, *args, **kwargs)
        if not self.request.headers.get("Accept-Language"):
            self.request.language = speak(own_language(self.request.actor))
        check_parameters(request, self.known_parameters())

    def perform_authentication(self, request: Request) -> None:
        """Find out who calls and count the call; a wrong credential counts for the address it came from.

        Raises DomainError(token_invalid, throttled).
        """
        below, contract = self.request.django_request, self.contract()
        if contract is not None and not contract.counted:
            throttles.leave_out(below)
            return
        try:
            super().perform_authentication(request)
        except DomainError:
            throttles.charge_address(below)
            raise
        throttles.charge_actor(below, self.request.actor)

    def open_methods(self) -> set[str]:
        """Give the methods that have a contract."""
        methods = set(self.contracts)
        return methods | {"head"} if "get" in methods else methods

    @property
    def allowed_methods(self) -> list[str]:
        """Give the methods for the header `Allow`."""
        return sorted(method.upper() for method in self.open_methods())

    def handle_exception(self, exc: Exception) -> Response:
        """Turn a refusal into a problem; what nobody foresaw goes on to Django (logged, handler500)."""
        response = super().handle_exception(exc)
        response.accepted_renderer = ProblemRenderer()
        response.accepted_media_type = ProblemRenderer.media_type
        response.renderer_context = {}  # type: ignore[attr-defined]
        response.exception = False
        return response

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Set renderer, caching and language headers, and the ETag of what was read."""
        problem = getattr(response, "is_problem", False)
        if isinstance(response, Response) and not problem and not getattr(request, "accepted_renderer", None):
            request.accepted_renderer, request.accepted_media_type = OrjsonRenderer(), OrjsonRenderer.media_type
        if not problem:
            response = super().finalize_response(request, response, *args, **kwargs)
        response.headers.setdefault("Cache-Control", self.cache_control)
        response.headers.setdefault("Content-Language", self.request.language)
        if self.request.known_actor.is_test:
            response.headers[TEST_MODE] = "true"
        self.announce(response)
        patch_vary_headers(response, ("Accept", "Accept-Language", "Authorization", "Cookie"))
        if isinstance(response, Response) and response.status_code < 300 and response.data is not None:
            response.add_post_render_callback(self._tag)
        return response

    def announce(self, response: HttpResponseBase) -> None:
        """Say what leaves: the operation on every answer, members on the answers that show or took them."""
        contract = self.contract()
        found = [one for one in (self.deprecated, contract.deprecated if contract else None) if one is not None]
        if contract is not None and response.status_code < 300:
            found += self.leaving_members(contract)
        told = headers_of(found, self.request.language, self.request.build_absolute_uri("/")[:-1]) if found else {}
        for name, value in told.items():
            known = response.headers.get(name) if name == "Link" else None
            response.headers[name] = f"{known}, {value}" if known and value not in known else value

    def leaving_members(self, contract: Contract) -> list[Deprecation]:
        """Give what leaves of the members that this call sent or is shown."""
        sent = sent_in(contract.body, self.request.data) if leaving(contract.body) else []
        shape = contract.out or getattr(self, "reads", None)
        if not leaving(shape) or contract.status == 204 or self.representation is not None:
            return sent
        shown = self.shape_context()
        return sent + shown_by(shape, shown.get("fields_named"), shown.get("expand") or ())

    def _tag(self, response: Response) -> HttpResponse | None:
        """Tag the rendered answer; a GET whose tag the caller knows gets 304."""
        reading = self.request.method in ("GET", "HEAD")
        if not reading and self.etag_version is None:
            return None
        tag = response.headers["ETag"] = etag_of(response.content, self.etag_version)
        if reading and is_known(self.request.headers.get("If-None-Match", ""), tag):
            kept = ("ETag", "Cache-Control", "Vary", "Content-Language", *HEADERS)
            headers = {name: response.headers[name] for name in kept if name in response.headers}
            unchanged = HttpResponse(status=304, headers=headers)
            del unchanged.headers["Content-Type"]  # the framework's own, of a page that there is not
            return unchanged
        return None

    def write(
        self, contract: Contract, run: Callable[[], Response], *, ahead: Callable[[], None] | None = None
    ) -> HttpResponseBase:
        """Carry out a write, once if the caller gave an Idempotency-Key; ``ahead`` is done before any transaction."""
        key = idempotency.read_key(self.request)
        if key is None:
            if ahead is not None:
                ahead()
            return run()

        def rendered() -> Response:
            response = self.finalize_response(self.request, run())
            return cast("Response", cast("Response", response).render())

        return idempotency.once(self.request, key, rendered, ahead=ahead, secret=contract.secret)

    def body(self, contract: Contract, *, patched: Mapping[str, Any] | None = None) -> StrictSerializer:
        """Check the body against the contract. Raises DomainError(invalid_input, unknown_reference).

        ``patched`` is what the thing shows now, where the body is a merge patch of it.
        """
        form = cast("type[StrictSerializer]", contract.body or Nothing)
        context = self.shape_context()
        if patched is None:
            return checked(form(data=self.request.data, context=context))
        patch = self.request.data
        merged = patch if form.merges_itself else merge_patch(form(context=context), patched, patch)
        return checked(form(data=merged, partial=True, context=context))

    def shape_context(self) -> dict[str, Any]:
        """Give what serializers may know of the call."""
        return {"request": self.request, "view": self}
