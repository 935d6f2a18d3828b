"""Proposals, and offers that providers make on their own, over HTTP."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.roles import Permission
from marketplace.api.contracts import Contract, IfMatch, Write
from marketplace.api.finding import Facet
from marketplace.api.lookups import Parent
from marketplace.api.views import Creates, Lists, Reads, ThingViewSet, described, verb
from marketplace.kernel.errors import ErrorCode, unknown_reference
from marketplace.search.queries import found_through, search
from matching import operations, queries
from matching.api import serializers
from matching.api.filters import ProposalFilters
from matching.models import MatchProposal
from providers import queries as providers
from requests_app import queries as requests

DECIDE, ANSWER, CONSULT = Permission.PROPOSALS_DECIDE, Permission.PROPOSALS_ANSWER, Permission.PROPOSALS_CONSULT
STATE_ERRORS = (ErrorCode.WRONG_STATE,)
DECISION_ERRORS = (ErrorCode.WRONG_STATE, ErrorCode.RECUSED)
APPROVAL_ERRORS = (
    *DECISION_ERRORS,
    ErrorCode.FOUR_EYES_REQUIRED,
    ErrorCode.RULE_BROKEN,
    ErrorCode.LINE_TAKEN,
    ErrorCode.CAPACITY_EXHAUSTED,
    ErrorCode.CEILING_EXCEEDED,
)
REQUEST_PARENT = Parent(
    requests.requests_visible_to, column="request", argument="request_id", reference_field="reference"
)


class ProposalViewSet(Lists, Reads, ThingViewSet):
    """Proposals with their reasons, from suggestion to the last partner's answer."""

    tag, noun, nouns = "Proposals", "proposal", "proposals"
    resource, basename = "proposals", "proposal"
    access = Permission.PROPOSALS_READ
    reads = serializers.ProposalOut
    id_argument = "proposal_id"
    filterset_class = ProposalFilters
    ordering = ("-created_at",)
    ordering_fields = {
        "created_at": "created_at",
        "updated_at": "updated_at",
        "score": "shown_score",
        "due_at": "due_at",
    }
    searchable = True
    facets = {"state": Facet("state"), "origin": Facet("origin"), "lead": Facet("lead__code")}
    shortlist = verb(
        "shortlist",
        Write(
            "Put a proposal on the shortlist",
            DECIDE,
            if_match=IfMatch.OPTIONAL,
            errors=DECISION_ERRORS,
            operation=operations.shortlist_proposal,
        ),
    )
    consult = verb(
        "consult",
        Write(
            "Ask the requester about a proposal",
            DECIDE,
            description="Silence until `due_at` is no objection.",
            if_match=IfMatch.OPTIONAL,
            errors=DECISION_ERRORS,
            operation=operations.consult_proposal,
        ),
    )
    prefer = verb(
        "prefer",
        Write(
            "Prefer a proposal, or say that there is no objection",
            CONSULT,
            body=serializers.PreferenceIn,
            if_match=IfMatch.OPTIONAL,
            errors=STATE_ERRORS,
            operation=operations.prefer_proposal,
        ),
    )
    object = verb(
        "object",
        Write(
            "Object to a proposal",
            CONSULT,
            body=serializers.ObjectionIn,
            if_match=IfMatch.OPTIONAL,
            errors=STATE_ERRORS,
            operation=operations.object_to_proposal,
        ),
    )
    overrule = verb(
        "overrule",
        Write(
            "Overrule the requester's objection, in writing",
            Permission.PROPOSALS_OVERRULE,
            body=serializers.OverruleIn,
            if_match=IfMatch.REQUIRED,
            errors=(*DECISION_ERRORS, ErrorCode.RULE_BROKEN),
            operation=operations.overrule_objection,
        ),
    )
    approve = verb(
        "approve",
        Write(
            "Approve a proposal",
            (DECIDE, CONSULT),
            description="Lines are claimed, capacity is held and the partners are asked. Where a partner, the requester "
            "or the funder belongs to the secretariat's own house, a second person has to approve as well.",
            body=serializers.ReasonIn,
            if_match=IfMatch.REQUIRED,
            errors=APPROVAL_ERRORS,
            operation=operations.approve_proposal,
        ),
    )
    decline = verb(
        "decline",
        Write(
            "Decline a proposal",
            DECIDE,
            description="Before its approval; after it only where the endorsement by the national authority was refused or is "
            "valid no longer: the partners are let go of, with what is held for them.",
            body=serializers.DeclineIn,
            if_match=IfMatch.REQUIRED,
            errors=(*DECISION_ERRORS, ErrorCode.RULE_BROKEN),
            operation=operations.decline_proposal,
        ),
    )
    retract = verb(
        "retract",
        Write(
            "Take an approval back",
            DECIDE,
            description="Open without a time limit until the first partner has answered.",
            body=serializers.ReasonIn,
            if_match=IfMatch.REQUIRED,
            errors=(*DECISION_ERRORS, ErrorCode.ALREADY_ANSWERED),
            operation=operations.retract_approval,
        ),
    )
    withdraw = verb(
        "withdraw",
        Write(
            "Take a provider's own offer back",
            Permission.OFFERS_MAKE,
            description="By the provider, as long as it was not asked to deliver; then it refuses its part.",
            body=serializers.ReasonIn,
            if_match=IfMatch.OPTIONAL,
            errors=(ErrorCode.WRONG_STATE, ErrorCode.RULE_BROKEN),
            operation=operations.withdraw_offer,
        ),
    )
    go_on_without = verb(
        "go-on-without",
        Write(
            "Go on without the partners who refused or lapsed",
            DECIDE,
            body=serializers.ReasonIn,
            if_match=IfMatch.REQUIRED,
            errors=(*DECISION_ERRORS, ErrorCode.RULE_BROKEN),
            operation=operations.go_on_without,
        ),
    )

    def visible(self) -> QuerySet[MatchProposal]:
        """Give the proposals of which the caller may know."""
        return queries.proposals_visible_to(self.request.actor, at=self.request.at)

    def search(self, things: QuerySet[MatchProposal], q: str) -> QuerySet[MatchProposal]:
        """Find by the words of the request, as far as the caller reads them, and of the lead; the best first."""
        actor, at, language = self.request.actor, self.request.at, self.request.language
        leads = search(providers.providers_visible_to(actor, at=at), resource="provider", q=q, language=language)
        wanted = requests.search_requests(requests.requests_visible_to(actor, at=at), q=q, language=language)
        return found_through(things, most=self.most_ranked(), request=wanted, lead=leads)

    def allowed_actions(self, thing: Any) -> list[str]:
        """List what the caller may do with the proposal now."""
        return queries.open_actions(thing, self.request.actor, at=self.request.at)

    @described(
        Contract(
            "Compare proposals side by side",
            Permission.PROPOSALS_READ,
            description="The contributions of each criterion, in one order for all.",
            out=serializers.ComparisonOut,
            parameters=(
                OpenApiParameter("ids", str, required=True, description="Two to ten ids of proposals, comma between."),
            ),
            errors=(ErrorCode.UNKNOWN_REFERENCE,),
        ),
        detail=False,
    )
    def compare(self, request: Request) -> Response:
        """Show chosen proposals criterion by criterion."""
        asked = [text.strip() for text in request.query_params.get("ids", "").split(",") if text.strip()]
        found = queries.proposals_by_ids(asked[:10], self.request.actor, at=self.request.at)
        if len(found) < max(2, len(asked)):
            raise unknown_reference("/ids", ", ".join(asked) or "-")
        data = serializers.ComparisonOut(queries.side_by_side(found), context=self.shape_context()).data
        return Response(data)


class RequestProposalViewSet(Lists, ThingViewSet):
    """The proposals for one request, best first."""

    tag, noun, nouns = "Proposals", "proposal of a request", "proposals of a request"
    resource, basename = "request_proposals", "request-proposal"
    access = Permission.PROPOSALS_READ
    reads = serializers.ProposalOut
    parent = REQUEST_PARENT
    filterset_class = ProposalFilters
    ordering = ("-shown_score", "rank")
    ordering_fields = ProposalViewSet.ordering_fields

    def visible(self) -> QuerySet[MatchProposal]:
        """Give the proposals of which the caller may know."""
        return queries.proposals_visible_to(self.request.actor, at=self.request.at)

    def allowed_actions(self, thing: Any) -> list[str]:
        """List what the caller may do with the proposal now."""
        return queries.open_actions(thing, self.request.actor, at=self.request.at)


class OfferViewSet(Lists, Creates, ThingViewSet):
    """Providers' own offers to a request: proposals of origin `provider`, decided on like any other."""

    tag, noun, nouns = "Proposals", "provider's own offer", "providers' own offers"
    resource, basename = "request_offers", "request-offer"
    access = Permission.PROPOSALS_READ
    reads = serializers.ProposalOut
    parent = REQUEST_PARENT
    filterset_class = ProposalFilters
    ordering, ordering_fields = ProposalViewSet.ordering, ProposalViewSet.ordering_fields
    create_with = Write(
        "Offer to serve a request",
        Permission.OFFERS_MAKE,
        description="Makes a proposal of origin `provider`, on which the secretariat decides like on any other.",
        body=serializers.OfferIn,
        status=201,
        location="proposal-detail",
        errors=(ErrorCode.WRONG_STATE, ErrorCode.RULE_BROKEN, ErrorCode.DUPLICATE, ErrorCode.UNKNOWN_REFERENCE),
        operation=operations.make_offer,
    )

    def visible(self) -> QuerySet[MatchProposal]:
        """Give the proposals of which the caller may know."""
        return queries.proposals_visible_to(self.request.actor, at=self.request.at).filter(origin="provider")

    def allowed_actions(self, thing: Any) -> list[str]:
        """List what the caller may do with the proposal now."""
        return queries.open_actions(thing, self.request.actor, at=self.request.at)
