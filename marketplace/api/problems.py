"""Every refusal as RFC 9457 `application/problem+json`, with a stable code and a translated detail."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    ValidationError,
)
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.template.loader import render_to_string
from django.utils.translation import gettext
from rest_framework import exceptions
from rest_framework.response import Response

from marketplace.api.authentication import CHALLENGE
from marketplace.api.middleware import current_request_id
from marketplace.api.renderers import ProblemRenderer, dump
from marketplace.kernel.errors import CATALOGUE, DomainError, ErrorCode, FieldError

if TYPE_CHECKING:
    from rest_framework.request import Request

log = structlog.get_logger(__name__)
MEDIA_TYPE = ProblemRenderer.media_type
ERRORS_PATH = "/api/v1/errors/"
RETRY_SECONDS = {ErrorCode.IDEMPOTENCY_IN_FLIGHT: 1, ErrorCode.SERVICE_UNAVAILABLE: 2}


class _Places(dict[str, object]):
    """Values for the places of a text; a place without a value shows a dash."""

    def __missing__(self, key: str) -> str:
        return "-"


def fill(text: str, params: Mapping[str, object]) -> str:
    """Translate ``text`` into the active language and fill its places; values marked for translation are translated."""
    values = _Places(
        {name: gettext(value) if isinstance(value, str) and value else value for name, value in params.items()}
    )
    return gettext(text) % values


def problem_body(error: DomainError, request: "HttpRequest | Request") -> dict[str, object]:
    """Write a refusal as the members of RFC 9457 and ours."""
    kind = error.kind
    body: dict[str, object] = {
        "type": _page_of(error.code, request),
        "title": gettext(kind.title),
        "status": kind.status,
        "detail": fill(kind.detail, error.params),
        "code": error.code.value,
    }
    if error.errors:
        body["errors"] = [_field_problem(one) for one in error.errors]
    allowed = error.params.get("allowed_actions")
    if allowed is not None:
        body["allowed_actions"] = allowed
    if kind.status >= 500:  # below, two refusals of one kind must not differ: invisible is absent
        body["request_id"] = current_request_id()
    return body


def _page_of(code: ErrorCode, request: "HttpRequest | Request") -> str:
    """Give the page of the error catalogue; without our name where the request has none that we go by (RFC 9457, 3.1.1)."""
    path = f"{ERRORS_PATH}{code.value}"
    try:
        return request.build_absolute_uri(path)
    except (SuspiciousOperation, KeyError):
        return path


def _field_problem(error: FieldError) -> dict[str, object]:
    found: dict[str, object] = {
        place_of(error.pointer): error.pointer.removeprefix("?"),
        "code": error.code,
        "detail": fill(error.detail, error.params),
    }
    if error.allowed:
        found["allowed"] = list(error.allowed)
    if error.params.get("did_you_mean"):
        found["did_you_mean"] = error.params["did_you_mean"]
    return found


def place_of(pointer: str) -> str:
    """Name the member that says where: `pointer` into the body, `parameter` of the query, or `header`."""
    if pointer.startswith("?"):
        return "parameter"
    return "pointer" if not pointer or pointer.startswith("/") else "header"


def headers_of(error: DomainError) -> dict[str, str]:
    """Give the headers that belong to a refusal."""
    headers = {"Cache-Control": "no-store"}
    if error.kind.status == 401:
        headers["WWW-Authenticate"] = CHALLENGE
    wait = error.params.get("retry_after", RETRY_SECONDS.get(error.code))
    if wait is not None:
        headers["Retry-After"] = str(wait)
    return headers


def problem_handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer whatever a view raised; None (our mistake, handled by `server_error`) for what nobody foresaw."""
    error = as_domain_error(exc)
    if error is None:
        return None
    request = context["request"]
    response = Response(problem_body(error, request), status=error.kind.status, headers=headers_of(error))
    if isinstance(exc, exceptions.MethodNotAllowed):
        response.headers["Allow"] = ", ".join(context["view"].allowed_methods)
    response.is_problem = True  # type: ignore[attr-defined]
    return response


def as_domain_error(exc: Exception) -> DomainError | None:
    """Turn what frameworks and databases raise into our refusals."""
    if isinstance(exc, DomainError):
        return exc
    if isinstance(exc, exceptions.APIException):
        return _from_framework(exc)
    if isinstance(exc, Http404):
        return DomainError(ErrorCode.NOT_FOUND)
    if isinstance(exc, PermissionDenied):
        return DomainError(ErrorCode.PERMISSION_DENIED, permission="-")
    if isinstance(exc, RequestDataTooBig | TooManyFieldsSent):
        return DomainError(ErrorCode.BODY_TOO_LARGE, limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    if isinstance(exc, UnreadablePostError):
        return DomainError(ErrorCode.MALFORMED_REQUEST)
    return _from_database(exc)


def _from_database(exc: Exception) -> DomainError | None:
    if isinstance(exc, DataError | OverflowError | RecursionError | SuspiciousOperation):
        log.warning("refused_by_database", error=str(exc))
        return DomainError(ErrorCode.INVALID_INPUT)
    if isinstance(exc, ValidationError):
        details = (
            [
                FieldError("", str(one.code or "invalid"), str(one.message), params=_named(one.params))
                for one in exc.error_list
            ]
            if not hasattr(exc, "error_dict")
            else []
        )
        return DomainError(ErrorCode.INVALID_INPUT, errors=details)
    if isinstance(exc, IntegrityError):
        log.warning("refused_by_constraint", error=str(exc))
        return DomainError(ErrorCode.CONFLICT)
    if isinstance(exc, OperationalError | InterfaceError):
        log.error("database_unavailable", error=str(exc))
        return DomainError(ErrorCode.SERVICE_UNAVAILABLE)
    return None


def _named(params: object) -> Mapping[str, object]:
    return params if isinstance(params, Mapping) else {}


def _from_framework(exc: exceptions.APIException) -> DomainError:
    if isinstance(exc, exceptions.ValidationError):
        return invalid_input(field_errors(exc.get_full_details()))
    if isinstance(exc, exceptions.MethodNotAllowed):
        return DomainError(ErrorCode.METHOD_NOT_ALLOWED, method=str(exc.args[0]) if exc.args else "-")
    if isinstance(exc, exceptions.UnsupportedMediaType):
        return DomainError(ErrorCode.UNSUPPORTED_MEDIA_TYPE, media_type=str(exc.args[0])[:100] if exc.args else "-")
    if isinstance(exc, exceptions.Throttled):
        return DomainError(ErrorCode.THROTTLED, retry_after=int(getattr(exc, "wait", None) or 1) + 1)
    return DomainError(_BY_STATUS.get(exc.status_code, ErrorCode.INVALID_INPUT), permission="CSRF")


_BY_STATUS = {
    400: ErrorCode.MALFORMED_JSON,
    401: ErrorCode.NOT_AUTHENTICATED,
    403: ErrorCode.PERMISSION_DENIED,
    404: ErrorCode.NOT_FOUND,
    406: ErrorCode.NOT_ACCEPTABLE,
    500: ErrorCode.INTERNAL_ERROR,
}


def invalid_input(errors: Sequence[FieldError]) -> DomainError:
    """Make the refusal of a body: 422 where all that is wrong are unknown references, else 400."""
    unknown = bool(errors) and all(error.code == "unknown_reference" for error in errors)
    return DomainError(ErrorCode.UNKNOWN_REFERENCE if unknown else ErrorCode.INVALID_INPUT, errors=errors)


def field_errors(
    details: object, pointer: str = "", allowed: Callable[[str], Sequence[str]] = lambda _: ()
) -> list[FieldError]:
    """Turn the nested details of DRF into a flat list with JSON pointers; ``allowed`` tells the values of one of them."""
    if (
        isinstance(details, Mapping)
        and set(details) == {"message", "code"}
        and not isinstance(details["code"], Mapping | list)
    ):
        text = str(details["message"]).replace("%", "%%")
        return [FieldError(pointer, str(details["code"]), text, tuple(allowed(pointer)))]
    if isinstance(details, Mapping):
        pairs: Iterable[tuple[object, object]] = details.items()
        return [error for key, inner in pairs for error in field_errors(inner, _step(pointer, key), allowed)]
    if isinstance(details, list):
        nested = any(isinstance(one, Mapping) and "message" not in one for one in details)
        return [
            error
            for index, inner in enumerate(details)
            if inner
            for error in field_errors(inner, f"{pointer}/{index}" if nested else pointer, allowed)
        ]
    return []


def _step(pointer: str, key: object) -> str:
    if key == "non_field_errors":
        return pointer
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


# --- outside of views: unknown URLs, bad requests, crashes ---------------------------------------------------------


def refuse(request: HttpRequest, code: ErrorCode, **params: object) -> HttpResponse:
    """Answer a refusal outside of views: a page for people's browsers outside of the API, else a problem."""
    error = DomainError(code)
    error.params = params
    headers = headers_of(error)
    if (
        not request.path.startswith("/api/")
        and request.accepts("text/html")
        and "text/html" in request.headers.get("Accept", "")
    ):
        kind = CATALOGUE[code]
        page = render_to_string(
            "api/problem.html",
            {"title": gettext(kind.title), "detail": fill(kind.detail, params), "remedy": gettext(kind.remedy)},
            request,
        )
        return HttpResponse(page, status=kind.status, headers=headers)
    return HttpResponse(dump(problem_body(error, request)), MEDIA_TYPE, error.kind.status, headers=headers)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer what Django itself refuses (handler400)."""
    error = as_domain_error(exception) if exception else None
    return refuse(request, error.code, **error.params) if error else refuse(request, ErrorCode.INVALID_INPUT)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403 outside of API views (handler403)."""
    return refuse(request, ErrorCode.PERMISSION_DENIED, permission="-")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a missing or stale CSRF token (CSRF_FAILURE_VIEW)."""
    return refuse(request, ErrorCode.PERMISSION_DENIED, permission="CSRF")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer an unknown URL (handler404)."""
    return refuse(request, ErrorCode.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what was raised outside of views, or what nobody foresaw (handler500); the log has the traceback under the
    same request id.
    """
    raised = sys.exc_info()[1]
    error = as_domain_error(raised) if isinstance(raised, Exception) else None
    return refuse(request, error.code, **error.params) if error else refuse(request, ErrorCode.INTERNAL_ERROR)
