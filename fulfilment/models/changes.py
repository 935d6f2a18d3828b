"""Changes of what was agreed: proposed by one side, agreed by the others, applied in one transaction."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from fulfilment.lifecycle import CHANGE, SIDES
from fulfilment.models.engagements import Engagement
from marketplace.kernel.lifecycle import Lifecycle, Party, Step
from marketplace.records.models import EventScope, LifecycleRecord, Record, state_is_known


class Change(LifecycleRecord):
    """Other dates, place, scope, partner or budget; ``terms`` is `operations.ChangeTerms` as JSON."""

    resource: ClassVar[str] = "engagement_change"
    lifecycle: ClassVar[Lifecycle] = CHANGE

    engagement = models.ForeignKey(Engagement, on_delete=models.CASCADE, related_name="changes")
    proposed_side = models.CharField(max_length=12, choices=[(side, side) for side in SIDES])
    proposed_by = models.CharField(max_length=200)
    terms = models.JSONField()
    former = models.JSONField(default=dict)  # what the change replaced, kept when it is applied
    reason_text = models.TextField(blank=True)
    agreements = models.JSONField(default=dict)  # {side: {"at": ..., "by": ...}}
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["engagement_id", "id"]
        constraints = [
            state_is_known(CHANGE, "change_state_known"),
            models.UniqueConstraint(fields=["engagement"], condition=Q(state="proposed"), name="one_open_change"),
            models.CheckConstraint(
                condition=~Q(state="agreed") | Q(applied_at__isnull=False), name="agreed_is_applied"
            ),
        ]

    def __str__(self) -> str:
        return f"change of {self.engagement_id}"

    @property
    def root(self) -> Record:
        """A change counts on its engagement's version."""
        return self.engagement

    @property
    def missing_sides(self) -> tuple[str, ...]:
        """The sides that have not agreed yet."""
        return tuple(side for side in SIDES if side not in self.agreements)

    @property
    def offering_ids(self) -> frozenset[int]:
        """The offerings (keys) that the change asks for, and that may bring other partners in."""
        return frozenset(row["offering_id"] for row in self.terms.get("deliveries", []) if "offering_id" in row)

    def usual_step(self) -> Step | None:
        """Whoever has not agreed yet owes the answer."""
        step = super().usual_step()
        missing = self.missing_sides
        if step is None or not missing:
            return step
        if missing == ("requester", "secretariat"):
            return Step(step.code, Party.REQUESTER_AND_SECRETARIAT)
        return Step(step.code, Party(missing[0]))

    @property
    def organization_for_audit(self) -> str:
        """Code of the lead of the engagement."""
        return self.engagement.organization_for_audit

    def event_scope(self, *, at: datetime) -> EventScope:
        """All parties of the engagement."""
        return self.engagement.event_scope(at=at)

    def event_data(self) -> dict[str, Any]:
        """Which engagement, and what kinds of things change."""
        return {"engagement": self.engagement.reference, "changes": sorted(self.terms)}
