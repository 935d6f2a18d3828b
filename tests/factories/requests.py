"""Rows of what is asked, and contents for the operations that write them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import uuid4

from factory.declarations import LazyFunction, Sequence, SubFactory, Trait
from factory.django import DjangoModelFactory

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization
from marketplace.kernel.periods import Period
from requests_app import operations
from requests_app.models import (
    Clarification,
    Endorsement,
    KeptApart,
    LineClaim,
    PostingConsent,
    ReferenceCounter,
    RequestLine,
    RequestRevision,
    RequestShare,
    TrainingRequest,
)
from requests_app.operations import LineContent, RequestContent
from tests.factories.accounts import OrganizationFactory

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
SYSTEM = Actor.system("test")


class TrainingRequestFactory(DjangoModelFactory[TrainingRequest]):
    """A draft; `submitted=True` gives a submitted one (with `state=` any later one), without audit or events."""

    class Meta:
        model = TrainingRequest

    class Params:
        submitted = Trait(
            state="submitted",
            submitted_at=AT,
            reference=Sequence(lambda number: f"GMG-MLI-2026-{number + 1:04d}"),
        )

    requesting_organization = SubFactory(OrganizationFactory)
    state = "draft"
    title: ClassVar[dict[str, str]] = {"en": "Mainstreaming migration into planning"}
    need_statement: ClassVar[dict[str, str]] = {"en": "Officials of three ministries need training."}
    start_on = date(2027, 3, 1)
    end_on = date(2027, 6, 30)
    created_at = AT
    updated_at = AT


class RequestLineFactory(DjangoModelFactory[RequestLine]):
    """An open line for 15 to 30 officials in Mali."""

    class Meta:
        model = RequestLine

    request = SubFactory(TrainingRequestFactory)
    number = Sequence(lambda number: number + 1)
    state = "open"
    theme = "mainstreaming"
    audience = "national_government"
    country = "MLI"
    language = "fr"
    participants_min = 15
    participants_max = 30
    created_at = AT
    updated_at = AT


class LineClaimFactory(DjangoModelFactory[LineClaim]):
    """Twenty participants of a line, held since `AT`; the line's own count is not touched."""

    class Meta:
        model = LineClaim

    line = SubFactory(RequestLineFactory)
    claimant = LazyFunction(uuid4)
    participants = 20
    exclusive = True
    claimed_at = AT


class RequestRevisionFactory(DjangoModelFactory[RequestRevision]):
    """The first content of a request."""

    class Meta:
        model = RequestRevision

    request = SubFactory(TrainingRequestFactory, submitted=True)
    content_version = 1
    content: ClassVar[dict[str, Any]] = {"title": {"en": "Earlier title"}}
    replaced_at = AT
    editor = "test"


class KeptApartFactory(DjangoModelFactory[KeptApart]):
    """Two organizations, the older one first."""

    class Meta:
        model = KeptApart

    request = SubFactory(TrainingRequestFactory)
    first = SubFactory(OrganizationFactory)
    second = SubFactory(OrganizationFactory)


class ReferenceCounterFactory(DjangoModelFactory[ReferenceCounter]):
    """The counter of a year."""

    class Meta:
        model = ReferenceCounter

    year = Sequence(lambda number: 2100 + number)


class RequestShareFactory(DjangoModelFactory[RequestShare]):
    """A provider was asked."""

    class Meta:
        model = RequestShare

    request = SubFactory(TrainingRequestFactory, submitted=True)
    organization = SubFactory(OrganizationFactory)
    reason = "asked"
    shared_at = AT
    created_at = AT
    updated_at = AT


class PostingConsentFactory(DjangoModelFactory[PostingConsent]):
    """A focal point agreed."""

    class Meta:
        model = PostingConsent

    request = SubFactory(TrainingRequestFactory, submitted=True, visibility="public")
    given_at = AT
    given_by = "focal point"


class ClarificationFactory(DjangoModelFactory[Clarification]):
    """An open question of the secretariat."""

    class Meta:
        model = Clarification

    request = SubFactory(TrainingRequestFactory, submitted=True)
    state = "open"
    question = "How many of the participants speak English?"
    question_language = "en"
    created_at = AT
    updated_at = AT


class EndorsementFactory(DjangoModelFactory[Endorsement]):
    """A ministry was asked for its word."""

    class Meta:
        model = Endorsement

    request = SubFactory(TrainingRequestFactory, submitted=True)
    authority = SubFactory(OrganizationFactory, kind="government")
    state = "pending"
    created_at = AT
    updated_at = AT


# --- contents and requests made by the operations ------------------------------------------------------------------


def line(**changes: Any) -> LineContent:
    """Give a complete line: 15 to 30 officials in Mali, in French."""
    facts: dict[str, Any] = {
        "theme": "mainstreaming",
        "audience": "national_government",
        "country": "MLI",
        "language": "fr",
        "participants_min": 15,
        "participants_max": 30,
        "level": "intermediate",
        "governance_level": "national",
    }
    return LineContent(**{**facts, **changes})


def content(**changes: Any) -> RequestContent:
    """Give a content that can be submitted, with one line."""
    facts: dict[str, Any] = {
        "title": {"en": "Mainstreaming migration into planning", "fr": "Intégrer la migration dans la planification"},
        "need_statement": {"en": "Officials of three ministries need training."},
        "lines": (line(),),
        "languages_must": ("fr",),
        "forms": ("workshop",),
        "modalities": ("in_person",),
        "window": Period(date(2027, 3, 1), date(2027, 6, 30)),
        "budget_ceiling": Decimal("45000.00"),
        "budget_currency": "USD",
        "funding_state": "sought",
        "visibility": "group",
    }
    return RequestContent(**{**facts, **changes})


def draft(
    organization: Organization | None = None, *, actor: Actor = SYSTEM, at: datetime = AT, **changes: Any
) -> TrainingRequest:
    """Draft a request through the operation."""
    owner = organization or OrganizationFactory.create()
    return operations.create_request(actor=actor, at=at, organization=owner.code, content=content(**changes))


def submitted(organization: Organization | None = None, *, at: datetime = AT, **changes: Any) -> TrainingRequest:
    """Draft and submit a request through the operations."""
    request = draft(organization, at=at, **changes)
    return operations.submit_request(actor=SYSTEM, at=at, request_id=request.pk)


def opened(organization: Organization | None = None, *, at: datetime = AT, **changes: Any) -> TrainingRequest:
    """Draft, submit and open a request through the operations."""
    request = submitted(organization, at=at, **changes)
    return operations.open_request(actor=SYSTEM, at=at, request_id=request.pk)


def listed(organization: Organization | None = None, *, at: datetime = AT, **changes: Any) -> TrainingRequest:
    """Draft, submit and open a request that the requester agrees to list in public."""
    request = opened(organization, at=at, visibility="public", **changes)
    return operations.consent_to_posting(actor=SYSTEM, at=at, request_id=request.pk)
