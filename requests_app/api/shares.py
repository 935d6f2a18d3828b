"""Sharing one request with another agency or a provider, over HTTP."""

from django.db.models import QuerySet

from marketplace.api.contracts import IfMatch, Write
from marketplace.api.filters import CodesFilter, FilterSet
from marketplace.api.views import Creates, Lists, Reads, ThingViewSet, verb
from marketplace.kernel.errors import ErrorCode
from requests_app import operations, queries
from requests_app.api import serializers
from requests_app.api.views import CONTENT_ERRORS, EITHER, PARENT, READ
from requests_app.models import RequestShare


class ShareFilters(FilterSet):
    """Filters of the list."""

    organization = CodesFilter("organization__code")
    reason = CodesFilter("reason", allowed=("asked", "shared"))


class ShareViewSet(Lists, Reads, Creates, ThingViewSet):
    """With whom a request is shared: for its own side, the secretariat, auditors, and the organization itself."""

    tag, noun, nouns = "Requests", "share of a request", "shares of a request"
    resource, basename = "request_shares", "request-share"
    access = READ
    reads = serializers.RequestShareOut
    parent = PARENT
    id_argument = "share_id"
    filterset_class = ShareFilters
    ordering, ordering_fields = ("created_at",), {"created_at": "created_at"}
    create_with = Write(
        "Show a request to another organization",
        EITHER,
        description="By the requester or the secretariat. Who it is shown to already gets these terms.",
        body=serializers.RequestShareIn,
        errors=(ErrorCode.WRONG_STATE, *CONTENT_ERRORS),
        operation=operations.share_with,
    )
    revoke = verb(
        "revoke",
        Write(
            "Take a share back",
            EITHER,
            description="It ends at once. What a proposal asks for is not taken back: it ends once no proposal asks this "
            "organization any more, and what had been shown to it before stands again.",
            if_match=IfMatch.OPTIONAL,
            errors=(ErrorCode.RULE_BROKEN,),
            operation=operations.revoke_share,
        ),
    )

    def visible(self) -> QuerySet[RequestShare]:
        """Shares that the caller may know of."""
        return queries.shares_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: QuerySet[RequestShare]) -> QuerySet[RequestShare]:
        """Fetch organizations ahead."""
        return things.select_related("organization")
