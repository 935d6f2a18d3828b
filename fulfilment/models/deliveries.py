"""What is carried out: deliveries with their participation, and the milestones on the way."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from fulfilment.lifecycle import DELIVERY, EVALUATE, MILESTONE, PREPARE, REPORTED
from fulfilment.models.engagements import Engagement
from marketplace.kernel.lifecycle import Lifecycle, Party, Step
from marketplace.records.fields import LanguageMapField, PeriodColumns, period_is_ordered
from marketplace.records.models import EventScope, LifecycleRecord, Record, state_is_known

STAGES = ("nominated", "accepted", "attended", "completed", "certified")
OWNERS = (Party.PROVIDER.value, Party.REQUESTER.value, Party.SECRETARIAT.value)


class Delivery(LifecycleRecord, PeriodColumns):
    """One event or course run of an engagement."""

    resource: ClassVar[str] = "delivery"
    lifecycle: ClassVar[Lifecycle] = DELIVERY
    CONFIRMATIONS: ClassVar = [(code, code) for code in ("", "requester", "silence", "settlement", "import")]

    engagement = models.ForeignKey(Engagement, on_delete=models.CASCADE, related_name="deliveries")
    number = models.PositiveSmallIntegerField()  # 1.. within the engagement
    part_id = models.UUIDField(db_index=True)  # claimant of the lines and holder of the capacity
    provider = models.ForeignKey("providers.Provider", on_delete=models.PROTECT, related_name="+")
    offering = models.ForeignKey("providers.Offering", on_delete=models.PROTECT, related_name="+")
    session = models.ForeignKey("providers.Session", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    window = models.ForeignKey(
        "providers.CapacityWindow", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    capacity = models.PositiveIntegerField(default=0)  # seats or units that this delivery takes of session or window
    form = models.CharField(max_length=40)
    modality = models.CharField(max_length=20, blank=True)
    language = models.CharField(max_length=10, blank=True)
    city = models.CharField(max_length=120, blank=True)
    country = models.CharField(max_length=3, blank=True)
    venue = models.CharField(max_length=200, blank=True)
    seats = models.PositiveIntegerField(null=True, blank=True)  # participants agreed; unknown for some imports
    report = LanguageMapField()
    started_at = models.DateTimeField(null=True, blank=True)
    reported_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    confirmation = models.CharField(max_length=12, blank=True, choices=CONFIRMATIONS, default="")
    contest_reason = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["engagement_id", "number"]
        constraints = [
            state_is_known(DELIVERY, "delivery_state_known"),
            period_is_ordered("delivery_period_ordered"),
            models.UniqueConstraint(fields=["engagement", "number"], name="delivery_number_once"),
            models.CheckConstraint(
                condition=Q(session__isnull=True) | Q(window__isnull=True), name="delivery_takes_one_capacity"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=REPORTED) | Q(reported_at__isnull=False), name="reported_is_dated"
            ),
            models.CheckConstraint(
                condition=~Q(state="confirmed") | Q(confirmed_at__isnull=False, confirmation__gt=""),
                name="confirmed_is_dated",
            ),
        ]

    def __str__(self) -> str:
        return self.reference_text

    @property
    def reference_text(self) -> str:
        """The engagement's reference and the number of the delivery."""
        return f"{self.engagement.reference}/{self.number}"

    @property
    def root(self) -> Record:
        """A delivery counts on its engagement's version."""
        return self.engagement

    @property
    def organization_for_audit(self) -> str:
        """Code of the lead of the engagement."""
        return self.engagement.organization_for_audit

    def event_scope(self, *, at: datetime) -> EventScope:
        """All parties of the engagement."""
        return self.engagement.event_scope(at=at)

    def event_data(self) -> dict[str, Any]:
        """Which engagement it belongs to."""
        return {"engagement": self.engagement.reference, "number": self.number}


class Participation(models.Model):
    """How many reached a stage of one delivery, and who they are, as sums: no persons."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="participation")
    stage = models.CharField(max_length=12, choices=[(stage, stage) for stage in STAGES])
    total = models.PositiveIntegerField()
    breakdown = models.JSONField(default=dict)  # {"sex": {"female": 12, ...}, "country": {"MLI": 3, ...}, ...}
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["delivery_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "stage"], name="participation_stage_once"),
            models.CheckConstraint(condition=Q(stage__in=STAGES), name="participation_stage_known"),
        ]

    def __str__(self) -> str:
        return f"{self.total} {self.stage}"


class Milestone(LifecycleRecord):
    """A dated step of the way, from the template of the form."""

    resource: ClassVar[str] = "milestone"
    lifecycle: ClassVar[Lifecycle] = MILESTONE

    engagement = models.ForeignKey(Engagement, on_delete=models.CASCADE, related_name="milestones")
    kind = models.CharField(max_length=40)
    position = models.PositiveSmallIntegerField()
    owner = models.CharField(max_length=20, choices=[(owner, owner) for owner in OWNERS])
    anchor = models.CharField(max_length=10)  # agreement | start | end
    offset_days = models.IntegerField()  # calendar days from the anchor
    level = models.PositiveSmallIntegerField(null=True, blank=True)  # Kirkpatrick level that completes it
    follow_up = models.BooleanField(default=False)  # stays open after closing
    done_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["engagement_id", "position"]
        constraints = [
            state_is_known(MILESTONE, "milestone_state_known"),
            models.UniqueConstraint(fields=["engagement", "kind"], name="milestone_kind_once"),
            models.CheckConstraint(condition=Q(owner__in=OWNERS), name="milestone_owner_known"),
            models.CheckConstraint(condition=~Q(state="done") | Q(done_at__isnull=False), name="done_is_dated"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.engagement_id}"

    @property
    def root(self) -> Record:
        """A milestone counts on its engagement's version."""
        return self.engagement

    def usual_step(self) -> Step | None:
        """The owner of the milestone owes it; an evaluation is owed as such."""
        if self.state != "open":
            return None
        code = EVALUATE[self.level].code if self.level else PREPARE.code
        return Step(code, Party(self.owner))

    @property
    def organization_for_audit(self) -> str:
        """Code of the lead of the engagement."""
        return self.engagement.organization_for_audit

    def event_scope(self, *, at: datetime) -> EventScope:
        """All parties of the engagement."""
        return self.engagement.event_scope(at=at)

    def event_data(self) -> dict[str, Any]:
        """Which engagement it belongs to, and what it is."""
        return {"engagement": self.engagement.reference, "kind": self.kind, "owner": self.owner}
