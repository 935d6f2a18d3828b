"""What callers send."""

from typing import Any, ClassVar

from rest_framework import serializers

from fulfilment.models.deliveries import STAGES
from fulfilment.models.evaluations import SOURCES
from fulfilment.operations import EvaluationFacts, StageCount
from fulfilment.operations.participation import BREAKDOWNS, LARGEST
from marketplace.api.serializers import (
    CodeField,
    Example,
    LanguageMapField,
    MoneyField,
    PeriodField,
    ReferenceField,
    StrictSerializer,
)

REASON_LENGTH = 4_000  # characters
SEATS = 100_000


class EngagementReasonIn(StrictSerializer):
    """A reason in words."""

    example: ClassVar[Example] = {"reason_text": "The list of participants proves it."}

    reason_text = serializers.CharField(max_length=REASON_LENGTH, required=False, allow_blank=True)


class WrittenReasonRequiredIn(StrictSerializer):
    """A reason in words that must be given."""

    example: ClassVar[Example] = {"reason_text": "The dates fall into the holidays."}

    reason_text = serializers.CharField(max_length=REASON_LENGTH)


class ReportContestIn(EngagementReasonIn):
    """Why a report is contested."""

    example: ClassVar[Example] = {"reason_code": "numbers", "reason_text": "Eight people came, not eighteen."}

    reason_code = CodeField("contest_reasons")


class EngagementHoldIn(EngagementReasonIn):
    """Why an engagement is interrupted."""

    example: ClassVar[Example] = {"reason_code": "security", "reason_text": "Travel is advised against until March."}

    reason_code = CodeField("hold_reasons")


class EngagementCancelIn(EngagementReasonIn):
    """Why something is cancelled."""

    example: ClassVar[Example] = {"reason_code": "funding_lost", "reason_text": "The grant was not renewed."}

    reason_code = CodeField("cancellation_reasons")


class MilestoneWaiverIn(EngagementReasonIn):
    """Why a milestone is waived."""

    example: ClassVar[Example] = {"reason_code": "short_event", "reason_text": "Half a day."}

    reason_code = CodeField("waiver_reasons")


class EvaluationWaiverIn(MilestoneWaiverIn):
    """Which evaluation is waived, and why."""

    example: ClassVar[Example] = {"level": 2, "reason_code": "short_event", "reason_text": "Half a day."}

    level = serializers.IntegerField(min_value=1, max_value=4)


class MilestoneNoteIn(StrictSerializer):
    """A note on a milestone that was reached."""

    example: ClassVar[Example] = {"note": "Signed on 4 December."}

    note = serializers.CharField(max_length=REASON_LENGTH, required=False, allow_blank=True)


class ParticipationStageIn(StrictSerializer):
    """How many reached a stage, and who they are, as sums."""

    example: ClassVar[Example] = {
        "stage": "attended",
        "total": 18,
        "breakdown": {"sex": {"female": 10, "male": 8}, "country": {"MLI": 18}},
    }

    stage = serializers.ChoiceField(choices=STAGES)
    total = serializers.IntegerField(min_value=0, max_value=LARGEST)
    breakdown = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField(min_value=0, max_value=LARGEST)),
        required=False,
        help_text=f"By {', '.join(BREAKDOWNS)}; the parts of each add up to the total, `not_stated` takes the rest.",
    )


def stage_counts(rows: list[dict[str, Any]]) -> tuple[StageCount, ...]:
    """Make the counts of checked input."""
    return tuple(StageCount(**row) for row in rows)


class ParticipationIn(StrictSerializer):
    """Numbers of some stages of one delivery; other stages stay as they are."""

    example: ClassVar[Example] = {"participation": [ParticipationStageIn.example]}

    participation = ParticipationStageIn(many=True, allow_empty=False)

    def arguments(self) -> dict[str, Any]:
        """Give the counts."""
        return {"counts": stage_counts(self.validated_data["participation"])}


class DeliveryReportIn(StrictSerializer):
    """The report on what was delivered, with the numbers if they are not recorded yet."""

    example: ClassVar[Example] = {
        "report": {"en": "Three days, eighteen participants, all modules held."},
        "participation": [ParticipationStageIn.example],
    }

    report = LanguageMapField(required=False)
    participation = ParticipationStageIn(many=True, required=False)

    def arguments(self) -> dict[str, Any]:
        """Give report and counts."""
        found = super().arguments()
        if "participation" in found:
            found["participation"] = stage_counts(found["participation"])
        return found


class EvaluationIn(StrictSerializer):
    """What was measured at a Kirkpatrick level, by whom, with how many answers."""

    example: ClassVar[Example] = {
        "level": 1,
        "source": "participants",
        "method": "survey",
        "invited": 18,
        "answered": 16,
        "value": "4.40",
        "scale_min": "1",
        "scale_max": "5",
        "collected_on": "2027-03-12",
        "findings": {"en": "The case work was valued most."},
    }

    level = serializers.IntegerField(min_value=1, max_value=4)
    source = serializers.ChoiceField(choices=SOURCES)  # type: ignore[assignment]
    collected_on = serializers.DateField()
    instrument = CodeField("evaluation_instruments", required=False)
    method = CodeField("evaluation_methods", required=False)
    invited = serializers.IntegerField(min_value=0, max_value=SEATS, required=False, allow_null=True)
    answered = serializers.IntegerField(min_value=0, max_value=SEATS, required=False, allow_null=True)
    value = serializers.DecimalField(max_digits=8, decimal_places=2, required=False, allow_null=True)
    scale_min = serializers.DecimalField(max_digits=8, decimal_places=2, required=False, allow_null=True)
    scale_max = serializers.DecimalField(max_digits=8, decimal_places=2, required=False, allow_null=True)
    findings = LanguageMapField(required=False)
    delivery = serializers.IntegerField(
        source="delivery_number", min_value=1, max_value=999, required=False, allow_null=True, help_text="Its number."
    )
    external_id = serializers.CharField(max_length=120, required=False)

    def arguments(self) -> dict[str, Any]:
        """Give the facts."""
        return {"facts": EvaluationFacts(**self.validated_data)}


class OutcomeStoryIn(StrictSerializer):
    """What an engagement led to."""

    example: ClassVar[Example] = {
        "kind": "network",
        "texts": {"en": "Colleagues in two countries now call each other."},
        "spin_off_request": "GMG-MLI-2027-0003",
    }

    kind = CodeField("outcome_kinds")
    texts = LanguageMapField()
    spin_off_request = ReferenceField(required=False)
    external_id = serializers.CharField(max_length=120, required=False)


class CostShareIn(StrictSerializer):
    """Who bears how much."""

    example: ClassVar[Example] = {
        "organization": "KOICA",
        "kind": "cash",
        "money": {"amount": "12000.00", "currency": "USD"},
        "agreement_reference": "KOICA/2027/14",
    }

    organization = ReferenceField()
    kind = CodeField("cost_share_kinds")
    money = MoneyField()
    agreement_reference = serializers.CharField(max_length=120, required=False, allow_blank=True)
    note = serializers.CharField(max_length=REASON_LENGTH, required=False, allow_blank=True)

    def arguments(self) -> dict[str, Any]:
        """Give amount and currency apart."""
        found = super().arguments()
        money = found.pop("money")
        return {**found, "amount": money.amount, "currency": money.currency}


class ConfirmShareIn(StrictSerializer):
    """The agreement in writing."""

    example: ClassVar[Example] = {"agreement_reference": "KOICA/2027/14"}

    agreement_reference = serializers.CharField(max_length=120, required=False, allow_blank=True)


class ReceiveShareIn(StrictSerializer):
    """What was received, in the currency of the share."""

    example: ClassVar[Example] = {"actual_amount": "11950.00"}

    actual_amount = serializers.DecimalField(max_digits=14, decimal_places=2, min_value=0)


class EngagementPartyIn(StrictSerializer):
    """An organization with its role."""

    example: ClassVar[Example] = {"organization": "GOV-MLI", "role": "host"}

    organization = ReferenceField()
    role = CodeField("partner_roles")


class DeliveryPlaceIn(StrictSerializer):
    """Where a delivery takes place."""

    example: ClassVar[Example] = {"city": "Bamako", "country": "MLI", "venue": ""}

    city = serializers.CharField(max_length=120, required=False, allow_blank=True)
    country = CodeField("countries", required=False)
    venue = serializers.CharField(max_length=200, required=False, allow_blank=True)


class DeliveryChangeIn(StrictSerializer):
    """What shall be different about one delivery; what is left out stays."""

    example: ClassVar[Example] = {
        "number": 1,
        "period": {"start": "2027-04-12", "end": "2027-04-14", "precision": "day"},
        "session": "0198c0de-0000-7000-8000-0000000000d1",
    }

    number = serializers.IntegerField(min_value=1, max_value=999)
    period = PeriodField(required=False)
    place = DeliveryPlaceIn(required=False)
    offering = ReferenceField(required=False)
    session = ReferenceField(required=False)
    capacity_window = ReferenceField(required=False)
    capacity = serializers.IntegerField(min_value=1, max_value=SEATS, required=False)
    seats = serializers.IntegerField(min_value=1, max_value=SEATS, required=False)


class LineChangeIn(StrictSerializer):
    """Another number of participants of a line for the part of a delivery."""

    example: ClassVar[Example] = {"line_number": 1, "participants": 25, "delivery_number": 1}

    line_number = serializers.IntegerField(min_value=1, max_value=999)
    participants = serializers.IntegerField(min_value=1, max_value=SEATS)
    delivery_number = serializers.IntegerField(min_value=1, max_value=999, required=False)


class EngagementChangeIn(EngagementReasonIn):
    """Other dates, place, scope, partner or budget."""

    example: ClassVar[Example] = {
        "deliveries": [DeliveryChangeIn.example],
        "reason_text": "The venue is not free in March.",
    }

    deliveries = DeliveryChangeIn(many=True, required=False)
    lines = LineChangeIn(many=True, required=False)
    budget = MoneyField(required=False)


class CounterConsentIn(EngagementReasonIn):
    """Yes or no to a partner's other terms."""

    example: ClassVar[Example] = {"agree": True, "reason_text": ""}

    agree = serializers.BooleanField()
