"""Requests and what belongs to them, over HTTP."""

from typing import Any, cast

from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.roles import Permission
from marketplace.api.base import READING
from marketplace.api.contracts import Contract, IfMatch, Write
from marketplace.api.documents import DocumentViewSet, attaching, taking_off
from marketplace.api.finding import Facet
from marketplace.api.lookups import Parent
from marketplace.api.permissions import Access
from marketplace.api.rows import READER, Rows
from marketplace.api.views import Changes, Creates, Lists, Reads, ThingViewSet, described, verb
from marketplace.files.models import Document
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.vocabularies.queries import THEMES
from requests_app import operations, queries
from requests_app.api import formats, serializers
from requests_app.api.filters import WHOLE, RequestFilters
from requests_app.models import Clarification, Endorsement, RequestLine, TrainingRequest

READ, WRITE, SCREEN = Permission.REQUESTS_READ, Permission.REQUESTS_WRITE, Permission.REQUESTS_SCREEN
EITHER = (SCREEN, WRITE)
CONTENT_ERRORS = (ErrorCode.UNKNOWN_REFERENCE, ErrorCode.RULE_BROKEN)
PARENT = Parent(queries.requests_readable_by, column="request", argument="request_id", reference_field="reference")


def of_lines(column: str, scheme: str, *, among: Q | None = None) -> Facet:
    """Make the facet of a column of the lines that are not dropped, of all requests or those ``among`` which it is shown."""
    return Facet(column, scheme, RequestLine, "request", ~Q(state="dropped"), among or Q())


def moves(
    name: str,
    summary: str,
    operation: Any,
    *,
    by: Access,
    body: Any = None,
    errors: tuple[ErrorCode, ...] = (),
    description: str = "",
) -> Any:
    """Make the route of a verb of a life cycle."""
    write = Write(
        summary,
        by,
        body=body,
        if_match=IfMatch.OPTIONAL,
        errors=(ErrorCode.WRONG_STATE, *errors),
        operation=operation,
        description=description,
    )
    return verb(name, write)


class RequestViewSet(Lists, Reads, Creates, Changes, ThingViewSet):
    """Training needs."""

    tag, noun, nouns, resource, basename = "Requests", "training request", "training requests", "requests", "request"
    access = READ
    in_test_mode = frozenset({*READING, "create", "partial_update", "submit", "withdraw"})
    reads = serializers.RequestOut
    representations = (formats.NEED_FEED,)
    reference_field, id_argument = "reference", "request_id"
    filterset_class = RequestFilters
    ordering = ("-created_at",)
    ordering_fields = {
        "created_at": "created_at",
        "updated_at": "updated_at",
        "submitted_at": "submitted_at",
        "due_at": "due_at",
        "reference": "reference",
        "window": "start_on",
    }
    searchable = True
    facets = {
        "state": Facet("state"),
        "theme": of_lines("theme", THEMES),
        "audience": of_lines("audience", "audiences", among=WHOLE),
        "country": of_lines("country", "countries"),
        "language": of_lines("language", "languages", among=WHOLE),
        "requesting_organization": Facet("requesting_organization__code"),
        "programme": Facet("programme__code"),
    }
    highlighted = ("title", "need_statement")
    rows = Rows(
        TrainingRequest,
        follows={
            READER: ("reads_body", "requesting_organization_id", "co_requesters"),
            "summary_only": ("reads_body",),
            "allowed_actions": (
                *("state", "reference", "requesting_organization_id", "programme__code", "place_country", "visibility"),
                *("call_ends_at", "call_waived_at", "lines", "consents"),
            ),
            "requesting_organization": ("requesting_organization__code", "requesting_organization__names"),
            "themes": ("lines",),
            "places": ("lines",),
            "participants": ("lines",),
            "kept_apart": ("kept_apart",),
            "posting_consent_at": ("consents",),
            "endorsement": ("endorsements",),
        },
        many={
            "lines": (
                "number",
                "state",
                "theme",
                "country",
                "region",
                "participants_min",
                "participants_max",
                "claimed",
            ),
            "co_requesters": ("pk", "code"),
            "beneficiaries": ("code",),
            "excluded_organizations": ("code",),
            "kept_apart": ("first__code", "second__code"),
            "consents": ("given_at", "withdrawn_at"),
            "endorsements": ("pk", "authority_id", "state"),
        },
    )

    create_with = Write(
        "Draft a training request, or change the one with this external id",
        WRITE,
        description="A draft may leave anything out; submission names what is missing. With an `external_id` that the "
        "caller's system (for people: the organization) has used before, that request gets this content: 200.",
        body=serializers.RequestIn,
        if_match=IfMatch.OPTIONAL,
        errors=(*CONTENT_ERRORS, ErrorCode.WRONG_STATE, ErrorCode.DUPLICATE),
        operation=operations.file_request,
    )
    change_with = Write(
        "Change a training request",
        WRITE,
        description=(
            "JSON Merge Patch: what is not named stays, lists (lines too) are replaced whole; lines are known by their "
            "number. After submission, an edit of lines, dates, numbers, languages, forms, place, ceiling or award keeps "
            "the former content as a revision and starts the matching anew."
        ),
        body=serializers.RequestChangeIn,
        if_match=IfMatch.REQUIRED,
        errors=(*CONTENT_ERRORS, ErrorCode.WRONG_STATE),
        operation=operations.edit_request,
    )

    submit = moves("submit", "Submit a draft", operations.submit_request, by=WRITE, errors=(ErrorCode.RULE_BROKEN,))
    return_ = moves(
        "return",
        "Return a request with a question (return_reasons)",
        operations.return_request,
        by=SCREEN,
        body=serializers.RequestReturnIn,
        errors=CONTENT_ERRORS,
    )
    reply = moves(  # `answer` is a method of the view set
        "answer",
        "Answer a returned request",
        operations.answer_request,
        by=WRITE,
        body=serializers.RequesterAnswerIn,
        errors=(ErrorCode.RULE_BROKEN, ErrorCode.UNKNOWN_REFERENCE),
    )
    open = moves("open", "Open a request for matching", operations.open_request, by=SCREEN)
    decline = moves(
        "decline",
        "Find a request outside the scope (ineligible_reasons)",
        operations.decline_request,
        by=SCREEN,
        body=serializers.RequestReasonIn,
        errors=(ErrorCode.UNKNOWN_REFERENCE,),
    )
    withdraw = moves(
        "withdraw",
        "Withdraw a request (withdrawal_reasons)",
        operations.withdraw_request,
        by=WRITE,
        body=serializers.WithdrawalIn,
        errors=(ErrorCode.UNKNOWN_REFERENCE,),
    )
    cancel = moves(
        "cancel",
        "Cancel a request (cancellation_reasons)",
        operations.cancel_request,
        by=SCREEN,
        body=serializers.RequestReasonIn,
        errors=(ErrorCode.UNKNOWN_REFERENCE,),
    )
    merge = moves(
        "merge",
        "Merge a request into another",
        operations.merge_request,
        by=SCREEN,
        body=serializers.RequestMergeIn,
        errors=CONTENT_ERRORS,
    )
    mark_unmet = moves(
        "mark-unmet",
        "Answer that a need is not yet met (unmet_reasons)",
        operations.mark_unmet,
        by=SCREEN,
        body=serializers.RequestUnmetIn,
        errors=CONTENT_ERRORS,
        description="Only after a call for offers has ended, or when the requester has given it up.",
    )
    reopen = moves("reopen", "Open an unmet need again", operations.reopen_request, by=SCREEN)
    close = moves("close", "Close a fulfilled request", operations.close_request, by=SCREEN)
    call_for_offers = moves(
        "call-for-offers",
        "Call eligible providers for offers",
        operations.call_for_offers,
        by=SCREEN,
        body=serializers.OfferCallIn,
        errors=(ErrorCode.RULE_BROKEN,),
    )
    waive_call = moves("waive-call", "Give up the call for offers", operations.waive_call_for_offers, by=WRITE)

    consent_to_posting = moves(
        "consent-to-posting",
        "Agree that the summary of a public request is listed",
        operations.consent_to_posting,
        by=WRITE,
        errors=(ErrorCode.RULE_BROKEN,),
        description="By a person of the requester. Without a consent, `public` shows a request to the group only.",
    )
    withdraw_posting_consent = moves(
        "withdraw-posting-consent", "List a request in public no longer", operations.withdraw_posting_consent, by=WRITE
    )

    def visible(self) -> QuerySet[TrainingRequest]:
        """Requests that the caller may know of."""
        return queries.requests_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: QuerySet[TrainingRequest]) -> QuerySet[TrainingRequest]:
        """Fetch ahead what is shown."""
        ahead = ["consents", "lines", "co_requesters", "beneficiaries", "excluded_organizations", "endorsements"]
        ahead += ["kept_apart__first", "kept_apart__second"]
        if "endorsements" in self.expand:
            ahead.append("endorsements__authority")
        return things.select_related(
            "requesting_organization", "programme", "context_event", "funder", "parent_request", "merged_into"
        ).prefetch_related(*ahead)

    def search(self, things: QuerySet[TrainingRequest], q: str) -> QuerySet[TrainingRequest]:
        """Leave what has every word, the best first."""
        return queries.search_requests(things, q=q, language=self.request.language, most=self.most_ranked())

    def allowed_actions(self, thing: Any) -> list[str]:
        """What the caller may do with a request, or with an endorsement that is shown in it."""
        actor, at = self.request.actor, self.request.at
        if isinstance(thing, Endorsement):
            return queries.endorsement_actions(thing, actor, at=at)
        return queries.allowed_actions(thing, actor, at=at)

    def readable(self) -> TrainingRequest:
        """Find the request that the URL names among those whose body the caller reads."""
        found: TrainingRequest = self.thing()
        if not getattr(found, "reads_body", True):  # what is not theirs to read is not there
            raise DomainError(ErrorCode.NOT_FOUND)
        return found

    @described(Contract("Read the history of a request", READ, out=serializers.RequestTimelineOut))
    def timeline(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show what happened."""
        entries = queries.timeline(self.readable(), self.request.actor, at=self.request.at)
        return Response(serializers.RequestTimelineOut({"results": entries}, context=self.shape_context()).data)

    @described(Contract("Find similar requests", READ, out=serializers.SimilarRequestsOut))
    def similar(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show near-duplicates and neighbours."""
        found = queries.similar_requests(self.readable(), self.request.actor, at=self.request.at)
        return Response(serializers.SimilarRequestsOut({"results": found}, context=self.shape_context()).data)

    @described(Contract("Read the former contents of a request", READ, out=serializers.RequestRevisionsOut))
    def revisions(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show what it said before edits that mattered."""
        rows = queries.revisions_of(self.readable())
        return Response(serializers.RequestRevisionsOut({"results": rows}, context=self.shape_context()).data)


class LineViewSet(Lists, Reads, ThingViewSet):
    """Lines of a request."""

    tag, noun, nouns = "Requests", "line of a request", "lines of a request"
    resource, basename = "request_lines", "request-line"
    access, in_test_mode = READ, READING
    reads = serializers.RequestLineOut
    parent = PARENT
    ordering, ordering_fields = ("number",), {"number": "number"}

    def visible(self) -> QuerySet[RequestLine]:
        """Lines; the parent is found among what the caller reads."""
        return queries.lines_readable_by(self.request.actor, at=self.request.at)


class ClarificationViewSet(Lists, Reads, Creates, ThingViewSet):
    """Questions to the requester."""

    tag, noun, nouns = "Requests", "question about a request", "questions about a request"
    resource, basename = "clarifications", "request-clarification"
    access = READ
    reads = serializers.ClarificationOut
    parent = PARENT
    id_argument = "clarification_id"
    ordering, ordering_fields = ("created_at",), {"created_at": "created_at"}
    create_with = Write(
        "Ask the requester",
        (SCREEN, Permission.OFFERS_MAKE),
        description="By the secretariat, or by an organization that the request was shared with.",
        body=serializers.RequestQuestionIn,
        errors=(ErrorCode.WRONG_STATE, *CONTENT_ERRORS),
        operation=operations.ask_clarification,
    )
    reply = moves(  # `answer` is a method of the view set
        "answer",
        "Answer a question",
        operations.answer_clarification,
        by=WRITE,
        body=serializers.RequesterAnswerIn,
        errors=(ErrorCode.ALREADY_ANSWERED, *CONTENT_ERRORS),
    )
    withdraw = moves(
        "withdraw", "Take a question back", operations.withdraw_clarification, by=(SCREEN, Permission.OFFERS_MAKE)
    )

    def visible(self) -> QuerySet[Clarification]:
        """Questions that the caller may read."""
        return queries.clarifications_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: QuerySet[Clarification]) -> QuerySet[Clarification]:
        """Fetch ahead what is shown."""
        return things.select_related("asking_organization", "request", "request__programme").prefetch_related(
            "request__lines"
        )

    def allowed_actions(self, thing: Clarification) -> list[str]:
        """The requester answers, who asked takes back."""
        return queries.clarification_actions(thing, self.request.actor, at=self.request.at)


class EndorsementViewSet(Lists, Reads, Creates, ThingViewSet):
    """Endorsements by national authorities."""

    tag, noun, nouns = "Requests", "endorsement", "endorsements"
    resource, basename = "endorsements", "request-endorsement"
    access = READ
    reads = serializers.EndorsementOut
    parent = PARENT
    id_argument = "endorsement_id"
    ordering, ordering_fields = ("created_at",), {"created_at": "created_at"}
    create_with = Write(
        "Ask a national authority for its endorsement",
        EITHER,
        description="From now on nothing is confirmed until the answer is recorded; matching goes on.",
        body=serializers.EndorsementIn,
        errors=(ErrorCode.WRONG_STATE, ErrorCode.UNKNOWN_REFERENCE, ErrorCode.DUPLICATE),
        operation=operations.request_endorsement,
    )
    record = moves(
        "record",
        "Record the answer of an authority",
        operations.record_endorsement,
        by=SCREEN,
        body=serializers.EndorsementRecordIn,
        errors=CONTENT_ERRORS,
    )

    def visible(self) -> QuerySet[Endorsement]:
        """Endorsements of the requests that the caller reads."""
        return queries.endorsements_readable_by(self.request.actor, at=self.request.at)

    def prepare(self, things: QuerySet[Endorsement]) -> QuerySet[Endorsement]:
        """Fetch ahead what is shown."""
        return things.select_related("authority", "request")

    def allowed_actions(self, thing: Endorsement) -> list[str]:
        """The secretariat records."""
        return queries.endorsement_actions(thing, self.request.actor, at=self.request.at)


class RequestDocumentViewSet(DocumentViewSet):
    """What is known of documents about a request."""

    noun, nouns = "document of a request", "documents of a request"
    resource, basename = "request_documents", "request-document"
    access = READ
    parent = PARENT
    create_with = attaching("a request", EITHER, operations.attach_document)
    remove_with = taking_off("a request", EITHER, operations.remove_document)

    def visible(self) -> QuerySet[Document]:
        """Documents of the request that the caller may read."""
        request = cast("TrainingRequest", self.parent_thing())
        return queries.documents_of(request, self.request.actor, at=self.request.at)
