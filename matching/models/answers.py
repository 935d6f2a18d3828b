"""What partners and deciders said: other terms, and decisions beside what the engine had proposed."""

from django.db import models
from django.db.models import F, Q

from matching.models.proposals import MatchProposal, ProposalPart


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
                condition=Q(start_on__isnull=True) | Q(end_on__isnull=False, end_on__gte=F("start_on")),
                name="counter_period_ordered",
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
    # The absent person whose role ``by`` used: for recusal and four eyes the decision is of both.
    on_behalf_of = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
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

    @property
    def loss(self) -> int | None:
        """What the choice costs in score against the engine's first; None where the engine had not weighed both."""
        if self.engine_best is None or self.engine_score is None:
            return None
        return self.engine_best.score - self.engine_score
