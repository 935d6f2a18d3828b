"""How deliveries turned out, in the eyes of others than the provider (domain rule 8)."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from marketplace.records.models import EventScope, Record
from providers.models.offerings import Offering
from providers.models.providers import OUTCOME_TOP, Provider

SOURCES = [(code, code) for code in ("participants", "requester", "external")]  # never the provider itself


class TrackRecordEntry(Record):
    """The result of one evaluation, normalised."""

    resource: ClassVar[str] = "track_record_entry"

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="outcomes")
    offering = models.ForeignKey(Offering, null=True, blank=True, on_delete=models.PROTECT, related_name="outcomes")
    evaluation_id = models.UUIDField(unique=True)  # public id of the evaluation
    level = models.PositiveSmallIntegerField()  # Kirkpatrick 1..4
    value = models.PositiveSmallIntegerField()  # 0..1000
    answered = models.PositiveIntegerField()
    source = models.CharField(max_length=20, choices=SOURCES)
    happened_at = models.DateTimeField()

    class Meta:
        ordering = ["-happened_at", "-id"]
        verbose_name_plural = "track record entries"
        constraints = [
            models.CheckConstraint(condition=Q(level__gte=1, level__lte=4), name="outcome_level_known"),
            models.CheckConstraint(condition=Q(value__gte=0, value__lte=OUTCOME_TOP), name="outcome_normalised"),
            models.CheckConstraint(condition=Q(answered__gte=1), name="outcome_has_answers"),
            models.CheckConstraint(
                condition=Q(source__in=[code for code, _ in SOURCES]), name="outcome_never_from_the_provider"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider_id}: level {self.level}, {self.value}"

    @property
    def organization_for_audit(self) -> str:
        """Code of the provider's organization."""
        return self.provider.organization.code

    def event_scope(self, *, at: datetime) -> EventScope:
        """The provider learns of it, and the secretariat."""
        return EventScope("organizations", frozenset({self.provider.organization_id}))

    def event_data(self) -> dict[str, object]:
        """Provider and level; the value is read in the evaluation."""
        return {"provider": self.provider.code, "level": self.level}
