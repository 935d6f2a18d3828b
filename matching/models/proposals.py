"""Proposals with parts that answer one by one."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from marketplace.kernel.lifecycle import Lifecycle
from marketplace.records.fields import CodeListField, PeriodColumns, period_is_ordered
from marketplace.records.models import EventScope, LifecycleRecord, Record, state_is_known
from matching.lifecycle import LIVE_PROPOSALS, LOST_PARTS, PART, PROPOSAL
from matching.models.runs import MatchRun
from requests_app.queries import requester_organizations

SCORE_TOP = 1_000_000


class MatchProposal(LifecycleRecord):
    """A way to serve a request: one lead and one or more parts, with score and reasons."""

    resource: ClassVar[str] = "proposal"
    lifecycle: ClassVar[Lifecycle] = PROPOSAL
    ORIGINS: ClassVar = [("engine", "engine"), ("provider", "provider"), ("secretariat", "secretariat")]
    CONSULTATIONS: ClassVar = [
        (code, code) for code in ("", "asked", "preferred", "no_objection", "objected", "overruled", "silent")
    ]

    request = models.ForeignKey("requests_app.TrainingRequest", on_delete=models.PROTECT, related_name="+")
    run = models.ForeignKey(MatchRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="proposals")
    origin = models.CharField(max_length=12, choices=ORIGINS, default="engine")
    lead = models.ForeignKey("providers.Provider", on_delete=models.PROTECT, related_name="+")
    rank = models.PositiveIntegerField(null=True, blank=True)  # in its run; 1 is best
    score = models.PositiveIntegerField(default=0)  # 0..10^6
    breakdown = models.JSONField(default=list)  # [{criterion, contribution}]; the contributions sum to the score
    reasons = models.JSONField(default=dict)  # {"lines": [per line: score, breakdown, flags], "sentences": [...]}
    evidence = models.PositiveIntegerField(default=0)  # weight that rests on evidence, per mille
    covers_all = models.BooleanField(default=True)
    uncovered = models.JSONField(default=list)  # line numbers that stay open
    flags = CodeListField()  # requester_is_partner, funding_to_be_found, adaptation_needed ...
    combination = models.CharField(max_length=64)  # digest of offerings, slots and lines: the same way twice is one
    consultation = models.CharField(max_length=12, blank=True, choices=CONSULTATIONS, default="")
    four_eyes = models.BooleanField(default=False)
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.CharField(max_length=200, blank=True)
    message = models.TextField(blank=True)  # of a provider that offers on its own
    ended_at = models.DateTimeField(null=True, blank=True)  # when it was answered for good other than by agreement
    ended_reason = models.CharField(max_length=40, blank=True)  # `decline_reasons` or `proposal_endings`
    ended_text = models.TextField(blank=True)

    class Meta:
        ordering = ["request_id", "rank", "-score", "id"]
        indexes = [models.Index(fields=["request", "state"], name="proposal_request_state")]
        constraints = [
            state_is_known(PROPOSAL, "proposal_state_known"),
            models.CheckConstraint(condition=Q(score__lte=SCORE_TOP), name="proposal_score_in_range"),
            models.CheckConstraint(
                condition=Q(approved_at__isnull=True, approved_by="")
                | Q(approved_at__isnull=False, approved_by__gt=""),
                name="proposal_approval_whole",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "confirmed"]) | Q(approved_at__isnull=False),
                name="proposal_approved_has_date",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_reason="", ended_text="")
                | Q(ended_at__isnull=False, ended_reason__gt=""),
                name="proposal_ending_whole",
            ),
            models.UniqueConstraint(
                fields=["request", "combination"], condition=Q(state__in=LIVE_PROPOSALS), name="live_combination_once"
            ),
        ]

    def __str__(self) -> str:
        return f"proposal {self.public_id}"

    def event_scope(self, *, at: datetime) -> EventScope:
        """The requester's side, the partners that have been asked, and a provider that offered on its own."""
        partners = set(self.parts.filter(asked_at__isnull=False).values_list("provider__organization_id", flat=True))
        if self.origin == "provider":
            partners.add(self.lead.organization_id)
        ids = requester_organizations(self.request) | partners
        return EventScope("organizations", ids, self.request.programme_code)

    def event_data(self) -> dict[str, Any]:
        """Which request it serves."""
        return {"request": self.request.reference_text, "origin": self.origin}


class ProposalPart(LifecycleRecord, PeriodColumns):
    """What one partner would deliver, with the partner's own answer."""

    resource: ClassVar[str] = "proposal_part"
    lifecycle: ClassVar[Lifecycle] = PART
    SLOTS: ClassVar = [(kind, kind) for kind in ("session", "capacity_window", "on_request", "open_access")]

    proposal = models.ForeignKey(MatchProposal, on_delete=models.CASCADE, related_name="parts")
    position = models.PositiveSmallIntegerField()
    provider = models.ForeignKey("providers.Provider", on_delete=models.PROTECT, related_name="+")
    offering = models.ForeignKey("providers.Offering", on_delete=models.PROTECT, related_name="+")
    slot_kind = models.CharField(max_length=16, choices=SLOTS)
    session = models.ForeignKey("providers.Session", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    window = models.ForeignKey(
        "providers.CapacityWindow", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    participants = models.PositiveIntegerField()
    deliveries = models.PositiveIntegerField(default=1)
    capacity_wanted = models.PositiveIntegerField(default=0)  # seats of the session, or units of the window
    language = models.CharField(max_length=10, blank=True)
    place = models.JSONField(default=dict)  # {"country", "city", "venue"}
    cost_amount = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    cost_currency = models.CharField(max_length=3, blank=True)
    terms = models.TextField(blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)  # first; from then on the partner knows of the proposal
    # Of the request, as it was when the part was proposed or its partner asked again; None where that was not kept.
    content_version = models.PositiveIntegerField(null=True, blank=True)
    answer_reason = models.CharField(max_length=40, blank=True)
    answer_text = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.CharField(max_length=200, blank=True)
    replaces = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="successors")
    gap_closed = models.BooleanField(default=False)  # the secretariat goes on without the lines of a refused part

    class Meta:
        ordering = ["proposal_id", "position", "id"]
        constraints = [
            state_is_known(PART, "part_state_known"),
            period_is_ordered("part_period_ordered"),
            models.CheckConstraint(condition=Q(participants__gt=0), name="part_has_participants"),
            models.CheckConstraint(
                condition=Q(slot_kind="session", session__isnull=False, window__isnull=True)
                | Q(slot_kind="capacity_window", window__isnull=False, session__isnull=True)
                | Q(slot_kind__in=["on_request", "open_access"], session__isnull=True, window__isnull=True),
                name="part_slot_whole",
            ),
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, answered_by="")
                | Q(answered_at__isnull=False, answered_by__gt=""),
                name="part_answer_whole",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["asked", "countered", "accepted", *LOST_PARTS]) | Q(asked_at__isnull=False),
                name="part_asked_has_date",
            ),
        ]

    def __str__(self) -> str:
        return f"part {self.position} of {self.proposal_id}"

    @property
    def root(self) -> Record:
        """A part counts on its proposal's version."""
        return self.proposal

    def event_scope(self, *, at: datetime) -> EventScope:
        """The requester's side and, once asked (or when it offered on its own), the partner."""
        partner = {self.provider.organization_id} if self.asked_at or self.proposal.origin == "provider" else set()
        request = self.proposal.request
        return EventScope("organizations", requester_organizations(request) | partner, request.programme_code)

    def event_data(self) -> dict[str, Any]:
        """Which proposal and request it belongs to."""
        return {"proposal": str(self.proposal.public_id), "request": self.proposal.request.reference_text}


class PartLine(models.Model):
    """How many participants of one request line a part takes."""

    part = models.ForeignKey(ProposalPart, on_delete=models.CASCADE, related_name="lines")
    line = models.ForeignKey("requests_app.RequestLine", on_delete=models.PROTECT, related_name="+")
    participants = models.PositiveIntegerField()

    class Meta:
        ordering = ["part_id", "line_id"]
        constraints = [
            models.UniqueConstraint(fields=["part", "line"], name="part_line_once"),
            models.CheckConstraint(condition=Q(participants__gt=0), name="part_line_has_participants"),
        ]

    def __str__(self) -> str:
        return f"{self.participants} of line {self.line_id}"
