"""What callers may set for a plan of all open needs, and what a "what if" may change."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from marketplace.api.serializers import (
    CodeField,
    Example,
    LanguageMapField,
    MoneyField,
    PeriodField,
    ReferenceField,
    StrictSerializer,
)
from marketplace.kernel.money import Money

ENTRIES = 200  # of one list
REQUESTS = 2_000
SECONDS, CANDIDATES, ALTERNATES = 900, 100, 10
PEOPLE, DAYS, HOURS = 1_000_000, 3_650, 10_000
CENTS = 14  # digits of an amount


def as_json(value: Any) -> Any:
    """Give checked input as it is stored: days as ISO dates, amounts as text."""
    if isinstance(value, Money):
        return {"amount": f"{value.amount:.2f}", "currency": value.currency}
    if isinstance(value, Mapping):
        return _period(value) if "start_on" in value else {name: as_json(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(entry) for entry in value]
    if isinstance(value, date | Decimal):
        return str(value)
    return value


def _period(value: Mapping[str, Any]) -> dict[str, str]:
    return {"start": str(value["start_on"]), "end": str(value["end_on"]), "precision": str(value["precision"])}


def _codes(scheme: str, *, required: bool = False) -> serializers.ListField:
    return serializers.ListField(child=CodeField(scheme), max_length=300, required=required, allow_empty=not required)


def _count(highest: int, *, lowest: int = 0, required: bool = False) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=lowest, max_value=highest, required=required)


def _entries(kind: Any, *, most: int = ENTRIES, **options: Any) -> Any:
    """Make the field for a list of things of one shape (the stubs do not know what `many` makes of a serializer)."""
    return kind(many=True, required=False, max_length=most, **options)


def _amount() -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=CENTS, decimal_places=2, min_value=Decimal(0), required=False)


class PlanBudgetIn(StrictSerializer):
    """What may be spent in all, or by one funder (organization code) on the requests that it funds."""

    funder = ReferenceField(required=False)
    limit = MoneyField()


class PlanFloorIn(StrictSerializer):
    """At least so many lines of a group are served."""

    group = serializers.CharField(max_length=60, help_text="`ldc`, `lldc`, `sids`, or `agency:` and a code.")
    minimum = serializers.IntegerField(min_value=1, max_value=PEOPLE)


class ProviderLoadIn(StrictSerializer):
    """How many lines a provider serves: at least and at most."""

    default_error_messages = {"order": _("The highest number must not be below the lowest.")}

    provider = ReferenceField()
    minimum = _count(PEOPLE)
    maximum = _count(PEOPLE)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check the order. Raises serializers.ValidationError."""
        if attrs.get("maximum", PEOPLE) < attrs.get("minimum", 0):
            raise serializers.ValidationError(
                {"maximum": [serializers.ErrorDetail(str(self.error_messages["order"]), "order")]}
            )
        return attrs


class PlanMarkIn(StrictSerializer):
    """One offering for one line of one request."""

    request = ReferenceField()
    line = serializers.IntegerField(min_value=1)
    offering = ReferenceField()


class FreeCapacityIn(StrictSerializer):
    """Another number of free seats of a session, or of free units of a capacity window."""

    default_error_messages = {"one_of": _("Name either a session or a capacity window.")}

    session = ReferenceField(required=False)
    capacity_window = ReferenceField(required=False)
    free = serializers.IntegerField(min_value=0, max_value=PEOPLE)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check that exactly one is named. Raises serializers.ValidationError."""
        if ("session" in attrs) == ("capacity_window" in attrs):
            raise serializers.ValidationError(
                {"session": [serializers.ErrorDetail(str(self.error_messages["one_of"]), "one_of")]}
            )
        return attrs


class InventedSessionIn(StrictSerializer):
    """A dated delivery of an invented offering."""

    period = PeriodField()
    country = CodeField("countries", required=False)
    city = serializers.CharField(max_length=200, required=False)
    languages = _codes("languages")
    seats_total = serializers.IntegerField(min_value=1, max_value=PEOPLE)


class InventedCapacityIn(StrictSerializer):
    """How often an invented offering can be delivered in a period."""

    period = PeriodField()
    unit = CodeField("capacity_units")
    quantity = serializers.IntegerField(min_value=0, max_value=PEOPLE)


class InventedOfferingIn(StrictSerializer):
    """An offering that nobody has made yet, shaped as offerings are; without countries or regions it serves the world."""

    default_error_messages = {"order": _("The highest number must not be below the lowest.")}

    code = serializers.RegexField(r"^[A-Za-z0-9._-]{1,40}$")
    provider = ReferenceField(required=False, help_text="One that exists; else the offering has a provider of its own.")
    titles = LanguageMapField(max_length=200, required=False)
    themes = _codes("themes", required=True)
    form = CodeField("forms")
    modality = CodeField("modalities")
    languages = _codes("languages", required=True)
    interpretation_possible = serializers.BooleanField(required=False)
    audiences = _codes("audiences", required=True)
    level = CodeField("levels", required=False)
    governance_levels = _codes("governance_levels")
    countries_served = _codes("countries")
    regions_served = _codes("regions")
    duration_hours = serializers.IntegerField(min_value=1, max_value=HOURS)
    participants_min = serializers.IntegerField(min_value=1, max_value=PEOPLE)
    participants_max = serializers.IntegerField(min_value=1, max_value=PEOPLE)
    cost_per_delivery = _amount()
    cost_per_participant = _amount()
    currency = CodeField("currencies", max_length=3, required=False)
    on_request = serializers.BooleanField(required=False)
    in_country_on_request = serializers.BooleanField(required=False)
    lead_time_days = _count(DAYS)
    customisable = serializers.BooleanField(required=False)
    accepts_lead = serializers.BooleanField(required=False)
    award = CodeField("awards", required=False)
    sessions = _entries(InventedSessionIn, most=50)
    capacity = _entries(InventedCapacityIn, most=50)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check the group. Raises serializers.ValidationError."""
        if attrs["participants_max"] < attrs["participants_min"]:
            raise serializers.ValidationError(
                {"participants_max": [serializers.ErrorDetail(str(self.error_messages["order"]), "order")]}
            )
        return attrs


class PlanChangesIn(StrictSerializer):
    """What a "what if" changes; weights are all weights, whole numbers that sum to 1000."""

    weights = serializers.DictField(child=serializers.IntegerField(min_value=0, max_value=1000), required=False)
    capacities = _entries(FreeCapacityIn)
    offerings = _entries(InventedOfferingIn)


class PlanParametersIn(StrictSerializer):
    """Scope, limits and wishes of a plan; all may be left out."""

    example: ClassVar[Example] = {
        "priority_classes": [1, 2],
        "budgets": [{"limit": {"amount": "400000.00", "currency": "USD"}}],
        "floors": [{"group": "ldc", "minimum": 3}],
        "most_lines_of_a_provider": 5,
        "locks": [{"request": "GMG-MLI-2026-0007", "line": 1, "offering": "MAINSTREAM-SUPPORT"}],
        "worst_served": True,
    }

    requests = serializers.ListField(
        child=ReferenceField(),
        required=False,
        allow_empty=False,
        max_length=REQUESTS,
        help_text="Only these; else all.",
    )
    priority_classes = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=4), required=False, allow_empty=False, max_length=4
    )
    budgets = _entries(PlanBudgetIn)
    floors = _entries(PlanFloorIn)
    provider_loads = _entries(ProviderLoadIn)
    most_lines_of_a_provider = serializers.IntegerField(
        min_value=1, max_value=PEOPLE, required=False, help_text="Of any provider that `provider_loads` does not name."
    )
    locks = _entries(PlanMarkIn, help_text="These are chosen.")
    bans = _entries(PlanMarkIn, help_text="These are never chosen.")
    worst_served = serializers.BooleanField(
        required=False,
        help_text="Whether the score of the worst-served need counts before the total; true unless given.",
    )
    time_limit_seconds = serializers.IntegerField(
        min_value=1, max_value=SECONDS, required=False, help_text="Of solving; 60 unless given."
    )
    candidates_per_line = serializers.IntegerField(
        min_value=1,
        max_value=CANDIDATES,
        required=False,
        help_text="Best offerings kept for each line; 20 unless given.",
    )
    alternates = serializers.IntegerField(
        min_value=0, max_value=ALTERNATES, required=False, help_text="For each served line; 3 unless given."
    )
    changes = PlanChangesIn(required=False)
