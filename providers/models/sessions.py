"""Dated deliveries that anybody may join."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from marketplace.kernel.lifecycle import Lifecycle
from marketplace.records.fields import CodeListField, PeriodColumns, period_is_ordered
from marketplace.records.models import EventScope, LifecycleRecord, state_is_known
from providers.lifecycle import BOOKABLE_SESSIONS, SESSION
from providers.models.offerings import Offering


class Session(LifecycleRecord, PeriodColumns):
    """A course instance in the sense of schema.org: dates, place, language, seats."""

    resource: ClassVar[str] = "session"
    lifecycle: ClassVar[Lifecycle] = SESSION

    offering = models.ForeignKey(Offering, on_delete=models.PROTECT, related_name="sessions")
    code = models.CharField(max_length=60, blank=True)  # a name given by the group; most sessions have none
    external_id = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=100, blank=True)
    enrolment_deadline = models.DateField(null=True, blank=True)
    modality = models.CharField(max_length=20)
    city = models.CharField(max_length=200, blank=True)
    country = models.CharField(max_length=3, blank=True)  # empty: online, or not settled yet
    venue = models.CharField(max_length=300, blank=True)
    languages = CodeListField()
    seats_total = models.PositiveIntegerField()
    seats_min = models.PositiveIntegerField(default=1)
    seats_held = models.PositiveIntegerField(default=0, editable=False)
    seats_confirmed = models.PositiveIntegerField(default=0, editable=False)
    original_period = models.JSONField(null=True, blank=True)
    provenance = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["start_on", "id"]
        indexes = [
            models.Index(fields=["offering", "state", "end_on"], name="session_offering_state"),
            models.Index(fields=["start_on", "id"], name="session_by_start"),
            models.Index(fields=["updated_at", "id"], name="session_by_change"),
        ]
        constraints = [
            state_is_known(SESSION, "session_state_known"),
            period_is_ordered("session_period_ordered"),
            models.CheckConstraint(condition=Q(start_on__isnull=False, end_on__isnull=False), name="session_is_dated"),
            # Domain rule 2, whatever the code above does.
            models.CheckConstraint(
                condition=Q(seats_held__gte=0, seats_confirmed__gte=0)
                & Q(seats_total__gte=F("seats_held") + F("seats_confirmed")),
                name="session_never_overbooked",
            ),
            models.CheckConstraint(
                condition=Q(seats_min__gte=1, seats_total__gte=F("seats_min")), name="session_seats_ordered"
            ),
            models.UniqueConstraint(fields=["code"], condition=~Q(code=""), name="session_code_once"),
            models.UniqueConstraint(
                fields=["offering", "source", "external_id"],
                condition=~Q(external_id=""),
                name="session_external_id_once",
            ),
        ]

    def __str__(self) -> str:
        return self.reference_text

    @property
    def reference_text(self) -> str:
        """The code where there is one."""
        return self.code or str(self.public_id)

    @property
    def organization_for_audit(self) -> str:
        """Code of the provider's organization."""
        return self.offering.organization_for_audit

    @property
    def seats_free(self) -> int:
        """Seats that are neither held nor confirmed."""
        return self.seats_total - self.seats_held - self.seats_confirmed

    @property
    def is_full(self) -> bool:
        """Tell whether a session that takes bookings has no seat left."""
        return self.state in BOOKABLE_SESSIONS and self.seats_free == 0

    def event_scope(self, *, at: datetime) -> EventScope:
        """Whoever may know of the offering may know of its sessions."""
        return self.offering.event_scope(at=at)

    def event_data(self) -> dict[str, Any]:
        """Codes of provider, offering and session, and the dates."""
        return {
            **self.offering.event_data(),
            "offering_id": str(self.offering.public_id),
            "session": self.reference_text,
            "start": self.start_on.isoformat() if self.start_on else None,
            "end": self.end_on.isoformat() if self.end_on else None,
        }
