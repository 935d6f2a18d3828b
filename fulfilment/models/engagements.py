"""The agreed whole: parties with roles, lines, shares of the cost."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from fulfilment.lifecycle import CLOSE, COST_SHARE, ENGAGEMENT, EVALUATE
from marketplace.kernel.lifecycle import Lifecycle, Step
from marketplace.records.fields import CodeListField, PeriodColumns, period_is_ordered
from marketplace.records.models import EventScope, LifecycleRecord, Record, state_is_known

# Roles of partners as in the vocabulary `partner_roles`, and those who asked.
PARTNER_ROLES = ("lead", "co_lead", "member", "facilitator", "host", "funder")
DELIVERING_ROLES = ("lead", "co_lead", "member", "facilitator")
PARTY_ROLES = (*PARTNER_ROLES, "requester")


class EngagementCounter(models.Model):
    """The number of the last engagement of a year; references have no gap and are never reused."""

    year = models.PositiveSmallIntegerField(unique=True)
    last = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.year}: {self.last}"


class Engagement(LifecycleRecord, PeriodColumns):
    """What requester and partners agreed to do; the period spans its deliveries."""

    resource: ClassVar[str] = "engagement"
    lifecycle: ClassVar[Lifecycle] = ENGAGEMENT
    ORIGINS: ClassVar = [("matching", "matching"), ("import", "import")]

    reference = models.CharField(max_length=20, unique=True)
    request = models.ForeignKey("requests_app.TrainingRequest", on_delete=models.PROTECT, related_name="+")
    requesting_organization = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="+")
    lead_organization = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="+")
    proposal_id = models.UUIDField(null=True, blank=True, unique=True)  # public id of the proposal; imports have none
    origin = models.CharField(max_length=10, choices=ORIGINS, default="matching")
    source = models.CharField(max_length=60, blank=True)
    external_id = models.CharField(max_length=120, blank=True)
    budget_amount = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    budget_currency = models.CharField(max_length=3, blank=True)
    required_levels = CodeListField()  # Kirkpatrick levels (numbers) that closing needs
    missing_levels = CodeListField()  # those of them neither evaluated nor waived
    held_from = models.CharField(max_length=32, blank=True)  # the state that the hold interrupted
    hold_reason = models.CharField(max_length=40, blank=True)
    cancel_reason = models.CharField(max_length=40, blank=True)
    original_period = models.JSONField(null=True, blank=True)
    provenance = models.JSONField(default=dict, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["request", "state"], name="engagement_request_state")]
        constraints = [
            state_is_known(ENGAGEMENT, "engagement_state_known"),
            period_is_ordered("engagement_period_ordered"),
            models.CheckConstraint(condition=~Q(state="on_hold") | Q(held_from__gt=""), name="held_from_somewhere"),
            models.CheckConstraint(condition=~Q(state="closed") | Q(closed_at__isnull=False), name="closed_is_dated"),
            models.CheckConstraint(
                condition=~Q(state="cancelled") | Q(cancel_reason__gt=""), name="cancelled_has_reason"
            ),
            models.CheckConstraint(
                condition=Q(budget_amount__isnull=True) | Q(budget_amount__gte=0, budget_currency__gt=""),
                name="engagement_budget_whole",
            ),
            models.UniqueConstraint(
                fields=["source", "external_id"], condition=Q(external_id__gt=""), name="engagement_external_id_once"
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference_text(self) -> str:
        """The reference, such as ENG-2026-0001."""
        return self.reference

    @property
    def organization_for_audit(self) -> str:
        """Code of the lead."""
        return self.lead_organization.code

    def usual_step(self) -> Step | None:
        """While evaluating, the first missing level is owed; then the secretariat closes."""
        if self.state == "evaluating":
            return EVALUATE[self.missing_levels[0]] if self.missing_levels else CLOSE
        return super().usual_step()

    def event_scope(self, *, at: datetime) -> EventScope:
        """All parties; who is of the requester for some countries only, as far as its lines are in these."""
        rows = self.parties.order_by().values_list("organization_id", "engagement__lines__line__country").distinct()
        ids, countries = {pk for pk, _ in rows}, {code for _, code in rows if code}
        return EventScope(
            "organizations",
            frozenset(ids),
            self.request.programme_code,
            countries=frozenset(countries),
            organization_id=self.requesting_organization_id,
        )

    def event_data(self) -> dict[str, Any]:
        """Which request it serves."""
        return {"request": self.request.reference_text, "lead": self.lead_organization.code}


class EngagementParty(models.Model):
    """An organization of the engagement with its role."""

    engagement = models.ForeignKey(Engagement, on_delete=models.CASCADE, related_name="parties")
    organization = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=20)

    class Meta:
        ordering = ["engagement_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["engagement", "organization", "role"], name="party_once"),
            models.UniqueConstraint(fields=["engagement"], condition=Q(role="lead"), name="one_lead"),
            models.CheckConstraint(condition=Q(role__in=PARTY_ROLES), name="party_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.engagement_id}"


class EngagementLine(models.Model):
    """How many participants of a request line a part of the engagement serves."""

    engagement = models.ForeignKey(Engagement, on_delete=models.CASCADE, related_name="lines")
    line = models.ForeignKey("requests_app.RequestLine", on_delete=models.PROTECT, related_name="+")
    part_id = models.UUIDField()  # claimant of the line
    participants = models.PositiveIntegerField()

    class Meta:
        ordering = ["engagement_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["line", "part_id"], name="engagement_line_once"),
            models.CheckConstraint(condition=Q(participants__gte=0), name="engagement_line_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.participants} of line {self.line_id}"


class CostShare(LifecycleRecord):
    """What an organization bears of the cost, in cash or in kind."""

    resource: ClassVar[str] = "cost_share"
    lifecycle: ClassVar[Lifecycle] = COST_SHARE

    engagement = models.ForeignKey(Engagement, on_delete=models.CASCADE, related_name="cost_shares")
    organization = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=[("cash", "cash"), ("in_kind", "in_kind")])
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    agreement_reference = models.CharField(max_length=120, blank=True)
    actual_amount = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)  # in `currency`
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["engagement_id", "id"]
        constraints = [
            state_is_known(COST_SHARE, "cost_share_state_known"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="cost_share_positive"),
            models.CheckConstraint(
                condition=~Q(state="received") | Q(actual_amount__isnull=False, actual_amount__gte=0),
                name="received_share_has_actual",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} for {self.engagement_id}"

    @property
    def root(self) -> Record:
        """A share counts on its engagement's version."""
        return self.engagement

    @property
    def organization_for_audit(self) -> str:
        """Who bears the share."""
        return self.organization.code

    def event_scope(self, *, at: datetime) -> EventScope:
        """All parties of the engagement."""
        return self.engagement.event_scope(at=at)

    def event_data(self) -> dict[str, Any]:
        """Which engagement it belongs to; the amount stays inside."""
        return {"engagement": self.engagement.reference, "organization": self.organization.code, "kind": self.kind}
