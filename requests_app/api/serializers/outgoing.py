"""What is asked, as it is shown."""

from datetime import datetime
from typing import Any, ClassVar

from rest_framework import serializers

from marketplace.api.confidentiality import fields_of
from marketplace.api.serializers import (
    CodesField,
    Example,
    LabelField,
    LifecycleOut,
    LinksField,
    OrganizationRefOut,
    PeriodField,
    ThingOut,
)
from requests_app import queries
from requests_app.api.serializers.exchanges import EndorsementOut
from requests_app.api.serializers.fields import (
    LINE_ID,
    MOMENT,
    REQUEST_ID,
    ROOT,
    STAMPS,
    code_list,
    moment,
    number,
    text,
    texts,
)
from requests_app.models import TrainingRequest


class LineParticipantsOut(serializers.Serializer[Any]):
    """How many people are meant, and how many are placed."""

    min = number(source="participants_min")
    max = number(source="participants_max")
    placed = number(source="claimed")
    free = number()


class RequestLineOut(ThingOut):
    """One line of a request, with its own state."""

    example: ClassVar[Example] = {
        "id": LINE_ID,
        **STAMPS,
        "number": 1,
        "state": "open",
        "theme": "mainstreaming",
        "theme_label": "Mainstreaming migration into development planning",
        "audience": "national_government",
        "audience_label": "National government officials",
        "country": "MLI",
        "region": "",
        "language": "fr",
        "participants": {"min": 15, "max": 30, "placed": 0, "free": 30},
        "divisible": False,
        "level": "intermediate",
        "governance_level": "national",
    }

    number = number()
    state = text()
    theme = text()
    theme_label = LabelField("themes", source="theme")
    audience = text()
    audience_label = LabelField("audiences", source="audience")
    country = text(help_text="ISO 3166-1 alpha-3; empty where the region counts.")
    region = text(help_text="M49; empty where the country counts.")
    language = text()
    participants = LineParticipantsOut(source="*", read_only=True)
    divisible = serializers.BooleanField(read_only=True, help_text="May be split over several deliveries.")
    level = text()
    governance_level = text()


class NeedLanguagesOut(serializers.Serializer[Any]):
    """Languages of the training."""

    must = code_list(source="languages_must")
    may = code_list(source="languages_may")


class NeedPlaceOut(serializers.Serializer[Any]):
    """Where the training should take place."""

    preference = text(source="place_preference")
    country = text(source="place_country")
    city = text(source="place_city")


class NeedBudgetOut(serializers.Serializer[Any]):
    """What may be spent, and by whom; no ceiling means that funding is to be found."""

    ceiling = serializers.DecimalField(
        source="budget_ceiling", max_digits=14, decimal_places=2, read_only=True, allow_null=True
    )
    currency = text(source="budget_currency")
    funding_state = text()
    funder = serializers.CharField(source="funder.code", read_only=True, default=None, allow_null=True)


class OfferCallOut(serializers.Serializer[Any]):
    """The call for offers, if there was one."""

    called_at = moment()
    ends_at = moment(source="call_ends_at")
    ended_at = moment(source="call_ended_at")
    waived_at = moment(source="call_waived_at")


class RequestOut(LifecycleOut):
    """A training need. Where only its summary is public, the body's members are null and `summary_only` is true."""

    expandable: ClassVar[tuple[str, ...]] = ("lines", "endorsements")
    example: ClassVar[Example] = {
        "id": REQUEST_ID,
        **STAMPS,
        "reference": "GMG-MLI-2026-0007",
        "external_id": "HR-2026-114",
        "state": "open",
        "waiting_for": "system",
        "step": "request.match",
        "due_at": "2026-11-24T09:00:00Z",
        "allowed_actions": ["change", "waive-call", "withdraw"],
        "summary_only": False,
        "content_version": 1,
        "requesting_organization": {"code": "UNDP", "name": "United Nations Development Programme"},
        "co_requesters": ["IOM"],
        "beneficiaries": ["GOV-MLI"],
        "excluded_organizations": [],
        "kept_apart": [["HMLP", "UNITAR"]],
        "lead_required": True,
        "title": {"fr": "Intégrer la migration dans la planification nationale"},
        "need_statement": {"fr": "Des agents de trois ministères doivent intégrer la migration dans les plans."},
        "language": "fr",
        "themes": ["mainstreaming"],
        "places": ["MLI"],
        "participants": {"min": 15, "max": 30, "placed": 0, "free": 30},
        "languages": {"must": ["fr"], "may": ["en"]},
        "forms": ["workshop"],
        "modalities": ["in_person"],
        "window": {"start": "2027-03-01", "end": "2027-06-30", "precision": "month"},
        "place": {"preference": "in_country", "country": "MLI", "city": ""},
        "budget": {"ceiling": "45000.00", "currency": "USD", "funding_state": "sought", "funder": None},
        "award": "participation",
        "context_event": None,
        "programme": "MAINSTREAMING",
        "priority_facts": ["pilot_country"],
        "visibility": "group",
        "posting_consent_at": None,
        "channel": "focal_point",
        "parent_request": None,
        "parent_relation": "",
        "endorsement": "not_required",
        "submitted_at": MOMENT,
        "opened_at": MOMENT,
        "reason_code": "",
        "reason_text": "",
        "conflicts": [],
        "call": {"called_at": None, "ends_at": None, "ended_at": None, "waived_at": None},
        "merged_into": None,
        "links": {
            "self": f"{ROOT}/requests/{REQUEST_ID}",
            "lines": f"{ROOT}/requests/{REQUEST_ID}/lines",
            "clarifications": f"{ROOT}/requests/{REQUEST_ID}/clarifications",
            "endorsements": f"{ROOT}/requests/{REQUEST_ID}/endorsements",
            "documents": f"{ROOT}/requests/{REQUEST_ID}/documents",
        },
    }

    reference = text(allow_null=True, help_text="Given at submission; null before.")
    external_id = text(allow_null=True)
    summary_only = serializers.SerializerMethodField(help_text="True where the reader may not see the body.")
    content_version = number(help_text="Counts the edits that matter after submission.")
    requesting_organization = OrganizationRefOut(read_only=True)
    co_requesters = CodesField(allow_null=True)
    beneficiaries = CodesField(allow_null=True)
    excluded_organizations = CodesField(allow_null=True)
    kept_apart = serializers.SerializerMethodField(
        help_text="Pairs of organizations that must not deliver together; for the requester's side and the secretariat."
    )
    lead_required = serializers.BooleanField(
        read_only=True, allow_null=True, help_text="Some partner of a team must accept to lead."
    )
    title = texts()
    need_statement = texts(allow_null=True)
    language = text()
    themes = serializers.SerializerMethodField()
    places = serializers.SerializerMethodField()
    participants = serializers.SerializerMethodField()
    languages = NeedLanguagesOut(source="*", read_only=True)
    forms = code_list()
    modalities = code_list()
    window = PeriodField(source="*", read_only=True, allow_null=True)
    place = NeedPlaceOut(source="*", read_only=True)
    budget = NeedBudgetOut(source="*", read_only=True, allow_null=True)
    award = text()
    context_event = serializers.CharField(source="context_event.code", read_only=True, default=None, allow_null=True)
    programme = serializers.CharField(source="programme.code", read_only=True, default=None, allow_null=True)
    priority_facts = code_list()
    visibility = text()
    posting_consent_at = serializers.SerializerMethodField(
        help_text="Since when the requester agrees to the public listing; null: it is not listed."
    )
    channel = text()
    parent_request = serializers.CharField(
        source="parent_request.reference", read_only=True, default=None, allow_null=True
    )
    parent_relation = text()
    endorsement = serializers.SerializerMethodField(help_text="State of the endorsement gate.")
    submitted_at = moment()
    opened_at = moment()
    reason_code = text(help_text="Of the present state.")
    reason_text = text(allow_null=True)
    conflicts = code_list(allow_null=True, help_text="Constraints that nobody could meet together.")
    call = OfferCallOut(source="*", read_only=True, allow_null=True)
    merged_into = serializers.CharField(source="merged_into.reference", read_only=True, default=None, allow_null=True)
    lines = RequestLineOut(many=True, read_only=True)
    endorsements = EndorsementOut(many=True, read_only=True)
    links = LinksField(
        {
            "self": "request-detail",
            "lines": "request-line-list",
            "clarifications": "request-clarification-list",
            "endorsements": "request-endorsement-list",
            "documents": "request-document-list",
        },
        argument="parent_id",
    )

    def hidden_from_reader(self, instance: TrainingRequest) -> frozenset[str]:
        """Give what is not for this reader: the body where only the summary is, and what the inner circle keeps."""
        hidden = fields_of("RequestOut", "body", "inner") if self.get_summary_only(instance) else frozenset()
        return hidden if self._is_near(instance) else hidden | fields_of("RequestOut", "inner")

    def _is_near(self, request: TrainingRequest) -> bool:
        call = self.context.get("request")
        return call is None or queries.is_near(request, call.actor, at=call.at)

    def get_summary_only(self, request: TrainingRequest) -> bool:
        """Tell whether only the summary is for this reader."""
        return not getattr(request, "reads_body", True)

    def get_kept_apart(self, request: TrainingRequest) -> list[list[str]] | None:
        """List the pairs, each sorted, from what was fetched ahead."""
        return sorted(list(pair.codes) for pair in request.kept_apart.all())

    def get_themes(self, request: TrainingRequest) -> list[str]:
        """List the themes of the lines, in their order."""
        return list(dict.fromkeys(line.theme for line in _live(request) if line.theme))

    def get_places(self, request: TrainingRequest) -> list[str]:
        """List the countries and areas of the lines, in their order."""
        return list(
            dict.fromkeys(line.country or line.region for line in _live(request) if line.country or line.region)
        )

    def get_participants(self, request: TrainingRequest) -> dict[str, int]:
        """Add up the lines."""
        lines = _live(request)
        wanted, placed = sum(line.participants_max for line in lines), sum(line.claimed for line in lines)
        least = sum(line.participants_min for line in lines)
        return {"min": least, "max": wanted, "placed": placed, "free": wanted - placed}

    def get_posting_consent_at(self, request: TrainingRequest) -> datetime | None:
        """Give the moment of the current consent from what was fetched ahead."""
        return next((row.given_at for row in request.consents.all() if row.withdrawn_at is None), None)

    def get_endorsement(self, request: TrainingRequest) -> str:
        """Give the state of the gate from what was fetched ahead."""
        return queries.endorsement_read_along(request)


def _live(request: TrainingRequest) -> list[Any]:
    lines = [line for line in request.lines.all() if line.state != "dropped"]
    return sorted(lines, key=lambda line: line.number)
