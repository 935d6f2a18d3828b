"""What a route promises: the one description from which access, documentation and behaviour follow."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.serializers import BaseSerializer

from marketplace.api.deprecations import Deprecation
from marketplace.api.permissions import Access
from marketplace.formats.registry import Representation
from marketplace.kernel.errors import ErrorCode

SerializerClass = type[BaseSerializer[Any]]


@dataclass(frozen=True, slots=True)
class Later:
    """Given by an operation instead of its answer: the work goes on in the background, and the thing tells its outcome."""


class IfMatch(StrEnum):
    """Whether a call must name the version that it is about."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Contract:
    """Access, words and shapes of one operation.

    ``out`` None means: the thing of the view (its ``reads``), or no body for status 204. ``errors`` are the codes
    beyond those that follow from the rest (sign-in, scope, lookup, body, preconditions, idempotency).
    """

    summary: str
    access: Access
    description: str = ""
    body: SerializerClass | None = None
    file: bool = False  # the body is the content of a file
    out: SerializerClass | None = None
    pages: bool = False  # a cursor page of `out`
    status: int = 200
    also: tuple[int, ...] = ()  # statuses of refusals that may show `out` instead of a problem
    later: bool = False  # the operation may give `Later`: 202 with the thing of the view and where to poll it
    if_match: IfMatch = IfMatch.NONE
    errors: tuple[ErrorCode, ...] = ()
    parameters: tuple[OpenApiParameter, ...] = ()
    headers: tuple[str, ...] = ()  # headers of the answer beyond those that follow
    counted: bool = True  # among the calls a minute of who calls; a probe is no caller
    operation_id: str = ""
    tag: str = ""
    secret: tuple[str, ...] = ()  # members of the answer that are shown once and never stored for a replay
    media_types: tuple[str, ...] = ("application/json",)  # of good answers; `out` is the JSON
    deprecated: Deprecation | None = None  # the operation leaves
    see_other: str = ""  # where browsers are led (303), in words
    representations: tuple[Representation, ...] = ()  # other forms of the answer, negotiated


@dataclass(frozen=True, slots=True)
class Write(Contract):
    """A contract with the domain operation that carries it out.

    The operation is called with ``actor``, ``at``, the view's ``id_argument`` (verbs and changes), ``expected_version``
    (unless ``if_match`` is none) and the arguments of the body; so is ``prepare`` before it, whose answer it gets as
    ``prepared``. It may return the thing, ``(thing, created)`` for an upsert, or, with ``out`` given, whatever ``out``
    shows.
    """

    operation: Callable[..., Any] = field(default=lambda: None)
    prepare: Callable[..., Any] | None = None  # computes before any transaction, e.g. for seconds
    location: str = ""  # route name of what is made or started, when it is not the view's own thing
