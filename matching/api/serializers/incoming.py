"""What callers send about policies, runs, proposals and parts."""

from typing import Any, ClassVar, cast

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
from marketplace.kernel.errors import unknown_reference
from matching.api.serializers.plan_parameters import PlanParametersIn, as_json
from matching.models import PLAN_MODES, REQUEST_MODES, RUN_MODES
from matching.operations import CounterTerms
from providers import queries as providers


class RunIn(StrictSerializer):
    """A ranking of one request (`request`, `preview`), or a plan of all open needs (`portfolio`, `what_if`).

    `preview` ranks a submitted request too and leaves no proposals; `what_if` plans with changed weights, capacities or
    invented offerings and leaves nothing but its answer. `pooling` takes nothing else: it looks among all open needs for
    those that one joint session would serve.
    """

    example: ClassVar[Example] = {"request": "GMG-MLI-2026-0007", "mode": "request"}
    default_error_messages = {
        "not_with_mode": _("A run of this mode does not take it."),
        "required_with_mode": _("A run of this mode needs it."),
    }

    request = ReferenceField(required=False)
    mode = serializers.ChoiceField(choices=RUN_MODES, default="request")
    parameters = PlanParametersIn(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check that request and parameters go with the mode. Raises serializers.ValidationError."""
        if attrs["mode"] not in (*REQUEST_MODES, *PLAN_MODES):
            return self._alone(attrs)
        ranks = attrs["mode"] in REQUEST_MODES
        wanted, other = ("request", "parameters") if ranks else ("parameters", "request")
        errors = {}
        if ranks and wanted not in attrs:
            code = "required_with_mode"
            errors[wanted] = [serializers.ErrorDetail(str(self.error_messages[code]), code)]
        if other in attrs:
            errors[other] = [serializers.ErrorDetail(str(self.error_messages["not_with_mode"]), "not_with_mode")]
        if errors:
            raise serializers.ValidationError(errors)
        return attrs

    def _alone(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check that nothing goes with a mode that reads all open needs as they are."""
        detail = serializers.ErrorDetail(str(self.error_messages["not_with_mode"]), "not_with_mode")
        errors: dict[str, Any] = {name: [detail] for name in ("request", "parameters") if name in attrs}
        if errors:
            raise serializers.ValidationError(errors)
        return attrs

    def arguments(self) -> dict[str, Any]:
        """Give the arguments; parameters as they are stored."""
        return cast("dict[str, Any]", as_json(dict(self.validated_data)))


class WhyNotIn(StrictSerializer):
    """Which offering was expected for which line."""

    example: ClassVar[Example] = {"request": "GMG-MLI-2026-0007", "line": 1, "offering": "MAINSTREAM-SUPPORT"}

    request = ReferenceField()
    line = serializers.IntegerField(min_value=1)
    offering = ReferenceField(help_text="Code or id; of an invented one `hypothetical:` and its code.")


class PolicyIn(StrictSerializer):
    """Weights by criterion (whole numbers, sum 1000), settings of the engine, and why."""

    example: ClassVar[Example] = {
        "names": {"en": "Dates count more", "fr": "Les dates comptent davantage"},
        "weights": {
            "theme": 220,
            "place": 120,
            "audience": 110,
            "language": 110,
            "dates": 100,
            "group": 80,
            "cost": 80,
            "track_record": 60,
            "lead_time": 40,
            "text": 30,
            "award": 20,
            "load": 20,
            "newcomer": 10,
        },
        "settings": {"accept_interpretation": True},
        "note": "After the review of autumn 2026.",
    }

    names = LanguageMapField()
    weights = serializers.DictField(child=serializers.IntegerField(min_value=0, max_value=1000))
    settings = serializers.DictField(required=False)
    note = serializers.CharField(required=False, allow_blank=True, max_length=5000)


class ReasonIn(StrictSerializer):
    """Why, in words; may be left out."""

    example: ClassVar[Example] = {"reason_text": "Agreed at the meeting of 23 November."}

    reason_text = serializers.CharField(required=False, allow_blank=True, max_length=5000)


class OverruleIn(StrictSerializer):
    """Why the objection is overruled: in writing, always."""

    example: ClassVar[Example] = {"reason_text": "The dates were moved; the objection no longer applies."}

    reason_text = serializers.CharField(max_length=5000)


class DeclineIn(StrictSerializer):
    """Why a proposal is declined."""

    example: ClassVar[Example] = {"reason_code": "better_alternative", "reason_text": "The second one is nearer."}

    reason_code = CodeField("decline_reasons")
    reason_text = serializers.CharField(required=False, allow_blank=True, max_length=5000)


class ObjectionIn(StrictSerializer):
    """Why the requester objects."""

    example: ClassVar[Example] = {"reason_code": "timing", "reason_text": "The ministry is closed in that month."}

    reason_code = CodeField("objection_reasons")
    reason_text = serializers.CharField(required=False, allow_blank=True, max_length=5000)


class RefusalIn(StrictSerializer):
    """Why a partner refuses."""

    example: ClassVar[Example] = {"reason_code": "no_capacity", "reason_text": "Our trainers are booked until May."}

    reason_code = CodeField("refusal_reasons")
    reason_text = serializers.CharField(required=False, allow_blank=True, max_length=5000)


class PreferenceIn(StrictSerializer):
    """Whether the requester prefers the proposal or has no objection."""

    example: ClassVar[Example] = {"preference": "preferred", "comment": "The nearest to our staff."}

    preference = serializers.ChoiceField(choices=["preferred", "no_objection"], default="preferred")
    comment = serializers.CharField(required=False, allow_blank=True, max_length=5000)


class PlaceIn(StrictSerializer):
    """A city in a country."""

    country = CodeField("countries", required=False)
    city = serializers.CharField(max_length=100, required=False)
    venue = serializers.CharField(max_length=200, required=False)


class CounterIn(StrictSerializer):
    """Other terms; what is left out stays as it was asked."""

    example: ClassVar[Example] = {
        "period": {"start": "2027-04-12", "end": "2027-04-14", "precision": "day"},
        "cost": {"amount": "19500.00", "currency": "USD"},
        "reason": "The trainers are free a week later.",
    }

    period = PeriodField(required=False)
    session = ReferenceField(required=False)
    participants = serializers.IntegerField(required=False, min_value=1, max_value=100_000)
    language = CodeField("languages", required=False)
    place = PlaceIn(required=False)
    cost = MoneyField(required=False)
    terms = serializers.CharField(required=False, allow_blank=True, max_length=5000)
    reason = serializers.CharField(required=False, allow_blank=True, max_length=5000)

    def arguments(self) -> dict[str, Any]:
        """Give the terms as the operation takes them; the session is looked up."""
        data = dict(self.validated_data)
        period, cost = data.get("period"), data.get("cost")
        session = _session(data["session"]) if data.get("session") else None
        terms = CounterTerms(
            start_on=period["start_on"] if period else None,
            end_on=period["end_on"] if period else None,
            session_id=session.pk if session else None,
            participants=data.get("participants"),
            language=data.get("language", ""),
            place=dict(data.get("place") or {}),
            cost_amount=cost.amount if cost else None,
            cost_currency=cost.currency if cost else "",
            terms=data.get("terms", ""),
        )
        return {"terms": terms, "reason": data.get("reason", "")}


def _session(reference: str) -> Any:
    """Find a session. Raises DomainError(unknown_reference)."""
    found = providers.find_session(reference)
    if found is None:
        raise unknown_reference("/session", reference)
    return found


class OfferIn(StrictSerializer):
    """A provider's own offer to a visible request: one of its offerings, for some or all lines."""

    example: ClassVar[Example] = {
        "offering": "MAINSTREAM-SUPPORT",
        "lines": [{"line": 1, "participants": 25}],
        "period": {"start": "2027-04-12", "end": "2027-04-14", "precision": "day"},
        "cost": {"amount": "18000.00", "currency": "USD"},
        "message": "We have taught this course in Bamako before.",
    }

    class OfferLineIn(StrictSerializer):
        """Participants of one line."""

        line = serializers.IntegerField(min_value=1)
        participants = serializers.IntegerField(min_value=1, max_value=100_000)

    offering = ReferenceField()
    session = ReferenceField(required=False)
    lines = OfferLineIn(many=True, allow_empty=False)
    period = PeriodField(required=False)
    language = CodeField("languages", required=False)
    cost = MoneyField(required=False)
    message = serializers.CharField(required=False, allow_blank=True, max_length=5000)

    def arguments(self) -> dict[str, Any]:
        """Give the offer as the operation takes it."""
        data = dict(self.validated_data)
        period, cost = data.get("period"), data.get("cost")
        return {
            "offering": data["offering"],
            "session": data.get("session", ""),
            "lines": {line["line"]: line["participants"] for line in data["lines"]},
            "start_on": period["start_on"] if period else None,
            "end_on": period["end_on"] if period else None,
            "language": data.get("language", ""),
            "cost": cost,
            "message": data.get("message", ""),
        }
