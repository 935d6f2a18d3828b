"""Who offers training."""

from datetime import date, datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from marketplace.kernel.lifecycle import Lifecycle
from marketplace.records.fields import CodeListField, LanguageMapField
from marketplace.records.models import EventScope, LifecycleRecord, state_is_known
from providers.lifecycle import PROVIDER

SCOPES = [("global", "global"), ("listed", "listed")]
OUTCOME_TOP = 1000  # outcomes are normalised to 0..1000


class TrackRecordColumns(models.Model):
    """What others than the provider measured, worked out from the entries of the track record."""

    outcome_count = models.PositiveIntegerField(default=0, editable=False)  # evaluations
    outcome_answers = models.PositiveIntegerField(default=0, editable=False)  # people who answered them
    outcome_mean = models.PositiveSmallIntegerField(null=True, editable=False)  # 0..1000; None without an evaluation

    class Meta:
        abstract = True


def outcome_is_whole(name: str) -> models.CheckConstraint:
    """Give the constraint that there is a mean exactly where there are evaluations."""
    return models.CheckConstraint(
        condition=Q(outcome_count=0, outcome_mean__isnull=True)
        | Q(outcome_count__gt=0, outcome_mean__isnull=False, outcome_mean__lte=OUTCOME_TOP),
        name=name,
    )


class Provider(LifecycleRecord, TrackRecordColumns):
    """An organization in its role as provider; its state is its verification."""

    resource: ClassVar[str] = "provider"
    lifecycle: ClassVar[Lifecycle] = PROVIDER

    code = models.CharField(max_length=40, unique=True)
    organization = models.OneToOneField("accounts.Organization", on_delete=models.PROTECT, related_name="+")
    names = LanguageMapField()
    network_parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="network_members"
    )
    scope = models.CharField(max_length=10, choices=SCOPES, default="global")
    countries_served = CodeListField()  # ISO 3166-1 alpha-3; read where scope is listed
    regions_served = CodeListField()  # M49
    working_languages = CodeListField()  # BCP 47
    checks = CodeListField()  # what the secretariat has looked at
    verified_on = models.DateField(null=True, blank=True)
    verification_expires_on = models.DateField(null=True, blank=True)
    provenance = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["code"]
        constraints = [
            state_is_known(PROVIDER, "provider_state_known"),
            outcome_is_whole("provider_outcome_whole"),
            models.CheckConstraint(condition=Q(scope__in=["global", "listed"]), name="provider_scope_known"),
            models.CheckConstraint(
                condition=Q(network_parent__isnull=True) | ~Q(network_parent=F("id")), name="provider_not_own_network"
            ),
            models.CheckConstraint(
                condition=~Q(state="verified") | Q(verified_on__isnull=False), name="verified_provider_is_dated"
            ),
            models.CheckConstraint(
                condition=Q(verification_expires_on__isnull=True)
                | Q(verified_on__isnull=False, verification_expires_on__gte=F("verified_on")),
                name="provider_verification_ordered",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def reference_text(self) -> str:
        """The provider's code."""
        return self.code

    @property
    def organization_for_audit(self) -> str:
        """Code of the organization that provides."""
        return self.organization.code

    @property
    def is_public(self) -> bool:
        """Tell whether everyone signed in may know of this provider's standing: once it has been verified."""
        return self.verified_on is not None

    def in_standing(self, on: date) -> bool:
        """Tell whether the provider is verified and the verification has not ended on ``on``."""
        ends = self.verification_expires_on
        return self.state == "verified" and (ends is None or ends >= on)

    def event_scope(self, *, at: datetime) -> EventScope:
        """Once verified, what happens to a provider is public; before, it concerns the organization alone."""
        return EventScope("public" if self.is_public else "organizations", frozenset({self.organization_id}))

    def event_data(self) -> dict[str, Any]:
        """The code."""
        return {"provider": self.code}
