"""What a plan says of each line: served by whom, or not served and why."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from matching.models.proposals import SCORE_TOP
from matching.models.runs import MatchRun


class PlanLine(models.Model):
    """One line of one request in the plan of a run; theme, place, language and form are kept as they were planned."""

    OUTCOMES: ClassVar = [("served", "served"), ("unmet", "unmet")]

    run = models.ForeignKey(MatchRun, on_delete=models.CASCADE, related_name="plan_lines")
    request = models.ForeignKey("requests_app.TrainingRequest", on_delete=models.PROTECT, related_name="+")
    line = models.ForeignKey("requests_app.RequestLine", on_delete=models.PROTECT, related_name="+")
    content_version = models.PositiveIntegerField(default=1)  # of the request, as it was planned
    position = models.PositiveIntegerField()  # in the plan: most urgent class first, then reference and line
    priority_class = models.PositiveSmallIntegerField()  # 1 comes first
    theme = models.CharField(max_length=60)
    country = models.CharField(max_length=3, blank=True)
    region = models.CharField(max_length=3)  # M49, the nearest area around the country where none was named
    language = models.CharField(max_length=10, blank=True)
    forms = models.JSONField(default=list)  # accepted; empty: any
    outcome = models.CharField(max_length=8, choices=OUTCOMES)
    unmet_reason = models.CharField(max_length=40, blank=True)  # code list `unmet_reasons`
    eligible = models.PositiveIntegerField(default=0)  # offerings that fail no hard constraint
    best_score = models.PositiveIntegerField(null=True, blank=True)  # of the best of them, plan or no plan
    score = models.PositiveIntegerField(null=True, blank=True)  # of the one chosen; the difference is the regret
    offering = models.ForeignKey(
        "providers.Offering", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    hypothetical = models.CharField(max_length=60, blank=True)  # code of an invented offering of a what-if run
    choice = models.JSONField(default=dict)  # slot, dates, participants, deliveries, cost: the engine's own words
    alternates = models.JSONField(
        default=list
    )  # next best that would fit as well, each with what it would cost the plan
    reasons = models.JSONField(default=list)  # sentences: why this one, or what stands in the way
    shortage = models.JSONField(default=dict)  # of an unmet line: who competes for what, or what could be given up

    class Meta:
        ordering = ["run_id", "position"]
        indexes = [models.Index(fields=["run", "outcome"], name="plan_line_outcome")]
        constraints = [
            models.UniqueConstraint(fields=["run", "line"], name="line_once_in_a_plan"),
            models.CheckConstraint(
                condition=Q(outcome="unmet", offering__isnull=True, hypothetical="", score__isnull=True)
                | Q(outcome="served", score__isnull=False, offering__isnull=False, hypothetical="")
                | Q(outcome="served", score__isnull=False, offering__isnull=True, hypothetical__gt=""),
                name="plan_line_served_or_not",
            ),
            models.CheckConstraint(
                condition=Q(score__isnull=True) | Q(score__lte=SCORE_TOP), name="plan_line_score_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"line {self.line_id} in run {self.run_id}"
