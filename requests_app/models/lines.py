"""Lines of a request, and who holds which participants of them (domain rule 1)."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from marketplace.kernel.lifecycle import Lifecycle
from marketplace.records.models import EventScope, LifecycleRecord, Record, state_is_known
from requests_app.lifecycle import LINE
from requests_app.models.requests import TrainingRequest


class RequestLine(LifecycleRecord):
    """Theme, audience, place and language with numbers of participants: a piece of the need that one partner may meet."""

    resource: ClassVar[str] = "request_line"
    lifecycle: ClassVar[Lifecycle] = LINE

    request = models.ForeignKey(TrainingRequest, on_delete=models.CASCADE, related_name="lines")
    number = models.PositiveSmallIntegerField()
    theme = models.CharField(max_length=60, blank=True, db_index=True)
    audience = models.CharField(max_length=60, blank=True)
    country = models.CharField(max_length=3, blank=True, db_index=True)
    region = models.CharField(max_length=3, blank=True, db_index=True)
    language = models.CharField(max_length=10, blank=True)
    participants_min = models.PositiveIntegerField(default=1)
    participants_max = models.PositiveIntegerField(default=1)
    claimed = models.PositiveIntegerField(default=0, editable=False)  # sum over the live claims
    divisible = models.BooleanField(default=False)  # may be split over several deliveries
    level = models.CharField(max_length=20, blank=True)
    governance_level = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["request_id", "number"]
        constraints = [
            state_is_known(LINE, "line_state_known"),
            models.UniqueConstraint(fields=["request", "number"], name="line_number_once"),
            models.CheckConstraint(
                condition=Q(participants_min__gte=1) & Q(participants_max__gte=F("participants_min")),
                name="line_participants_ordered",
            ),
            # Domain rule 1: live proposals and agreements never place more than the line has.
            models.CheckConstraint(condition=Q(claimed__lte=F("participants_max")), name="line_not_overplaced"),
            models.CheckConstraint(condition=Q(country="") | Q(region=""), name="line_has_one_place"),
            models.CheckConstraint(
                condition=Q(claimed=0) | ~Q(state__in=["unmet", "dropped"]), name="line_given_up_holds_nobody"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request_id} line {self.number}"

    @property
    def reference_text(self) -> str:
        """Reference of the request and number of the line."""
        return f"{self.request.reference_text}/{self.number}"

    @property
    def root(self) -> Record:
        """The request."""
        return self.request

    @property
    def organization_for_audit(self) -> str:
        """The requesting organization."""
        return self.request.organization_for_audit

    @property
    def free(self) -> int:
        """Participants that may still be placed."""
        return self.participants_max - self.claimed

    def event_scope(self, *, at: datetime) -> EventScope:
        """Those who read the body of the request."""
        return self.request.parts_scope(at=at)

    def event_data(self) -> dict[str, Any]:
        """Which line of which request."""
        return {"request": str(self.request.public_id), "line": self.number}


class LineClaim(models.Model):
    """Participants of a line that one part of a proposal or engagement holds; live until released."""

    line = models.ForeignKey(RequestLine, on_delete=models.CASCADE, related_name="claims")
    claimant = models.UUIDField(db_index=True)  # public id of the proposal's part
    participants = models.PositiveIntegerField()
    exclusive = models.BooleanField()  # the line is not divisible
    claimed_at = models.DateTimeField()
    agreed_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["line_id", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(participants__gte=0), name="claim_not_negative"),
            models.CheckConstraint(
                condition=Q(delivered_at__isnull=True) | Q(agreed_at__isnull=False), name="claim_delivered_after_agreed"
            ),
            models.UniqueConstraint(
                fields=["line", "claimant"], condition=Q(released_at__isnull=True), name="claim_once_per_claimant"
            ),
            # One live claim for an undivided line; what was delivered short leaves room for another.
            models.UniqueConstraint(
                fields=["line"],
                condition=Q(exclusive=True, released_at__isnull=True, delivered_at__isnull=True),
                name="claim_alone_on_undivided_line",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line_id}: {self.participants} by {self.claimant}"
