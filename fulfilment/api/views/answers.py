"""Accepting a part of a proposal and consenting to other terms: the last answer makes the engagement."""

from typing import TYPE_CHECKING

from django.db.models import QuerySet

from fulfilment import operations
from fulfilment.api.serializers import inputs
from fulfilment.api.serializers.engagements import AnsweredPartOut
from marketplace.accounts.roles import Permission
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.lookups import Parent
from marketplace.api.views import ThingViewSet, verb
from marketplace.kernel.errors import ErrorCode
from matching import queries as proposals

if TYPE_CHECKING:
    from matching.models import ProposalPart


class PartAnswerViewSet(ThingViewSet):
    """The two answers to a part that may make an engagement; the other verbs of parts are matching's."""

    tag, noun, nouns = "Matching", "answer to a part of a proposal", "answers to parts of a proposal"
    resource, basename = "proposal_part_answers", "proposal-part-answer"
    access = Permission.PROPOSALS_READ
    reads = AnsweredPartOut
    id_argument = "part_id"
    parent = Parent(proposals.proposals_visible_to, column="proposal", argument="proposal_id")
    accept = verb(
        "accept",
        Write(
            "Accept as a partner",
            Permission.PROPOSALS_ANSWER,
            description="With the last acceptance the proposal is confirmed and its engagement exists, in one transaction.",
            out=AnsweredPartOut,
            if_match=IfMatch.OPTIONAL,
            errors=(ErrorCode.WRONG_STATE, ErrorCode.CAPACITY_EXHAUSTED, ErrorCode.RULE_BROKEN, ErrorCode.CONFLICT),
            operation=operations.accept_part,
        ),
    )
    consent = verb(
        "consent",
        Write(
            "Agree or not to a partner's other terms",
            (Permission.PROPOSALS_CONSULT, Permission.PROPOSALS_DECIDE),
            description="Requester and secretariat both agree; then the part is accepted on these terms.",
            body=inputs.CounterConsentIn,
            out=AnsweredPartOut,
            if_match=IfMatch.OPTIONAL,
            errors=(
                ErrorCode.WRONG_STATE,
                ErrorCode.RECUSED,
                ErrorCode.ALREADY_ANSWERED,
                ErrorCode.CAPACITY_EXHAUSTED,
                ErrorCode.CEILING_EXCEEDED,
                ErrorCode.LINE_TAKEN,
                ErrorCode.RULE_BROKEN,
            ),
            operation=operations.consent_counter,
        ),
    )

    def visible(self) -> "QuerySet[ProposalPart]":
        """Give the parts of visible proposals."""
        return proposals.parts_visible_to(self.request.actor, at=self.request.at)
