"""Runs of the engine and what they were made from."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from marketplace.kernel.lifecycle import Lifecycle
from marketplace.records.models import EventScope, LifecycleRecord, state_is_known
from matching.lifecycle import RUN
from matching.models.policies import MatchingPolicy

REQUEST_MODES = ("request", "preview")
PLAN_MODES = ("portfolio", "what_if")
RUN_MODES = (*REQUEST_MODES, *PLAN_MODES, "pooling")
COMPARED = ("same", "differs", "inconclusive")  # outcomes of a replay
IMPOSSIBLE = "impossible"  # the outcome where there was nothing to compare


class SupplyPiece(models.Model):
    """A part of what was on offer, as it stands in the canonical JSON; stored once, however many snapshots have it."""

    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the content
    content = models.BinaryField()  # zlib

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.digest


class SupplySnapshot(models.Model):
    """All that was on offer, as canonical JSON; stored once, however many runs read it (content-addressed)."""

    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the whole content
    pieces = models.JSONField(
        null=True, blank=True
    )  # keys of its pieces in order; None: stored whole, before there were any
    content = models.BinaryField(blank=True)  # zlib; empty where it is in pieces
    first_used_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.digest


class MatchRun(LifecycleRecord):
    """One calculation of the engine: what went in, by which rules, what came out.

    ``request`` and ``preview`` rank one request; ``portfolio`` plans all open needs at once; ``what_if`` does so with
    changed weights, capacities or hypothetical offerings; ``pooling`` looks for needs that one joint session would serve.
    """

    resource: ClassVar[str] = "match_run"
    lifecycle: ClassVar[Lifecycle] = RUN
    MODES: ClassVar = [(mode, mode) for mode in RUN_MODES]

    mode = models.CharField(max_length=12, choices=MODES, default="request")
    request = models.ForeignKey(
        "requests_app.TrainingRequest", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    request_content_version = models.PositiveIntegerField(default=0)
    policy = models.ForeignKey(MatchingPolicy, on_delete=models.PROTECT, related_name="+")
    parameters = models.JSONField(default=dict)  # of planning runs: limits, locks, bans, budgets, floors, changes
    engine_version = models.CharField(max_length=20, blank=True)
    as_of = models.DateField(null=True, blank=True)
    exclusions = models.JSONField(default=list)  # offering ids left out (they refused)
    snapshot = models.BinaryField(null=True, blank=True)  # canonical inputs, zlib; the supply by its digest
    supply = models.ForeignKey(SupplySnapshot, null=True, blank=True, on_delete=models.PROTECT, related_name="runs")
    snapshot_digest = models.CharField(max_length=64, blank=True)
    output_digest = models.CharField(max_length=64, blank=True)
    result = models.JSONField(
        default=dict
    )  # near misses, conflicts; of planning runs objectives, bound, prices, report
    plan = models.BinaryField(null=True, blank=True)  # the solved instance, zlib: "why not" is answered from it
    timings = models.JSONField(default=dict)  # seconds by stage: beside the answer, never part of its digest
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    progress_stage = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    requested_by = models.CharField(max_length=200)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)  # a plan that became suggestions
    published_by = models.CharField(max_length=200, blank=True)
    publication = models.JSONField(default=dict)  # its job, who asked, how many requests of which outcome so far
    replay_asked_at = models.DateTimeField(null=True, blank=True)  # of the last replay in the background
    replayed_at = models.DateTimeField(null=True, blank=True)  # null while it is under way
    replay_outcome = models.CharField(max_length=16, blank=True)
    replayed_digest = models.CharField(max_length=64, blank=True)  # of the answer computed again
    replay_report = models.JSONField(default=dict)  # under way its job; then seconds, first difference, refusal

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["request", "state"], name="run_request_state")]
        constraints = [
            state_is_known(RUN, "match_run_state_known"),
            # One run at a time for a request, whoever asks for it; one plan of everything at a time.
            models.UniqueConstraint(
                fields=["request", "mode"], condition=Q(state__in=["queued", "running"]), name="one_run_at_a_time"
            ),
            models.UniqueConstraint(
                fields=["mode"],
                condition=Q(mode="portfolio", state__in=["queued", "running"]),
                name="one_plan_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(mode__in=REQUEST_MODES, request__isnull=False)
                | (~Q(mode__in=REQUEST_MODES) & Q(request__isnull=True)),
                name="run_of_a_request_has_one",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["complete", "no_solution"])
                | Q(finished_at__isnull=False, snapshot_digest__gt=""),
                name="finished_run_has_snapshot",
            ),
            models.CheckConstraint(
                condition=Q(published_at__isnull=True, published_by="")
                | Q(published_at__isnull=False, published_by__gt="", mode="portfolio"),
                name="run_publication_whole",
            ),
            models.CheckConstraint(
                condition=Q(replayed_at__isnull=True, replay_outcome="", replayed_digest="")
                | Q(
                    replay_asked_at__isnull=False,
                    replayed_at__isnull=False,
                    replay_outcome__in=COMPARED,
                    replayed_digest__gt="",
                )
                | Q(
                    replay_asked_at__isnull=False,
                    replayed_at__isnull=False,
                    replay_outcome=IMPOSSIBLE,
                    replayed_digest="",
                ),
                name="run_replay_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.public_id}"

    def event_scope(self, *, at: datetime) -> EventScope:
        """The requester learns of a run through its proposals."""
        return EventScope("secretariat")
