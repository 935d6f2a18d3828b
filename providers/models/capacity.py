"""What can still be delivered, and what is reserved of it."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from marketplace.kernel.lifecycle import Lifecycle
from marketplace.records.fields import PeriodColumns, period_is_ordered
from marketplace.records.models import EventScope, LifecycleRecord, Record, state_is_known
from providers.lifecycle import HOLD, LIVE_HOLDS
from providers.models.providers import Provider
from providers.models.sessions import Session

UNITS = [("trainer_days", "trainer_days"), ("parallel_deliveries", "parallel_deliveries")]
SEATS = "seats"  # the unit of holds on sessions


class CapacityWindow(Record, PeriodColumns):
    """What a provider can deliver in a period, in trainer days or deliveries side by side."""

    resource: ClassVar[str] = "capacity_window"

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="capacity_windows")
    code = models.CharField(max_length=60, blank=True)  # a name given by the group; most windows have none
    unit = models.CharField(max_length=24, choices=UNITS)
    quantity = models.PositiveIntegerField()
    held = models.PositiveIntegerField(default=0, editable=False)
    confirmed = models.PositiveIntegerField(default=0, editable=False)
    provenance = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["start_on", "id"]
        indexes = [models.Index(fields=["provider", "end_on"], name="window_provider_end")]
        constraints = [
            period_is_ordered("capacity_window_period_ordered"),
            models.CheckConstraint(
                condition=Q(start_on__isnull=False, end_on__isnull=False), name="capacity_window_is_dated"
            ),
            models.CheckConstraint(condition=Q(unit__in=[code for code, _ in UNITS]), name="capacity_unit_known"),
            # Domain rule 2, whatever the code above does.
            models.CheckConstraint(
                condition=Q(held__gte=0, confirmed__gte=0) & Q(quantity__gte=F("held") + F("confirmed")),
                name="capacity_never_overbooked",
            ),
            models.UniqueConstraint(fields=["code"], condition=~Q(code=""), name="capacity_window_code_once"),
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
        return self.provider.organization.code

    @property
    def free(self) -> int:
        """What is neither held nor confirmed, in the window's unit."""
        return self.quantity - self.held - self.confirmed

    def event_scope(self, *, at: datetime) -> EventScope:
        """How much a provider can still take on is its own affair and the secretariat's."""
        return EventScope("organizations", frozenset({self.provider.organization_id}))

    def event_data(self) -> dict[str, Any]:
        """Code of the provider."""
        return {"provider": self.provider.code}


class CapacityHold(LifecycleRecord):
    """A reservation of seats or capacity for one holder (the part of a proposal), with an end while it is not confirmed."""

    resource: ClassVar[str] = "capacity_hold"
    lifecycle: ClassVar[Lifecycle] = HOLD

    holder = models.UUIDField(db_index=True)  # public id of the part
    session = models.ForeignKey(Session, null=True, blank=True, on_delete=models.PROTECT, related_name="holds")
    window = models.ForeignKey(CapacityWindow, null=True, blank=True, on_delete=models.PROTECT, related_name="holds")
    quantity = models.PositiveIntegerField()  # seats, trainer days or deliveries
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            state_is_known(HOLD, "capacity_hold_state_known"),
            models.CheckConstraint(
                condition=Q(session__isnull=True) ^ Q(window__isnull=True), name="hold_is_on_one_thing"
            ),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="hold_is_of_something"),
            models.CheckConstraint(condition=~Q(state="held") | Q(expires_at__isnull=False), name="hold_has_an_end"),
            models.UniqueConstraint(
                fields=["holder", "session"], condition=Q(state__in=LIVE_HOLDS), name="one_live_hold_on_a_session"
            ),
            models.UniqueConstraint(
                fields=["holder", "window"], condition=Q(state__in=LIVE_HOLDS), name="one_live_hold_on_a_window"
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(state="held"), name="hold_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} for {self.holder} ({self.state})"

    @property
    def place(self) -> Session | CapacityWindow:
        """The session or window on which the hold lies."""
        found = self.session or self.window
        if found is None:
            raise ValueError("a hold lies on a session or on a window")
        return found

    @property
    def unit(self) -> str:
        """The unit of ``quantity``."""
        return SEATS if self.window is None else self.window.unit

    @property
    def root(self) -> Record:
        """The session or window, whose free capacity changes with the hold."""
        return self.place

    @property
    def provider(self) -> Provider:
        """Whose capacity is held."""
        return self.session.offering.provider if self.session is not None else self._window_provider()

    def _window_provider(self) -> Provider:
        if self.window is None:
            raise ValueError("a hold lies on a session or on a window")
        return self.window.provider

    @property
    def organization_for_audit(self) -> str:
        """Code of the provider's organization."""
        return self.provider.organization.code

    def event_scope(self, *, at: datetime) -> EventScope:
        """The provider learns of it, and the secretariat; who asked stays unsaid."""
        return EventScope("organizations", frozenset({self.provider.organization_id}))

    def event_data(self) -> dict[str, Any]:
        """What is held, and for which part."""
        return {
            "provider": self.provider.code,
            "place": self.place.resource,
            "place_id": str(self.place.public_id),
            "holder": str(self.holder),
            "quantity": self.quantity,
            "unit": self.unit,
        }
