"""What is offered."""

from datetime import date, datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from marketplace.kernel.lifecycle import Lifecycle
from marketplace.records.fields import CodeListField, LanguageMapField
from marketplace.records.marked import MarkedAsTest
from marketplace.records.models import EventScope, LifecycleRecord, state_is_known
from providers.lifecycle import OFFERING, TEST_OFFERINGS
from providers.models.providers import SCOPES, Provider, TrackRecordColumns, outcome_is_whole

VERDICTS = [(code, code) for code in ("none", "pending", "accepted", "refused")]
FACETS = [(code, code) for code in ("theme", "language", "audience", "country", "region", "governance_level")]


class Offering(MarkedAsTest, LifecycleRecord, TrackRecordColumns):
    """A course in the sense of schema.org: what can be delivered, to whom, in which form, at what cost."""

    resource: ClassVar[str] = "offering"
    lifecycle: ClassVar[Lifecycle] = OFFERING

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="offerings")
    code = models.CharField(max_length=60, blank=True)  # a name given by the group; most offerings have none
    external_id = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=100, blank=True)
    # what it is
    titles = LanguageMapField()
    summaries = LanguageMapField()
    objectives = models.JSONField(default=dict, blank=True)  # {language: [objective, ...]}
    prerequisites = LanguageMapField()
    language_of_record = models.CharField(max_length=10, default="en")
    themes = CodeListField()
    scheme_concepts = CodeListField()  # concepts of the provider's own scheme (CIFAL, Antwerp)
    form = models.CharField(max_length=40, blank=True)
    modality = models.CharField(max_length=20, blank=True)
    components = CodeListField()  # parts of the whole, in free codes of the provider
    sequence = CodeListField()  # parts in their order, such as in person, then an online test
    is_umbrella = models.BooleanField(default=False)  # a series, not itself bookable
    series = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="members")
    programme = models.ForeignKey(
        "accounts.Programme", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    # for whom
    languages = CodeListField()
    interpretation_possible = models.BooleanField(default=False)
    audiences = CodeListField()
    level = models.CharField(max_length=20, blank=True)
    governance_levels = CodeListField()
    customisable = models.BooleanField(default=False)  # audience, level and length may be adapted
    accepts_lead = models.BooleanField(
        default=True, db_default=True
    )  # the provider leads a team that delivers with it, if asked
    # where
    scope = models.CharField(max_length=10, choices=SCOPES, default="global")
    countries_served = CodeListField()
    regions_served = CodeListField()
    places = models.JSONField(default=list, blank=True)  # [{city, country, venue}]
    in_country_on_request = models.BooleanField(default=False)
    on_request = models.BooleanField(default=False)
    lead_time_days = models.PositiveIntegerField(default=0)  # calendar days
    # how much
    duration_hours = models.PositiveIntegerField(null=True, blank=True)
    workload_hours_per_week = models.PositiveIntegerField(null=True, blank=True)
    participants_min = models.PositiveIntegerField(null=True, blank=True)  # of one delivery
    participants_max = models.PositiveIntegerField(null=True, blank=True)
    cost_per_delivery = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    cost_per_participant = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    cost_includes = CodeListField()
    cost_items = models.JSONField(default=dict, blank=True)  # {item: "amount"} of one delivery; absent = not known
    award = models.CharField(max_length=20, default="none")
    accreditor = models.CharField(max_length=200, blank=True)
    reach = models.JSONField(default=list, blank=True)  # [{measure, value, per, qualifier}]: told, not evaluated
    # vetting
    vetting_panel = models.CharField(max_length=200, blank=True)
    vetting_verdict = models.CharField(max_length=10, choices=VERDICTS, default="none")
    vetted_on = models.DateField(null=True, blank=True)
    vetting_expires_on = models.DateField(null=True, blank=True)
    first_published_on = models.DateField(null=True, blank=True)
    provenance = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["provider", "state"], name="offering_provider_state"),
            models.Index(fields=["created_at", "id"], name="offering_by_creation"),
            models.Index(fields=["updated_at", "id"], name="offering_by_change"),
            models.Index(fields=["provider", "created_at"], name="offering_in_test_mode", condition=Q(is_test=True)),
        ]
        constraints = [
            state_is_known(OFFERING, "offering_state_known"),
            models.CheckConstraint(
                condition=Q(is_test=False) | Q(state__in=sorted(TEST_OFFERINGS)), name="offering_test_goes_no_further"
            ),
            outcome_is_whole("offering_outcome_whole"),
            models.UniqueConstraint(fields=["code"], condition=~Q(code=""), name="offering_code_once"),
            models.UniqueConstraint(
                fields=["provider", "source", "external_id", "is_test"],
                condition=~Q(external_id=""),
                name="offering_external_id_once",
            ),
            models.CheckConstraint(condition=Q(scope__in=["global", "listed"]), name="offering_scope_known"),
            models.CheckConstraint(
                condition=Q(participants_min__isnull=True)
                | Q(participants_max__isnull=True)
                | Q(participants_min__gte=1, participants_max__gte=F("participants_min")),
                name="offering_participants_ordered",
            ),
            models.CheckConstraint(
                condition=Q(cost_per_delivery__isnull=True, cost_per_participant__isnull=True) | ~Q(currency=""),
                name="offering_cost_has_currency",
            ),
            models.CheckConstraint(
                condition=(Q(cost_per_delivery__isnull=True) | Q(cost_per_delivery__gte=0))
                & (Q(cost_per_participant__isnull=True) | Q(cost_per_participant__gte=0)),
                name="offering_cost_not_negative",
            ),
            models.CheckConstraint(
                condition=~Q(state="published")
                | Q(vetting_verdict="accepted", vetted_on__isnull=False, first_published_on__isnull=False),
                name="published_offering_is_vetted",
            ),
            models.CheckConstraint(
                condition=Q(vetting_expires_on__isnull=True)
                | Q(vetted_on__isnull=False, vetting_expires_on__gte=F("vetted_on")),
                name="offering_vetting_ordered",
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
        return self.provider.organization.code

    @property
    def was_public(self) -> bool:
        """Tell whether the offering has ever stood in the public catalogue."""
        return self.first_published_on is not None

    def vetting_valid(self, on: date) -> bool:
        """Tell whether the panel has accepted the offering and its word still holds on ``on``."""
        ends = self.vetting_expires_on
        return self.vetting_verdict == "accepted" and (ends is None or ends >= on)

    def event_scope(self, *, at: datetime) -> EventScope:
        """A draft concerns its provider alone; what stood in the catalogue once is public."""
        audience = "public" if self.was_public else "organizations"
        programme = self.programme.code if self.programme is not None else ""
        return EventScope(audience, frozenset({self.provider.organization_id}), programme)

    def event_data(self) -> dict[str, Any]:
        """Codes of the provider and of the offering."""
        return {"provider": self.provider.code, "offering": self.reference_text}


class OfferingPartner(models.Model):
    """Another organization that takes part in delivering an offering."""

    offering = models.ForeignKey(Offering, on_delete=models.CASCADE, related_name="partners")
    organization = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=20)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["offering", "organization", "role"], name="offering_partner_once")
        ]

    def __str__(self) -> str:
        return f"{self.offering_id}: {self.organization_id} ({self.role})"


class OfferingFacet(models.Model):
    """One code of one list of an offering, so that filters find it by an index on both engines."""

    offering = models.ForeignKey(Offering, on_delete=models.CASCADE, related_name="facets")
    facet = models.CharField(max_length=20, choices=FACETS)
    code = models.CharField(max_length=60)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["facet", "code", "offering"], name="offering_facet_once"),
        ]

    def __str__(self) -> str:
        return f"{self.offering_id}: {self.facet}={self.code}"
