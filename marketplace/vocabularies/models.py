"""Coded lists with their sources: concepts, terms, places, rates and service levels.

Rows are read through `queries` (one cached snapshot); other apps store codes, never foreign keys to these tables.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from marketplace.records.fields import CodeListField, LanguageMapField
from marketplace.records.models import Record


class Scheme(models.Model):
    """A vocabulary as loaded: where it comes from, in which version, under which licence."""

    code = models.CharField(max_length=40, unique=True)
    kind = models.CharField(max_length=20)
    labels = LanguageMapField()
    version = models.CharField(max_length=40)
    source = models.TextField()
    licence = models.CharField(max_length=60)
    checksum = models.CharField(max_length=64)
    active = models.BooleanField(default=True)
    loaded_at = models.DateTimeField()

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code


class Concept(models.Model):
    """A concept of a SKOS scheme; `broader` and the matches are codes that the loader has checked."""

    scheme = models.ForeignKey(Scheme, on_delete=models.PROTECT, related_name="concepts")
    code = models.CharField(max_length=60, unique=True)
    notation = models.CharField(max_length=20, blank=True)
    broader = models.CharField(max_length=60, blank=True)
    pref_labels = LanguageMapField()
    alt_labels = models.JSONField(default=dict, blank=True)  # {language: [label, ...]}
    scope_notes = LanguageMapField()
    related = CodeListField()
    exact_match = CodeListField()
    close_match = CodeListField()
    narrow_match = CodeListField()
    provenance = models.JSONField(default=list, blank=True)  # [{document, quote}]
    order = models.PositiveIntegerField()
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["scheme_id", "order"]

    def __str__(self) -> str:
        return self.code


class Term(models.Model):
    """One code of a plain list: an audience, a reason, a language (BCP 47), a currency (ISO 4217)."""

    scheme = models.ForeignKey(Scheme, on_delete=models.PROTECT, related_name="terms")
    code = models.CharField(max_length=60)
    labels = LanguageMapField()
    order = models.PositiveIntegerField()
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["scheme_id", "order"]
        constraints = [models.UniqueConstraint(fields=["scheme", "code"], name="term_code_once_in_scheme")]

    def __str__(self) -> str:
        return self.code


class Region(models.Model):
    """An area of the M49 standard of the United Nations."""

    m49 = models.CharField(max_length=3, unique=True)
    labels = LanguageMapField()
    parent = models.CharField(max_length=3, blank=True)
    level = models.CharField(max_length=20)  # world | region | subregion | intermediate_region
    order = models.PositiveIntegerField()
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["order"]

    def __str__(self) -> str:
        return self.m49


class Country(models.Model):
    """A country or area of ISO 3166-1 with its place in M49 and its groups (LDC, LLDC, SIDS)."""

    alpha3 = models.CharField(max_length=3, unique=True)
    alpha2 = models.CharField(max_length=2)
    m49 = models.CharField(max_length=3)
    labels = LanguageMapField()
    region = models.CharField(max_length=3, blank=True)
    subregion = models.CharField(max_length=3, blank=True)
    intermediate_region = models.CharField(max_length=3, blank=True)
    is_ldc = models.BooleanField()
    is_lldc = models.BooleanField()
    is_sids = models.BooleanField()
    ldc_graduation_on = models.DateField(null=True, blank=True)  # scheduled, see data/README.md
    official_languages = CodeListField()
    un_status = models.CharField(max_length=12)  # member | observer | other_state | area | none
    order = models.PositiveIntegerField()
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["order"]
        verbose_name_plural = "countries"

    def __str__(self) -> str:
        return self.alpha3


class ExchangeRate(models.Model):
    """What one unit of a currency is worth in United States dollars from a day on."""

    currency = models.CharField(max_length=3)
    usd_per_unit = models.DecimalField(max_digits=20, decimal_places=10)
    valid_on = models.DateField()
    origin = models.CharField(max_length=120)

    class Meta:
        ordering = ["currency", "valid_on"]
        constraints = [
            models.UniqueConstraint(fields=["currency", "valid_on"], name="rate_once_a_day"),
            models.CheckConstraint(condition=Q(usd_per_unit__gt=0), name="rate_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.valid_on}"


class ServiceLevel(Record):
    """Who owes a step, in how many working days, who is told when it is late, and what the deadline does.

    Shipped as data and edited by the secretariat; an edited row is never overwritten by a reload.
    """

    resource: ClassVar[str] = "service_level"

    step = models.CharField(max_length=40, unique=True)
    labels = LanguageMapField()
    owner = models.CharField(max_length=32)  # kernel.lifecycle.Party
    working_days = models.PositiveIntegerField()
    remind_before = models.PositiveIntegerField(null=True, blank=True)  # working days before the deadline
    overdue_action = models.CharField(max_length=24)
    remind = CodeListField()  # parties that a reminder goes to
    escalate_to = models.CharField(max_length=16)
    on_overdue = LanguageMapField()
    deadline_effect = models.CharField(max_length=32)
    shipped_effect = models.CharField(max_length=32)  # what the step's operations know to do; the other choice is none
    effect_after_working_days = models.PositiveIntegerField(null=True, blank=True)  # counted from the deadline
    at_deadline = LanguageMapField()
    order = models.PositiveIntegerField()
    active = models.BooleanField(default=True)
    edited_at = models.DateTimeField(null=True, blank=True)
    edited_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["order"]
        constraints = [
            models.CheckConstraint(
                condition=Q(edited_at__isnull=True, edited_by="") | (Q(edited_at__isnull=False) & ~Q(edited_by="")),
                name="service_level_edit_has_author",
            ),
            models.CheckConstraint(condition=Q(working_days__gte=1), name="service_level_takes_a_day"),
            models.CheckConstraint(
                condition=Q(remind_before__isnull=True) | Q(remind_before__lt=models.F("working_days")),
                name="service_level_reminds_before_end",
            ),
        ]

    def __str__(self) -> str:
        return self.step

    @property
    def reference_text(self) -> str:
        """The step's code."""
        return self.step


class Revision(models.Model):
    """One row whose token changes with every change of any vocabulary: what the cached snapshots are compared with."""

    SINGLE: ClassVar[int] = 1

    token = models.CharField(max_length=32)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="revision_is_one_row")]

    def __str__(self) -> str:
        return self.token
