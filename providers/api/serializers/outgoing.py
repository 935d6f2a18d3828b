"""What the catalogue shows."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.helpers import lazy_serializer
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from marketplace.api.serializers import (
    Example,
    LabelField,
    LifecycleOut,
    LinksField,
    OrganizationRefOut,
    PeriodField,
    ThingOut,
)
from providers.models import Offering

ROOT = "https://marketplace.example/api/v1"
MOMENT = "2026-11-23T09:00:00Z"
PROVIDER_ID = "0198c0de-0000-7000-8000-000000000011"
OFFERING_ID = "0198c0de-0000-7000-8000-000000000012"
SESSION_ID = "0198c0de-0000-7000-8000-000000000013"
WINDOW_ID = "0198c0de-0000-7000-8000-000000000014"
STAMPS: Example = {"version": 3, "created_at": MOMENT, "updated_at": MOMENT}
NOTHING_OPEN: Example = {"waiting_for": "nobody", "step": "", "due_at": None}


def code_list(**options: Any) -> serializers.ListField:
    """Make the field that shows a list of codes."""
    return serializers.ListField(child=serializers.CharField(), read_only=True, **options)


def texts() -> serializers.DictField:
    """Make the field that shows texts by language."""
    return serializers.DictField(child=serializers.CharField(), read_only=True, help_text="By language.")


def text(**options: Any) -> serializers.CharField:
    """Make the field that shows a text."""
    return serializers.CharField(read_only=True, **options)


def number(**options: Any) -> serializers.IntegerField:
    """Make the field that shows a whole number."""
    return serializers.IntegerField(read_only=True, **options)


def truth(**options: Any) -> serializers.BooleanField:
    """Make the field that shows yes or no."""
    return serializers.BooleanField(read_only=True, **options)


def day(**options: Any) -> serializers.DateField:
    """Make the field that shows a day, null while there is none."""
    return serializers.DateField(read_only=True, allow_null=True, **options)


class TrackRecordOut(serializers.Serializer[Any]):
    """How deliveries turned out in the eyes of others than the provider; mean 0..1000, null without an evaluation."""

    evaluations = number(source="outcome_count")
    answers = number(source="outcome_answers")
    mean = number(source="outcome_mean", allow_null=True)


TRACK_RECORD: Example = {"evaluations": 4, "answers": 92, "mean": 842}


# --- providers ----------------------------------------------------------------------------------------------------
class ProviderOut(LifecycleOut):
    """An organization in its role as provider; its state is its verification."""

    example: ClassVar[Example] = {
        "id": PROVIDER_ID,
        **STAMPS,
        "state": "verified",
        **NOTHING_OPEN,
        "allowed_actions": [],
        "code": "CIFAL-JEJU",
        "organization": {"code": "CIFAL-JEJU", "name": "CIFAL Jeju"},
        "names": {"en": "CIFAL Jeju", "fr": "CIFAL Jeju"},
        "network_parent": "CIFAL-NET",
        "scope": "listed",
        "countries_served": ["KOR"],
        "regions_served": ["034", "035"],
        "working_languages": ["en", "ko"],
        "checks": ["legal_status", "references", "data_protection"],
        "verified_on": "2025-01-15",
        "verification_expires_on": "2028-12-31",
        "track_record": TRACK_RECORD,
        "links": {"self": f"{ROOT}/providers/{PROVIDER_ID}"},
    }

    code = text()
    organization = OrganizationRefOut(read_only=True)
    names = texts()
    network_parent = text(source="network_parent.code", default=None, allow_null=True)
    scope = text(help_text="global, or listed: then countries and regions say where.")
    countries_served = code_list()
    regions_served = code_list()
    working_languages = code_list()
    checks = code_list()
    verified_on = day()
    verification_expires_on = day()
    track_record = TrackRecordOut(source="*", read_only=True)
    links = LinksField({"self": "provider-detail"})


# --- sessions -----------------------------------------------------------------------------------------------------
class TrainingSessionOut(LifecycleOut):
    """A dated delivery that anybody may join."""

    example: ClassVar[Example] = {
        "id": SESSION_ID,
        **STAMPS,
        "state": "open",
        **NOTHING_OPEN,
        "allowed_actions": ["cancel", "start"],
        "reference": SESSION_ID,
        "external_id": "run-7",
        "source": "learning-platform",
        "offering_id": OFFERING_ID,
        "offering_reference": "JEJU-INTENSIVE",
        "provider_code": "CIFAL-JEJU",
        "period": {"start": "2027-03-08", "end": "2027-03-10", "precision": "day"},
        "enrolment_deadline": "2027-02-08",
        "modality": "in_person",
        "city": "Dakar",
        "country": "SEN",
        "venue": "",
        "languages": ["fr"],
        "seats_total": 30,
        "seats_min": 10,
        "seats_free": 12,
        "is_full": False,
        "links": {"self": f"{ROOT}/sessions/{SESSION_ID}"},
    }
    expandable = ("offering",)

    reference = text(source="reference_text", help_text="The code where there is one, else the id.")
    external_id = text()
    source = text()  # type: ignore[assignment]  # a field of that name is no option of this one
    offering_id = serializers.UUIDField(source="offering.public_id", read_only=True)
    offering_reference = text(source="offering.reference_text")
    provider_code = text(source="offering.provider.code")
    period = PeriodField(source="*", read_only=True)
    enrolment_deadline = day()
    modality = text()
    city = text()
    country = text(help_text="Empty: online, or not settled yet.")
    venue = text()
    languages = code_list()
    seats_total = number()
    seats_min = number()
    seats_free = number(help_text="Neither held nor confirmed.")
    is_full = truth(help_text="Takes bookings, but has no seat left.")
    offering = serializers.SerializerMethodField()
    links = LinksField({"self": "session-detail"})

    @extend_schema_field(lazy_serializer("providers.api.serializers.outgoing.OfferingOut")())
    def get_offering(self, session: Any) -> dict[str, Any]:
        """Show the offering in full."""
        return dict(OfferingOut(session.offering, context=_plain(self.context)).data)


# --- offerings ----------------------------------------------------------------------------------------------------
class UsualPlaceOut(serializers.Serializer[Any]):
    """Where an offering is usually given."""

    city = serializers.CharField(default=None, allow_null=True, read_only=True)
    country = serializers.CharField(default=None, allow_null=True, read_only=True)
    venue = serializers.CharField(default=None, allow_null=True, read_only=True)

    def to_representation(self, instance: Mapping[str, Any]) -> dict[str, Any]:
        """Take the three as they are stored, which a page of offerings does some fifty times; what was left out is null."""
        return {"city": instance.get("city"), "country": instance.get("country"), "venue": instance.get("venue")}


class OfferingPartnerOut(serializers.Serializer[Any]):
    """Another organization in the team that delivers."""

    organization = OrganizationRefOut(read_only=True)
    role = text()


class VettingOut(serializers.Serializer[Any]):
    """Who accepted the offering, and until when the word holds."""

    panel = text(source="vetting_panel")
    verdict = text(source="vetting_verdict")
    vetted_on = day()
    expires_on = day(source="vetting_expires_on")


class OfferingOut(LifecycleOut):
    """A training that can be delivered: what, to whom, in which form, at what cost."""

    example: ClassVar[Example] = {
        "id": OFFERING_ID,
        **STAMPS,
        "state": "published",
        **NOTHING_OPEN,
        "allowed_actions": ["retire"],
        "reference": "JEJU-INTENSIVE",
        "external_id": "course-12",
        "source": "learning-platform",
        "provider_id": PROVIDER_ID,
        "provider_code": "CIFAL-JEJU",
        "titles": {"en": "Fair recruitment in practice", "fr": "Le recrutement équitable en pratique"},
        "summaries": {"en": "For labour officers."},
        "objectives": {"en": ["Tell fair recruitment from unfair"]},
        "prerequisites": {"en": "None.", "fr": "Aucun."},
        "language_of_record": "en",
        "themes": ["fair-recruitment"],
        "scheme_concepts": [],
        "form": "workshop",
        "form_label": "Workshop",
        "modality": "in_person",
        "components": [],
        "sequence": [],
        "is_umbrella": False,
        "series": None,
        "programme": None,
        "languages": ["en", "fr"],
        "interpretation_possible": False,
        "audiences": ["national_government"],
        "level": "intermediate",
        "governance_levels": ["national"],
        "customisable": True,
        "accepts_lead": True,
        "scope": "listed",
        "countries_served": ["KOR"],
        "regions_served": ["034", "035"],
        "places": [{"city": "Jeju", "country": "KOR", "venue": None}],
        "in_country_on_request": True,
        "on_request": True,
        "lead_time_days": 60,
        "duration_hours": 14,
        "workload_hours_per_week": 14,
        "participants_min": 10,
        "participants_max": 30,
        "cost_per_delivery": "24000.00",
        "cost_per_participant": None,
        "currency": "USD",
        "cost_includes": ["trainers", "materials"],
        "cost_items": {"trainers": "9000.00"},
        "award": "participation",
        "accreditor": "",
        "reach": [],
        "partners": [{"organization": {"code": "KOICA", "name": "KOICA"}, "role": "funder"}],
        "vetting": {
            "panel": "Catalogue panel",
            "verdict": "accepted",
            "vetted_on": "2026-02-02",
            "expires_on": "2028-02-02",
        },
        "track_record": TRACK_RECORD,
        "links": {"self": f"{ROOT}/offerings/{OFFERING_ID}"},
    }
    expandable = ("provider", "sessions")

    reference = text(source="reference_text", help_text="The code where there is one, else the id.")
    external_id = text()
    source = text()  # type: ignore[assignment]  # likewise
    provider_id = serializers.UUIDField(source="provider.public_id", read_only=True)
    provider_code = text(source="provider.code")
    titles = texts()
    summaries = texts()
    objectives = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), read_only=True, help_text="Lists by language."
    )
    prerequisites = texts()
    language_of_record = text()
    themes = code_list()
    scheme_concepts = code_list()
    form = text()
    form_label = LabelField("forms", source="form")
    modality = text()
    components = code_list()
    sequence = code_list()
    is_umbrella = truth(help_text="A series that is not itself bookable.")
    series = text(source="series.reference_text", default=None, allow_null=True)
    programme = text(source="programme.code", default=None, allow_null=True)
    languages = code_list()
    interpretation_possible = truth()
    audiences = code_list()
    level = text()
    governance_levels = code_list()
    customisable = truth(help_text="Audience, level and length may be adapted.")
    accepts_lead = truth(help_text="The provider leads a team of several partners with it, if asked.")
    scope = text(help_text="global, or listed: then countries and regions say where.")
    countries_served = code_list()
    regions_served = code_list()
    places = UsualPlaceOut(many=True, read_only=True)
    in_country_on_request = truth()
    on_request = truth()
    lead_time_days = number(help_text="Calendar days.")
    duration_hours = number(allow_null=True)
    workload_hours_per_week = number(allow_null=True)
    participants_min = number(allow_null=True, help_text="Of one delivery.")
    participants_max = number(allow_null=True, help_text="Of one delivery.")
    cost_per_delivery = serializers.DecimalField(14, 2, read_only=True, allow_null=True, help_text="null: not known.")
    cost_per_participant = serializers.DecimalField(14, 2, read_only=True, allow_null=True)
    currency = text()
    cost_includes = code_list()
    cost_items = serializers.DictField(child=serializers.CharField(), read_only=True)
    award = text()
    accreditor = text()
    reach = serializers.ListField(child=serializers.DictField(), read_only=True, help_text="Figures as told by others.")
    partners = OfferingPartnerOut(many=True, read_only=True)
    vetting = VettingOut(source="*", read_only=True)
    track_record = TrackRecordOut(source="*", read_only=True)
    provider = serializers.SerializerMethodField()
    sessions = serializers.SerializerMethodField()
    links = LinksField({"self": "offering-detail"})

    @extend_schema_field(ProviderOut)
    def get_provider(self, offering: Offering) -> dict[str, Any]:
        """Show the provider in full."""
        return dict(ProviderOut(offering.provider, context=_plain(self.context)).data)

    @extend_schema_field(TrainingSessionOut(many=True))
    def get_sessions(self, offering: Offering) -> list[dict[str, Any]]:
        """Show the sessions in full."""
        return [
            dict(TrainingSessionOut(session, context=_plain(self.context)).data) for session in offering.sessions.all()
        ]


# --- capacity -----------------------------------------------------------------------------------------------------
class CapacityWindowOut(ThingOut):
    """How much a provider can deliver in a period."""

    example: ClassVar[Example] = {
        "id": WINDOW_ID,
        **STAMPS,
        "reference": WINDOW_ID,
        "provider_code": "CIFAL-JEJU",
        "unit": "trainer_days",
        "period": {"start": "2027-01-01", "end": "2027-06-30", "precision": "day"},
        "quantity": 20,
        "held": 6,
        "confirmed": 3,
        "free": 11,
        "links": {"self": f"{ROOT}/capacity-windows/{WINDOW_ID}"},
    }

    reference = text(source="reference_text", help_text="The code where there is one, else the id.")
    provider_code = text(source="provider.code")
    unit = text()
    period = PeriodField(source="*", read_only=True)
    quantity = number()
    held = number()
    confirmed = number()
    free = number(help_text="Neither held nor confirmed.")
    links = LinksField({"self": "capacity-window-detail"})


def _plain(context: Mapping[str, Any]) -> dict[str, Any]:
    """Leave the choice of fields and expansions to the outermost thing."""
    return {**context, "fields": None, "expand": None}
