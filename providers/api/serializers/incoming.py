"""What the catalogue takes in."""

from typing import Any, ClassVar

from rest_framework import serializers

from marketplace.api.serializers import (
    CodeField,
    Example,
    LanguageMapField,
    PeriodField,
    ReferenceField,
    StrictSerializer,
)
from marketplace.kernel.periods import Period, Precision

TEXT, NAME = 20_000, 200
LIST = 300  # codes in one list: all countries fit
HOURS, PEOPLE, DAYS = 10_000, 1_000_000, 3_650


def codes(scheme: str, **options: Any) -> serializers.ListField:
    """Make the field for a list of codes of a vocabulary."""
    options.setdefault("required", False)
    return serializers.ListField(child=CodeField(scheme), max_length=LIST, **options)


def count(highest: int, *, lowest: int = 0, **options: Any) -> serializers.IntegerField:
    """Make the field for an optional whole number."""
    options.setdefault("required", False)
    return serializers.IntegerField(min_value=lowest, max_value=highest, **options)


def amount() -> serializers.DecimalField:
    """Make the field for an optional amount of money; null is "not known"."""
    return serializers.DecimalField(max_digits=14, decimal_places=2, min_value=0, required=False, allow_null=True)


class FactsSerializer(StrictSerializer):
    """Input whose fields are the facts of an operation, except those that are arguments of their own."""

    own_arguments: ClassVar[tuple[str, ...]] = ()

    def arguments(self) -> dict[str, Any]:
        """Give the own arguments, and ``facts`` with whatever else was sent."""
        sent = dict(self.validated_data)
        own = {name: sent.pop(name) for name in self.own_arguments if name in sent}
        return {**own, "facts": sent}


# --- providers ----------------------------------------------------------------------------------------------------
class ProviderChange(FactsSerializer):
    """What a provider says of itself."""

    example: ClassVar[Example] = {"countries_served": ["KOR"], "scope": "listed", "regions_served": ["034"]}

    names = LanguageMapField(max_length=NAME, required=False)
    scope = CodeField("reach", required=False)
    countries_served = codes("countries")
    regions_served = codes("regions")
    working_languages = codes("languages")
    network_parent = ReferenceField(required=False, allow_null=True, help_text="Code of the network's provider.")


class ProviderIn(ProviderChange):
    """A new provider, pending its verification."""

    example: ClassVar[Example] = {
        "organization": "CIFAL-JEJU",
        "names": {"en": "CIFAL Jeju", "fr": "CIFAL Jeju"},
        "working_languages": ["en", "ko"],
    }
    own_arguments = ("organization",)

    organization = ReferenceField(help_text="Code or id of the organization that provides.")


class VerificationIn(StrictSerializer):
    """What was looked at, and until when the word holds."""

    example: ClassVar[Example] = {"checks": ["legal_status", "references"], "expires_on": "2028-12-31"}

    checks = codes("provider_checks", required=True)
    verified_on = serializers.DateField(required=False, help_text="Today unless given.")
    expires_on = serializers.DateField(required=False, allow_null=True)


class CatalogueReasonIn(StrictSerializer):
    """Why, by code and in words."""

    example: ClassVar[Example] = {"reason_code": "other", "reason_text": "See the letter of 20 November."}

    reason_code = serializers.CharField(max_length=60, help_text="A code of the list of reasons that the call names.")
    reason_text = serializers.CharField(max_length=TEXT, required=False, allow_blank=True)


class CatalogueNoteIn(StrictSerializer):
    """Why, in words; may be left out."""

    example: ClassVar[Example] = {"reason_text": "The question has been settled."}

    reason_text = serializers.CharField(max_length=TEXT, required=False, allow_blank=True)


# --- offerings ----------------------------------------------------------------------------------------------------
class UsualPlaceIn(StrictSerializer):
    """Where an offering is usually given."""

    city = serializers.CharField(max_length=NAME, required=False, allow_null=True)
    country = CodeField("countries", required=False, allow_null=True)
    venue = serializers.CharField(max_length=300, required=False, allow_null=True)


class OfferingPartnerIn(StrictSerializer):
    """Another organization in the team that delivers."""

    organization = ReferenceField(help_text="Code of the organization.")
    role = CodeField("partner_roles")


class OfferingChange(FactsSerializer):
    """What a provider says of an offering."""

    example: ClassVar[Example] = {"participants_max": 40, "lead_time_days": 30}

    titles = LanguageMapField(max_length=300, required=False)
    summaries = LanguageMapField(required=False)
    objectives = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(max_length=1000), max_length=50),
        required=False,
        help_text="Lists of objectives by language.",
    )
    prerequisites = LanguageMapField(required=False)
    language_of_record = CodeField("languages", required=False)
    themes = codes("themes")
    scheme_concepts = serializers.ListField(
        child=serializers.CharField(max_length=60), max_length=LIST, required=False, help_text="Own scheme's concepts."
    )
    form = CodeField("forms", required=False)
    modality = CodeField("modalities", required=False)
    components = serializers.ListField(child=serializers.CharField(max_length=60), max_length=30, required=False)
    sequence = serializers.ListField(child=serializers.CharField(max_length=60), max_length=30, required=False)
    is_umbrella = serializers.BooleanField(required=False, help_text="A series that is not itself bookable.")
    series = ReferenceField(required=False, allow_null=True, help_text="The umbrella, by code or id.")
    programme = ReferenceField(required=False, allow_null=True)
    languages = codes("languages")
    interpretation_possible = serializers.BooleanField(required=False)
    audiences = codes("audiences")
    level = CodeField("levels", required=False, allow_blank=True)
    governance_levels = codes("governance_levels")
    customisable = serializers.BooleanField(required=False)
    accepts_lead = serializers.BooleanField(
        required=False, help_text="False: the provider does not lead a team of several partners with it."
    )
    scope = CodeField("reach", required=False)
    countries_served = codes("countries")
    regions_served = codes("regions")
    places = UsualPlaceIn(many=True, required=False)
    in_country_on_request = serializers.BooleanField(required=False)
    on_request = serializers.BooleanField(required=False)
    lead_time_days = count(DAYS)
    duration_hours = count(HOURS, lowest=1, allow_null=True)
    workload_hours_per_week = count(168, allow_null=True)
    participants_min = count(PEOPLE, lowest=1, allow_null=True)
    participants_max = count(PEOPLE, lowest=1, allow_null=True)
    cost_per_delivery = amount()
    cost_per_participant = amount()
    currency = CodeField("currencies", required=False, allow_blank=True)
    cost_includes = serializers.ListField(child=serializers.CharField(max_length=60), max_length=30, required=False)
    cost_items = serializers.DictField(
        child=serializers.RegexField(r"^\d{1,12}(\.\d{1,2})?$"),
        required=False,
        help_text="Amounts by item: interpretation, materials, subsistence, support, trainers, travel, venue.",
    )
    award = CodeField("awards", required=False)
    accreditor = serializers.CharField(max_length=NAME, required=False, allow_blank=True)
    partners = OfferingPartnerIn(many=True, required=False, help_text="Replaces all partners.")


class OfferingIn(OfferingChange):
    """A new offering, or the one that the sending system knows under this `external_id`."""

    example: ClassVar[Example] = {
        "provider": "CIFAL-JEJU",
        "external_id": "course-12",
        "source": "learning-platform",
        "titles": {"en": "Fair recruitment in practice", "fr": "Le recrutement équitable en pratique"},
        "summaries": {"en": "For labour officers."},
        "themes": ["fair-recruitment"],
        "form": "workshop",
        "modality": "in_person",
        "languages": ["en", "fr"],
        "audiences": ["national_government"],
        "level": "intermediate",
        "duration_hours": 14,
        "participants_min": 10,
        "participants_max": 30,
        "cost_per_delivery": "24000.00",
        "currency": "USD",
        "on_request": True,
        "lead_time_days": 60,
    }
    own_arguments = ("provider", "external_id", "source")

    provider = ReferenceField(help_text="Code or id of the provider.")
    external_id = serializers.CharField(max_length=200, required=False)
    source = serializers.CharField(max_length=100, required=False, help_text="The system that `external_id` is of.")  # type: ignore[assignment]  # a field of that name is no option of this one


class PublicationIn(StrictSerializer):
    """Who accepted the offering, and until when the word holds."""

    example: ClassVar[Example] = {"panel": "Catalogue panel", "expires_on": "2028-11-23"}

    panel = serializers.CharField(max_length=NAME, required=False, allow_blank=True)
    vetted_on = serializers.DateField(required=False, help_text="Today unless given.")
    expires_on = serializers.DateField(required=False, allow_null=True)


# --- sessions and capacity ----------------------------------------------------------------------------------------
class TrainingSessionChange(FactsSerializer):
    """What a provider says of a session."""

    example: ClassVar[Example] = {"seats_total": 35, "venue": "Training centre, second floor"}

    period = PeriodField(source="*", required=False)
    enrolment_deadline = serializers.DateField(required=False, allow_null=True)
    modality = CodeField("modalities", required=False)
    city = serializers.CharField(max_length=NAME, required=False, allow_blank=True)
    country = CodeField("countries", required=False, allow_blank=True)
    venue = serializers.CharField(max_length=300, required=False, allow_blank=True)
    languages = codes("languages")
    seats_total = count(PEOPLE, lowest=1)
    seats_min = count(PEOPLE, lowest=1)


class TrainingSessionIn(TrainingSessionChange):
    """A new session, or the one that the sending system knows under this `external_id`."""

    example: ClassVar[Example] = {
        "offering": "0198c0de-0000-7000-8000-000000000012",
        "external_id": "run-7",
        "source": "learning-platform",
        "period": {"start": "2027-03-08", "end": "2027-03-10", "precision": "day"},
        "city": "Dakar",
        "country": "SEN",
        "languages": ["fr"],
        "seats_total": 30,
        "seats_min": 10,
    }
    own_arguments = ("offering", "external_id", "source")

    offering = ReferenceField(help_text="Code or id of the offering.")
    external_id = serializers.CharField(max_length=200, required=False)
    source = serializers.CharField(max_length=100, required=False, help_text="The system that `external_id` is of.")  # type: ignore[assignment]  # likewise


class CapacityWindowChange(FactsSerializer):
    """Other dates or another quantity."""

    example: ClassVar[Example] = {"quantity": 24}

    period = PeriodField(source="*", required=False)
    quantity = count(PEOPLE)


class CapacityWindowIn(StrictSerializer):
    """How much a provider can deliver in a period."""

    example: ClassVar[Example] = {
        "provider": "CIFAL-JEJU",
        "unit": "trainer_days",
        "quantity": 20,
        "period": {"start": "2027-01-01", "end": "2027-06-30", "precision": "day"},
    }

    provider = ReferenceField(help_text="Code or id of the provider.")
    unit = CodeField("capacity_units")
    quantity = serializers.IntegerField(min_value=0, max_value=PEOPLE)
    period = PeriodField(source="*")

    def arguments(self) -> dict[str, Any]:
        """Give the arguments with the period in one piece."""
        sent = dict(self.validated_data)
        start, end, precision = sent.pop("start_on"), sent.pop("end_on"), Precision(sent.pop("precision"))
        return {**sent, "period": Period(start, end, precision)}
