"""Searches of needs that a provider has saved, and of which needs each has been told."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from marketplace.records.fields import CodeListField
from marketplace.records.models import EventScope, Record

FITS = ("eligible", "near_miss", "undetermined")  # the nearest first


class NeedWatch(Record):
    """What a provider wants to be told of: needs that meet these filters and that its offerings fit at least so well."""

    resource: ClassVar[str] = "need_watch"
    FIT_CHOICES: ClassVar = [(fit, fit) for fit in FITS]

    provider = models.ForeignKey("providers.Provider", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    themes = CodeListField()  # empty, here and below: any
    countries = CodeListField()
    regions = CodeListField()
    languages = CodeListField()
    forms = CodeListField()
    modalities = CodeListField()
    window_from = models.DateField(null=True, blank=True)
    window_to = models.DateField(null=True, blank=True)
    words = models.CharField(max_length=200, blank=True)
    minimum_fit = models.CharField(max_length=12, choices=FIT_CHOICES, default="near_miss")
    minimum_score = models.PositiveSmallIntegerField(default=0)  # 0..100, of needs that fit wholly
    active = models.BooleanField(default=True)
    told = models.PositiveIntegerField(default=0, editable=False)  # needs so far
    told_at = models.DateTimeField(null=True, editable=False)  # the last time

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "name"], name="need_watch_name_once"),
            models.CheckConstraint(condition=Q(minimum_fit__in=FITS), name="need_watch_fit_known"),
            models.CheckConstraint(condition=Q(minimum_score__lte=100), name="need_watch_score_in_range"),
            models.CheckConstraint(
                condition=Q(told=0, told_at__isnull=True) | Q(told__gte=1, told_at__isnull=False),
                name="need_watch_told_with_date",
            ),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(active=True), name="need_watch_active")]

    def __str__(self) -> str:
        return f"{self.provider_id}: {self.name}"

    @property
    def reference_text(self) -> str:
        """The provider's code and the name of the search."""
        return f"{self.provider.code}/{self.name}"

    @property
    def organization_for_audit(self) -> str:
        """Code of the provider's organization."""
        return self.provider.organization.code

    def event_scope(self, *, at: datetime) -> EventScope:
        """The provider's own affair."""
        return EventScope("organizations", frozenset({self.provider.organization_id}))

    def event_data(self) -> dict[str, Any]:
        """Whose it is, and what it is called."""
        return {"provider": self.provider.code, "name": self.name}


class ToldNeed(models.Model):
    """A need of which a watch has been told: once and never again, whatever becomes of either."""

    watch = models.ForeignKey(NeedWatch, on_delete=models.CASCADE, related_name="told_needs")
    request = models.ForeignKey("requests_app.TrainingRequest", on_delete=models.CASCADE, related_name="+")
    fit = models.CharField(max_length=12, choices=NeedWatch.FIT_CHOICES)
    told_at = models.DateTimeField()

    class Meta:
        ordering = ["watch_id", "id"]
        constraints = [models.UniqueConstraint(fields=["watch", "request"], name="told_need_once")]

    def __str__(self) -> str:
        return f"{self.watch_id} told of {self.request_id}"
