"""What belongs to an engagement: deliveries, milestones, evaluations, cost shares, stories, changes."""

from typing import Any

from django.db.models import QuerySet

from fulfilment import operations, queries
from fulfilment.api import filters, formats
from fulfilment.api.serializers import inputs, parts
from fulfilment.models import Change, CostShare, Delivery, Evaluation, Milestone, OutcomeStory
from marketplace.accounts.roles import Permission
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.lookups import Parent
from marketplace.api.views import Creates, Lists, Reads, ThingViewSet, collection_verb, verb
from marketplace.kernel.errors import ErrorCode

DELIVER, CONFIRM, MANAGE = (
    Permission.ENGAGEMENTS_DELIVER,
    Permission.ENGAGEMENTS_CONFIRM,
    Permission.ENGAGEMENTS_MANAGE,
)
SIDES = (DELIVER, CONFIRM, MANAGE)
EVALUATE, WAIVE = Permission.EVALUATIONS_WRITE, Permission.EVALUATIONS_WAIVE
WRONG_STATE = (ErrorCode.WRONG_STATE,)
OF_ENGAGEMENT = Parent(
    queries.engagements_visible_to, column="engagement", argument="engagement_id", reference_field="reference"
)
WHOLE = ("engagement__request__programme", "engagement__lead_organization", "engagement__requesting_organization")


class PartViewSet(ThingViewSet):
    """Things of one engagement."""

    tag = "Engagements"
    access = Permission.ENGAGEMENTS_READ
    parent = OF_ENGAGEMENT
    ordering = ("created_at",)

    def prepare(self, things: "QuerySet[Any]") -> "QuerySet[Any]":
        """Fetch the engagement with its parties ahead."""
        return things.select_related(*WHOLE).prefetch_related("engagement__parties")


class DeliveryViewSet(Lists, Reads, PartViewSet):
    """Deliveries: start, report, confirm or contest, cancel, participation."""

    noun, nouns, resource, basename = "delivery", "deliveries", "engagement_deliveries", "engagement-delivery"
    reads = parts.DeliveryOut
    representations = (formats.DELIVERY_CALENDAR,)
    id_argument = "delivery_id"
    filterset_class = filters.DeliveryFilters
    ordering, ordering_fields = ("number",), {"number": "number", "start": "start_on", "due_at": "due_at"}
    start = verb(
        "start",
        Write(
            "Begin a delivery",
            (DELIVER, MANAGE),
            if_match=IfMatch.OPTIONAL,
            errors=WRONG_STATE,
            operation=operations.start_delivery,
        ),
    )
    deliver = verb(
        "deliver",
        Write(
            "Report a delivery",
            (DELIVER, MANAGE),
            description="Also anew after it was contested. The number of those who attended must be known.",
            body=inputs.DeliveryReportIn,
            if_match=IfMatch.OPTIONAL,
            errors=(*WRONG_STATE, ErrorCode.RULE_BROKEN),
            operation=operations.deliver_delivery,
        ),
    )
    confirm = verb(
        "confirm",
        Write(
            "Confirm the report of a delivery",
            (CONFIRM, MANAGE),
            description="By the requesting organization; a contested report is settled by an unconcerned officer, in writing.",
            body=inputs.EngagementReasonIn,
            if_match=IfMatch.OPTIONAL,
            errors=(*WRONG_STATE, ErrorCode.RECUSED, ErrorCode.RULE_BROKEN),
            operation=operations.confirm_delivery,
        ),
    )
    contest = verb(
        "contest",
        Write(
            "Contest the report of a delivery",
            CONFIRM,
            body=inputs.ReportContestIn,
            if_match=IfMatch.OPTIONAL,
            errors=WRONG_STATE,
            operation=operations.contest_delivery,
        ),
    )
    cancel = verb(
        "cancel",
        Write(
            "Cancel one of several deliveries",
            MANAGE,
            body=inputs.EngagementCancelIn,
            if_match=IfMatch.REQUIRED,
            errors=(*WRONG_STATE, ErrorCode.RULE_BROKEN),
            operation=operations.cancel_delivery,
        ),
    )
    participation = verb(
        "participation",
        Write(
            "Record how many took part in a delivery",
            (DELIVER, MANAGE),
            description="Sums by stage, no persons. Replaces the stages that are given.",
            body=inputs.ParticipationIn,
            if_match=IfMatch.OPTIONAL,
            errors=(*WRONG_STATE, ErrorCode.RULE_BROKEN),
            operation=operations.record_participation,
        ),
    )

    def visible(self) -> QuerySet[Delivery]:
        """Give the deliveries of visible engagements."""
        return queries.deliveries_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: "QuerySet[Any]") -> "QuerySet[Any]":
        """Fetch what is shown ahead."""
        related = ("provider__organization", "offering", "session", "window")
        return super().prepare(things).select_related(*related).prefetch_related("participation")


class MilestoneViewSet(Lists, Reads, PartViewSet):
    """Milestones: complete, waive."""

    noun, nouns, resource, basename = "milestone", "milestones", "engagement_milestones", "engagement-milestone"
    reads = parts.MilestoneOut
    id_argument = "milestone_id"
    filterset_class = filters.MilestoneFilters
    ordering, ordering_fields = ("position",), {"position": "position", "due_at": "due_at"}
    complete = verb(
        "complete",
        Write(
            "Record that a milestone is reached",
            SIDES,
            description="By the party that owes it, or the secretariat. Recording an evaluation reaches its milestone.",
            body=inputs.MilestoneNoteIn,
            if_match=IfMatch.OPTIONAL,
            errors=(*WRONG_STATE, ErrorCode.RULE_BROKEN),
            operation=operations.complete_milestone,
        ),
    )
    waive = verb(
        "waive",
        Write(
            "Do without a milestone",
            MANAGE,
            body=inputs.MilestoneWaiverIn,
            if_match=IfMatch.OPTIONAL,
            errors=(*WRONG_STATE, ErrorCode.RULE_BROKEN),
            operation=operations.waive_milestone,
        ),
    )

    def visible(self) -> QuerySet[Milestone]:
        """Give the milestones of visible engagements."""
        return queries.milestones_visible_to(self.request.actor, at=self.request.at)


class EvaluationViewSet(Lists, Reads, Creates, PartViewSet):
    """Evaluations at Kirkpatrick levels, and waivers."""

    noun, nouns, resource, basename = "evaluation", "evaluations", "engagement_evaluations", "engagement-evaluation"
    reads = parts.EvaluationOut
    filterset_class = filters.EvaluationFilters
    ordering, ordering_fields = ("level",), {"level": "level", "collected_on": "collected_on"}
    create_with = Write(
        "Record an evaluation",
        (EVALUATE, MANAGE),
        description="Staff of a partner give what participants or they themselves say, the requester what participants or "
        "it says, the secretariat any. What a provider says of itself neither meets a level nor enters its track record.",
        body=inputs.EvaluationIn,
        errors=(*WRONG_STATE, ErrorCode.RULE_BROKEN),
        operation=operations.record_evaluation,
    )
    waive = collection_verb(
        "waive",
        Write(
            "Waive the evaluation at a level",
            WAIVE,
            description="By an officer who belongs to none of the partners.",
            body=inputs.EvaluationWaiverIn,
            out=parts.EvaluationWaiverOut,
            status=201,
            errors=(*WRONG_STATE, ErrorCode.RECUSED, ErrorCode.DUPLICATE),
            operation=operations.waive_evaluation,
        ),
    )

    def visible(self) -> QuerySet[Evaluation]:
        """Give the evaluations of visible engagements."""
        return queries.evaluations_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: "QuerySet[Any]") -> "QuerySet[Any]":
        """Fetch the delivery ahead."""
        return super().prepare(things).select_related("delivery")


class StoryViewSet(Lists, Reads, Creates, PartViewSet):
    """What engagements led to."""

    noun, nouns, resource, basename = "outcome story", "outcome stories", "engagement_stories", "engagement-story"
    reads = parts.OutcomeStoryOut
    create_with = Write(
        "Tell what an engagement led to",
        (EVALUATE, MANAGE),
        body=inputs.OutcomeStoryIn,
        errors=(*WRONG_STATE, ErrorCode.RULE_BROKEN, ErrorCode.UNKNOWN_REFERENCE),
        operation=operations.tell_outcome,
    )

    def visible(self) -> QuerySet[OutcomeStory]:
        """Give the stories of visible engagements."""
        return queries.stories_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: "QuerySet[Any]") -> "QuerySet[Any]":
        """Fetch the spin-off ahead."""
        return super().prepare(things).select_related("spin_off_request")


class CostShareViewSet(Lists, Reads, Creates, PartViewSet):
    """Shares of the cost: pledge, confirm, receive, withdraw."""

    noun, nouns, resource, basename = "cost share", "cost shares", "engagement_cost_shares", "engagement-cost-share"
    reads = parts.CostShareOut
    id_argument = "share_id"
    filterset_class = filters.CostShareFilters
    create_with = Write(
        "Pledge a share of the cost",
        SIDES,
        description="By the lead, the secretariat, or a party in its own name.",
        body=inputs.CostShareIn,
        errors=(*WRONG_STATE, ErrorCode.RULE_BROKEN, ErrorCode.UNKNOWN_REFERENCE),
        operation=operations.pledge_cost_share,
    )
    confirm = verb(
        "confirm",
        Write(
            "Record that a pledge is agreed in writing",
            (DELIVER, MANAGE),
            body=inputs.ConfirmShareIn,
            if_match=IfMatch.OPTIONAL,
            errors=WRONG_STATE,
            operation=operations.confirm_cost_share,
        ),
    )
    receive = verb(
        "receive",
        Write(
            "Record what was received",
            (DELIVER, MANAGE),
            body=inputs.ReceiveShareIn,
            if_match=IfMatch.OPTIONAL,
            errors=(*WRONG_STATE, ErrorCode.RULE_BROKEN),
            operation=operations.receive_cost_share,
        ),
    )
    withdraw = verb(
        "withdraw",
        Write(
            "Take a pledge back",
            (DELIVER, MANAGE),
            body=inputs.EngagementReasonIn,
            if_match=IfMatch.OPTIONAL,
            errors=WRONG_STATE,
            operation=operations.withdraw_cost_share,
        ),
    )

    def visible(self) -> QuerySet[CostShare]:
        """Give the cost shares of visible engagements."""
        return queries.cost_shares_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: "QuerySet[Any]") -> "QuerySet[Any]":
        """Fetch the organization ahead."""
        return super().prepare(things).select_related("organization")


class ChangeViewSet(Lists, Reads, PartViewSet):
    """Changes of what was agreed; they are proposed and answered at the engagement."""

    noun, nouns, resource, basename = "change", "changes", "engagement_changes", "engagement-change"
    reads = parts.EngagementChangeOut
    ordering = ("-created_at",)

    def visible(self) -> QuerySet[Change]:
        """Give the changes of visible engagements."""
        return queries.changes_visible_to(self.request.actor, at=self.request.at)
