"""Where a provider's courses are read from, and what was told there the last time."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from marketplace.records.models import EventScope, Record
from providers.models.offerings import Offering
from providers.models.providers import Provider


class Harvest(Record):
    """A course catalogue of schema.org that is read into draft offerings, on schedule or when asked.

    ``report`` tells what came of the last run that read something; ``problem`` is why the last run read nothing.
    """

    resource: ClassVar[str] = "harvest"

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="harvests")
    source = models.CharField(max_length=100)  # of the offerings that come from here
    url = models.CharField(max_length=2_000, blank=True)  # empty: files are handed in by the command
    language = models.CharField(max_length=10, default="en")  # of texts that do not say theirs
    every_hours = models.PositiveIntegerField(default=0)  # 0: only when asked
    active = models.BooleanField(default=True)
    next_at = models.DateTimeField(null=True, blank=True)
    ran_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=40, blank=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    report = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["provider_id", "source"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "source"], name="harvest_source_once"),
            models.CheckConstraint(
                condition=Q(next_at__isnull=True) | (Q(active=True, every_hours__gt=0) & ~Q(url="")),
                name="harvest_scheduled_while_active",
            ),
            models.CheckConstraint(
                condition=Q(ran_at__isnull=False) | Q(problem="", failures=0), name="harvest_problem_of_a_run"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider_id}: {self.source}"

    @property
    def reference_text(self) -> str:
        """The provider's code and the name of the source."""
        return f"{self.provider.code}/{self.source}"

    @property
    def organization_for_audit(self) -> str:
        """Code of the provider's organization."""
        return self.provider.organization.code

    def event_scope(self, *, at: datetime) -> EventScope:
        """The provider's own affair."""
        return EventScope("organizations", frozenset({self.provider.organization_id}))

    def event_data(self) -> dict[str, Any]:
        """The provider's code."""
        return {"provider": self.provider.code}


class HarvestedCourse(models.Model):
    """A course of a harvested catalogue: the offering that came of it, and what the catalogue told of it last.

    ``told`` is the base of the next comparison. A column whose change there could not be taken over keeps its older value in
    it, so that the report tells of it until both sides agree.
    """

    harvest = models.ForeignKey(Harvest, on_delete=models.CASCADE, related_name="courses")
    key = models.CharField(max_length=200)
    offering = models.ForeignKey(Offering, on_delete=models.CASCADE, related_name="+")
    told = models.JSONField(default=dict)
    seen_at = models.DateTimeField()
    missing_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["harvest_id", "key"]
        constraints = [models.UniqueConstraint(fields=["harvest", "key"], name="harvested_course_once")]

    def __str__(self) -> str:
        return f"{self.harvest_id}: {self.key}"
