"""What came of it: evaluations at Kirkpatrick levels, waivers, outcome stories."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from fulfilment.models.deliveries import Delivery
from fulfilment.models.engagements import Engagement
from marketplace.records.fields import LanguageMapField
from marketplace.records.models import EventScope, Record

LEVELS = (1, 2, 3, 4)
SOURCES = ("participants", "requester", "provider", "external")
OUTCOME_SCALE = 1000  # outcomes are told to the track record on 0..1000


class EngagementPart(Record):
    """What belongs to an engagement and counts on its version."""

    engagement: Any  # each part has its own foreign key

    class Meta:
        abstract = True

    @property
    def root(self) -> Record:
        """The engagement."""
        found: Engagement = self.engagement
        return found

    @property
    def organization_for_audit(self) -> str:
        """Code of the lead of the engagement."""
        code: str = self.engagement.organization_for_audit
        return code

    def event_scope(self, *, at: datetime) -> EventScope:
        """All parties of the engagement."""
        scope: EventScope = self.engagement.event_scope(at=at)
        return scope

    def event_data(self) -> dict[str, Any]:
        """Which engagement it belongs to."""
        return {"engagement": self.engagement.reference}


class Evaluation(EngagementPart):
    """One evaluation at one Kirkpatrick level by one source."""

    resource: ClassVar[str] = "evaluation"

    engagement = models.ForeignKey(Engagement, on_delete=models.CASCADE, related_name="evaluations")
    delivery = models.ForeignKey(Delivery, null=True, blank=True, on_delete=models.CASCADE, related_name="evaluations")
    level = models.PositiveSmallIntegerField()
    source = models.CharField(max_length=20, choices=[(source, source) for source in SOURCES])
    instrument = models.CharField(max_length=20, blank=True)  # objective_test | self_assessment, at level 2
    method = models.CharField(max_length=20, blank=True)
    invited = models.PositiveIntegerField(null=True, blank=True)
    answered = models.PositiveIntegerField(null=True, blank=True)
    value = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    scale_min = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    scale_max = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    collected_on = models.DateField()
    findings = LanguageMapField()
    external_id = models.CharField(max_length=120, blank=True)
    provenance = models.JSONField(default=dict, blank=True)
    fed_at = models.DateTimeField(null=True, blank=True)  # when the provider's track record took it in

    class Meta:
        ordering = ["engagement_id", "level", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(level__in=LEVELS), name="evaluation_level_known"),
            models.CheckConstraint(condition=Q(source__in=SOURCES), name="evaluation_source_known"),
            models.CheckConstraint(
                condition=Q(invited__isnull=True) | Q(answered__isnull=True) | Q(answered__lte=F("invited")),
                name="answered_of_invited",
            ),
            models.CheckConstraint(
                condition=Q(value__isnull=True)
                | Q(
                    scale_min__isnull=False,
                    scale_max__isnull=False,
                    scale_min__lt=F("scale_max"),
                    value__gte=F("scale_min"),
                    value__lte=F("scale_max"),
                ),
                name="evaluation_value_on_scale",
            ),
            models.CheckConstraint(
                condition=~Q(source="provider") | Q(fed_at__isnull=True), name="own_assessment_feeds_nothing"
            ),
        ]

    def __str__(self) -> str:
        return f"L{self.level} by {self.source} of {self.engagement_id}"

    @property
    def outcome(self) -> int | None:
        """The value on 0..1000, or None where none was measured."""
        if self.value is None or self.scale_min is None or self.scale_max is None:
            return None
        return int((self.value - self.scale_min) * OUTCOME_SCALE / (self.scale_max - self.scale_min))

    def event_data(self) -> dict[str, Any]:
        """Engagement, level and source; findings stay inside."""
        return {**super().event_data(), "level": self.level, "source": self.source}


class EvaluationWaiver(EngagementPart):
    """The secretariat does without an evaluation, with a reason."""

    resource: ClassVar[str] = "evaluation_waiver"

    engagement = models.ForeignKey(Engagement, on_delete=models.CASCADE, related_name="waivers")
    level = models.PositiveSmallIntegerField()
    reason_code = models.CharField(max_length=40)
    reason_text = models.TextField(blank=True)

    class Meta:
        ordering = ["engagement_id", "level"]
        constraints = [
            models.UniqueConstraint(fields=["engagement", "level"], name="waiver_once"),
            models.CheckConstraint(condition=Q(level__in=LEVELS), name="waiver_level_known"),
            models.CheckConstraint(condition=Q(reason_code__gt=""), name="waiver_has_reason"),
        ]

    def __str__(self) -> str:
        return f"no L{self.level} for {self.engagement_id}"

    def event_data(self) -> dict[str, Any]:
        """Engagement, level and reason code."""
        return {**super().event_data(), "level": self.level, "reason_code": self.reason_code}


class OutcomeStory(EngagementPart):
    """What an engagement led to, told in words."""

    resource: ClassVar[str] = "outcome_story"

    engagement = models.ForeignKey(Engagement, on_delete=models.CASCADE, related_name="stories")
    kind = models.CharField(max_length=40)
    texts = LanguageMapField()
    spin_off_request = models.ForeignKey(
        "requests_app.TrainingRequest", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    external_id = models.CharField(max_length=120, blank=True)
    provenance = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["engagement_id", "id"]
        verbose_name_plural = "outcome stories"

    def __str__(self) -> str:
        return f"{self.kind} of {self.engagement_id}"

    def event_data(self) -> dict[str, Any]:
        """Engagement and kind."""
        return {**super().event_data(), "kind": self.kind}
