"""Parts of proposals over HTTP."""

from django.db.models import QuerySet

from marketplace.accounts.roles import Permission
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.lookups import Parent
from marketplace.api.views import Lists, Reads, ThingViewSet, verb
from marketplace.kernel.errors import ErrorCode
from matching import operations, queries
from matching.api import serializers
from matching.api.views.proposals import ANSWER, APPROVAL_ERRORS, CONSULT, DECIDE, DECISION_ERRORS, STATE_ERRORS
from matching.models import ProposalPart


class PartViewSet(Lists, Reads, ThingViewSet):
    """The parts of a proposal: each partner answers for its own. `accept` and `consent` are among the engagements' routes."""

    tag, noun, nouns = "Proposals", "part of a proposal", "parts of a proposal"
    resource, basename = "proposal_parts", "proposal-part"
    access = Permission.PROPOSALS_READ
    reads = serializers.PartOut
    id_argument = "part_id"
    parent = Parent(queries.proposals_visible_to, column="proposal", argument="proposal_id")
    ordering, ordering_fields = ("position",), {"position": "position"}
    refuse = verb(
        "refuse",
        Write(
            "Refuse as a partner",
            ANSWER,
            description="Only this part is replaced by the next best; the others' acceptances and holds stand.",
            body=serializers.RefusalIn,
            if_match=IfMatch.OPTIONAL,
            errors=STATE_ERRORS,
            operation=operations.refuse_part,
        ),
    )
    counter = verb(
        "counter",
        Write(
            "Offer other terms as a partner",
            ANSWER,
            description="Within the limits of the request; requester and secretariat are asked for consent.",
            body=serializers.CounterIn,
            if_match=IfMatch.OPTIONAL,
            errors=(*STATE_ERRORS, ErrorCode.RULE_BROKEN, ErrorCode.UNKNOWN_REFERENCE),
            operation=operations.counter_part,
        ),
    )
    approve = verb(
        "approve",
        Write(
            "Approve a replacement",
            (DECIDE, CONSULT),
            body=serializers.ReasonIn,
            if_match=IfMatch.REQUIRED,
            errors=APPROVAL_ERRORS,
            operation=operations.approve_replacement,
        ),
    )
    decline = verb(
        "decline",
        Write(
            "Decline a replacement",
            DECIDE,
            body=serializers.DeclineIn,
            if_match=IfMatch.REQUIRED,
            errors=DECISION_ERRORS,
            operation=operations.decline_replacement,
        ),
    )

    def visible(self) -> QuerySet[ProposalPart]:
        """Give the parts of visible proposals."""
        return queries.parts_visible_to(self.request.actor, at=self.request.at)
