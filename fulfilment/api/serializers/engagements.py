"""Engagements and answers to parts, as callers are shown them."""

from typing import Any, ClassVar

from rest_framework import serializers

from fulfilment import queries
from fulfilment.api.serializers.parts import (
    STAMPS,
    CostShareOut,
    DeliveryOut,
    EngagementChangeOut,
    EvaluationOut,
    EvaluationWaiverOut,
    MilestoneOut,
    OutcomeStoryOut,
)
from fulfilment.models import Engagement
from marketplace.api.serializers import (
    Example,
    LifecycleOut,
    LinksField,
    MoneyField,
    OrganizationRefOut,
    Out,
    PeriodField,
)
from marketplace.records.fields import money_or_none

ENGAGEMENT_ID = "0198c0de-0000-7000-8000-000000000e01"
URL = f"https://marketplace.example/api/v1/engagements/{ENGAGEMENT_ID}"


class EngagementPartyOut(serializers.Serializer[Any]):
    """An organization with its role."""

    organization = OrganizationRefOut(read_only=True)
    role = serializers.CharField(read_only=True)


class EngagementLineOut(serializers.Serializer[Any]):
    """How many participants of a line of the request are served."""

    line = serializers.IntegerField(source="line.number", read_only=True)
    participants = serializers.IntegerField(read_only=True)
    part = serializers.UUIDField(source="part_id", read_only=True)


class EngagementOut(LifecycleOut):
    """What requester and partners agreed to do."""

    example: ClassVar[Example] = {
        **STAMPS,
        "id": ENGAGEMENT_ID,
        "reference": "ENG-2026-0001",
        "state": "in_delivery",
        "request": "GMG-MLI-2026-0007",
        "proposal": "0198c0de-0000-7000-8000-0000000000b1",
        "requesting_organization": {"code": "UNFPA", "name": "United Nations Population Fund"},
        "lead": {"code": "GMG-WG", "name": "GMG Working Group"},
        "origin": "matching",
        "external_id": "",
        "period": {"start": "2027-03-08", "end": "2027-03-10", "precision": "day"},
        "budget": {"amount": "24000.00", "currency": "USD"},
        "required_levels": [1],
        "missing_levels": [1],
        "parties": [{"organization": {"code": "GMG-WG", "name": "GMG Working Group"}, "role": "lead"}],
        "lines": [{"line": 1, "participants": 20, "part": "0198c0de-0000-7000-8000-0000000000f1"}],
        "open_change": None,
        "hold_reason": "",
        "cancel_reason": "",
        "closed_at": None,
        "waiting_for": "provider",
        "step": "delivery.report",
        "due_at": "2027-04-07T09:00:00Z",
        "allowed_actions": ["deliver"],
        "deliveries": [DeliveryOut.example],
        "milestones": [MilestoneOut.example],
        "evaluations": [EvaluationOut.example],
        "waivers": [],
        "cost_shares": [],
        "stories": [],
        "changes": [],
        "links": {
            "self": URL,
            "changes": f"{URL}/changes",
            "cost_shares": f"{URL}/cost-shares",
            "deliveries": f"{URL}/deliveries",
            "documents": f"{URL}/documents",
            "evaluations": f"{URL}/evaluations",
            "milestones": f"{URL}/milestones",
            "outcome_stories": f"{URL}/outcome-stories",
        },
    }
    expandable = ("deliveries", "milestones", "evaluations", "waivers", "cost_shares", "stories", "changes")

    reference = serializers.CharField(read_only=True)
    request = serializers.CharField(source="request.reference_text", read_only=True)
    proposal = serializers.UUIDField(
        source="proposal_id", read_only=True, allow_null=True, help_text="None of imports."
    )
    requesting_organization = OrganizationRefOut(read_only=True)
    lead = OrganizationRefOut(source="lead_organization", read_only=True)
    origin = serializers.CharField(read_only=True)
    external_id = serializers.CharField(read_only=True)
    period = PeriodField(source="*", read_only=True)
    budget = serializers.SerializerMethodField(help_text="Exact decimal as text; null where it is open.")
    required_levels = serializers.ListField(
        child=serializers.IntegerField(), read_only=True, help_text="Kirkpatrick levels that closing needs."
    )
    missing_levels = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    parties = EngagementPartyOut(many=True, read_only=True)
    lines = EngagementLineOut(many=True, read_only=True)
    open_change = serializers.SerializerMethodField(help_text="Id of the change that waits for an answer.")
    hold_reason = serializers.CharField(read_only=True)
    cancel_reason = serializers.CharField(read_only=True)
    closed_at = serializers.DateTimeField(read_only=True, allow_null=True)
    deliveries = DeliveryOut(many=True, read_only=True)
    milestones = MilestoneOut(many=True, read_only=True)
    evaluations = EvaluationOut(many=True, read_only=True)
    waivers = EvaluationWaiverOut(many=True, read_only=True)
    cost_shares = CostShareOut(many=True, read_only=True)
    stories = OutcomeStoryOut(many=True, read_only=True)
    changes = EngagementChangeOut(many=True, read_only=True)
    links = LinksField(
        {
            "self": "engagement-detail",
            "changes": "engagement-change-list",
            "cost_shares": "engagement-cost-share-list",
            "deliveries": "engagement-delivery-list",
            "documents": "engagement-document-list",
            "evaluations": "engagement-evaluation-list",
            "milestones": "engagement-milestone-list",
            "outcome_stories": "engagement-story-list",
        },
        argument="parent_id",
    )

    def get_budget(self, engagement: Engagement) -> dict[str, str] | None:
        """Give the budget."""
        return MoneyField().to_representation(money_or_none(engagement.budget_amount, engagement.budget_currency))

    def get_open_change(self, engagement: Engagement) -> str | None:
        """Give the id of the open change."""
        change = queries.open_change(engagement)
        return str(change.public_id) if change else None


class AnsweredPartOut(Out):
    """What an answer to a part led to."""

    example: ClassVar[Example] = {
        "part": {"id": "0198c0de-0000-7000-8000-0000000000f1", "state": "accepted"},
        "proposal": {"id": "0198c0de-0000-7000-8000-0000000000b1", "version": 9, "state": "confirmed"},
        "request": "GMG-MLI-2026-0007",
        "engagement": "ENG-2026-0001",
        "waiting_for": "nobody",
    }

    part = serializers.SerializerMethodField(help_text="Its id and state.")
    proposal = serializers.SerializerMethodField(
        help_text="Its id, version and state; `confirmed` with the last answer."
    )
    request = serializers.CharField(source="proposal.request.reference_text", read_only=True)
    waiting_for = serializers.CharField(source="proposal.waiting_for", read_only=True)
    engagement = serializers.CharField(
        source="engagement.reference", default=None, read_only=True, allow_null=True, help_text="Once it exists."
    )

    def get_part(self, answer: Any) -> dict[str, str]:
        """Give id and state of the part."""
        return {"id": str(answer.part.public_id), "state": answer.part.state}

    def get_proposal(self, answer: Any) -> dict[str, Any]:
        """Give id, version and state of the proposal."""
        proposal = answer.proposal
        return {"id": str(proposal.public_id), "version": proposal.version, "state": proposal.state}
