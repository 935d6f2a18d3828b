"""Policies, runs, proposals with parts that answer one by one, decisions and consents."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from marketplace.kernel.lifecycle import Lifecycle
from marketplace.records.fields import CodeListField, LanguageMapField, PeriodColumns, period_is_ordered
from marketplace.records.models import EventScope, LifecycleRecord, Record, state_is_known
from matching.lifecycle import LIVE_PROPOSALS, LOST_PARTS, PART, PROPOSAL, RUN
from requests_app.queries import requester_organizations

SCORE_TOP = 1_000_000


class MatchingPolicy(Record):
    """One published version of weights, switches and tolerances; never changed afterwards."""

    resource: ClassVar[str] = "matching_policy"

    number = models.PositiveIntegerField(unique=True)
    names = LanguageMapField()
    weights = models.JSONField()  # criterion -> whole number; they sum to 1000
    settings = models.JSONField(default=dict)  # switches, tolerances and limits of the engine's Policy
    current = models.BooleanField(default=False)
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=200)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["current"], condition=Q(current=True), name="one_current_policy"),
        ]

    def __str__(self) -> str:
        return f"policy {self.number}"

    @property
    def reference_text(self) -> str:
        """The number of the version."""
        return f"policy-{self.number}"

    def event_scope(self) -> EventScope:
        """How needs are ranked is open to the group."""
        return EventScope("group")


class SupplySnapshot(models.Model):
    """All that was on offer, as canonical JSON; stored once, however many runs read it (content-addressed)."""

    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the content
    content = models.BinaryField()  # zlib
    first_used_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.digest


class MatchRun(LifecycleRecord):
    """One ranking of one request: what went in, by which rules, what came out."""

    resource: ClassVar[str] = "match_run"
    lifecycle: ClassVar[Lifecycle] = RUN
    MODES: ClassVar = [("request", "request"), ("preview", "preview")]

    mode = models.CharField(max_length=12, choices=MODES, default="request")
    request = models.ForeignKey("requests_app.TrainingRequest", on_delete=models.PROTECT, related_name="+")
    request_content_version = models.PositiveIntegerField()
    policy = models.ForeignKey(MatchingPolicy, on_delete=models.PROTECT, related_name="+")
    engine_version = models.CharField(max_length=20, blank=True)
    as_of = models.DateField(null=True, blank=True)
    exclusions = models.JSONField(default=list)  # offering ids left out (they refused)
    snapshot = models.BinaryField(null=True, blank=True)  # canonical inputs, zlib; the supply by its digest
    supply = models.ForeignKey(SupplySnapshot, null=True, blank=True, on_delete=models.PROTECT, related_name="runs")
    snapshot_digest = models.CharField(max_length=64, blank=True)
    output_digest = models.CharField(max_length=64, blank=True)
    result = models.JSONField(default=dict)  # near misses, conflicts, priority; the whole answer of a preview
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    requested_by = models.CharField(max_length=200)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["request", "state"], name="run_request_state")]
        constraints = [
            state_is_known(RUN, "match_run_state_known"),
            # One run at a time for a request, whoever asks for it.
            models.UniqueConstraint(
                fields=["request", "mode"], condition=Q(state__in=["queued", "running"]), name="one_run_at_a_time"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["complete", "no_solution"])
                | Q(finished_at__isnull=False, snapshot_digest__gt=""),
                name="finished_run_has_snapshot",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.public_id}"

    def event_scope(self) -> EventScope:
        """The requester learns of a run through its proposals."""
        return EventScope("secretariat")


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
            models.UniqueConstraint(
                fields=["request", "combination"], condition=Q(state__in=LIVE_PROPOSALS), name="live_combination_once"
            ),
        ]

    def __str__(self) -> str:
        return f"proposal {self.public_id}"

    def event_scope(self) -> EventScope:
        """The requester's side, the partners that have been asked, and a provider that offered on its own."""
        partners = set(self.parts.filter(asked_at__isnull=False).values_list("provider__organization_id", flat=True))
        if self.origin == "provider":
            partners.add(self.lead.organization_id)
        return EventScope("organizations", requester_organizations(self.request_id) | partners)

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

    def event_scope(self) -> EventScope:
        """The requester's side and, once asked (or when it offered on its own), the partner."""
        partner = {self.provider.organization_id} if self.asked_at or self.proposal.origin == "provider" else set()
        return EventScope("organizations", requester_organizations(self.proposal.request_id) | partner)

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


class Counter(models.Model):
    """Other terms that a partner offers; empty columns leave the question as it was."""

    part = models.ForeignKey(ProposalPart, on_delete=models.CASCADE, related_name="counters")
    start_on = models.DateField(null=True, blank=True)
    end_on = models.DateField(null=True, blank=True)
    session = models.ForeignKey("providers.Session", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    participants = models.PositiveIntegerField(null=True, blank=True)
    language = models.CharField(max_length=10, blank=True)
    place = models.JSONField(default=dict)
    cost_amount = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    cost_currency = models.CharField(max_length=3, blank=True)
    terms = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=200)
    requester_consent = models.BooleanField(null=True)
    secretariat_consent = models.BooleanField(null=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=12, blank=True)  # agreed | rejected | lapsed | withdrawn

    class Meta:
        ordering = ["part_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["part"], condition=Q(closed_at__isnull=True), name="one_open_counter"),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, outcome="") | Q(closed_at__isnull=False, outcome__gt=""),
                name="counter_closed_has_outcome",
            ),
            models.CheckConstraint(
                condition=Q(start_on__isnull=True) | Q(end_on__gte=F("start_on")), name="counter_period_ordered"
            ),
        ]

    def __str__(self) -> str:
        return f"counter to part {self.part_id}"

    @property
    def precision(self) -> str:
        """Days are offered as days."""
        return "day"


class Decision(models.Model):
    """Who decided what, when and why; what the engine had proposed is kept beside."""

    proposal = models.ForeignKey(MatchProposal, on_delete=models.CASCADE, related_name="decisions")
    part = models.ForeignKey(ProposalPart, null=True, blank=True, on_delete=models.CASCADE, related_name="decisions")
    verb = models.CharField(max_length=30)
    by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    by_label = models.CharField(max_length=200)
    at = models.DateTimeField()
    reason_code = models.CharField(max_length=40, blank=True)
    reason_text = models.TextField(blank=True)
    proposal_version = models.PositiveIntegerField()
    round = models.PositiveIntegerField(default=1)  # a retracted approval begins a new round
    engine_rank = models.PositiveIntegerField(null=True, blank=True)
    engine_score = models.PositiveIntegerField(null=True, blank=True)
    engine_best = models.ForeignKey(MatchProposal, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.verb} by {self.by_label}"
