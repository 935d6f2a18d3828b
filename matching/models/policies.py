"""Policies: how needs are ranked, one published version after the other."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from marketplace.records.fields import LanguageMapField
from marketplace.records.models import EventScope, Record


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

    def event_scope(self, *, at: datetime) -> EventScope:
        """How needs are ranked is open to whoever is signed in."""
        return EventScope("public")
