"""What belongs to an engagement, as callers are shown it."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers

from fulfilment import queries
from fulfilment.models import CostShare, Delivery, Milestone
from marketplace.api.serializers import (
    Example,
    LabelField,
    LanguageMapField,
    LifecycleOut,
    MoneyField,
    OrganizationRefOut,
    PeriodField,
    ThingOut,
)
from marketplace.records.fields import money_or_none

THING_ID = "0198c0de-0000-7000-8000-000000000e02"
MOMENT = "2027-03-15T09:00:00Z"
STAMPS: Mapping[str, object] = {"id": THING_ID, "version": 7, "created_at": MOMENT, "updated_at": MOMENT}
NOBODY_OWES: Mapping[str, object] = {"waiting_for": "nobody", "step": "", "due_at": None, "allowed_actions": []}


class ParticipationStageOut(serializers.Serializer[Any]):
    """How many reached a stage."""

    stage = serializers.CharField(read_only=True)
    total = serializers.IntegerField(read_only=True)
    breakdown = serializers.DictField(read_only=True)
    recorded_at = serializers.DateTimeField(read_only=True)


class DeliveryPlaceOut(serializers.Serializer[Any]):
    """Where a delivery takes place."""

    city = serializers.CharField(read_only=True)
    country = serializers.CharField(read_only=True)
    venue = serializers.CharField(read_only=True)


class PartOfEngagementOut(ThingOut):
    """What belongs to an engagement and counts on its version."""

    version = serializers.IntegerField(source="root.version", read_only=True, help_text="Version of the engagement.")
    engagement = serializers.CharField(source="engagement.reference", read_only=True)


class LivingPartOut(LifecycleOut):
    """A part of an engagement with a life cycle of its own."""

    version = serializers.IntegerField(source="root.version", read_only=True, help_text="Version of the engagement.")
    engagement = serializers.CharField(source="engagement.reference", read_only=True)


class DeliveryOut(LivingPartOut):
    """One event or course run."""

    example: ClassVar[Example] = {
        **STAMPS,
        "engagement": "ENG-2026-0001",
        "number": 1,
        "state": "delivered",
        "provider": "GMG-WG",
        "organization": {"code": "GMG-WG", "name": "GMG Working Group"},
        "offering": "MAINSTREAM-WORKSHOP",
        "offering_id": "0198c0de-0000-7000-8000-0000000000e1",
        "title": {"en": "Mainstreaming workshop", "fr": "Atelier sur la migration et la planification"},
        "session": "0198c0de-0000-7000-8000-0000000000d1",
        "capacity_window": None,
        "capacity": 20,
        "period": {"start": "2027-03-08", "end": "2027-03-10", "precision": "day"},
        "place": {"city": "Dakar", "country": "SEN", "venue": ""},
        "form": "workshop",
        "modality": "in_person",
        "language": "fr",
        "seats": 20,
        "participation": [{"stage": "attended", "total": 18, "breakdown": {}, "recorded_at": MOMENT}],
        "report": {"en": "All modules held."},
        "started_at": "2027-03-08T09:00:00Z",
        "reported_at": MOMENT,
        "confirmed_at": None,
        "confirmation": "",
        "contest_reason": "",
        "waiting_for": "requester",
        "step": "delivery.confirm",
        "due_at": "2027-03-29T09:00:00Z",
        "allowed_actions": ["confirm", "contest"],
        "part": "0198c0de-0000-7000-8000-0000000000f1",
    }

    number = serializers.IntegerField(read_only=True)
    part = serializers.UUIDField(source="part_id", read_only=True, help_text="The part of the proposal it came from.")
    provider = serializers.CharField(source="provider.code", read_only=True)
    organization = OrganizationRefOut(source="provider.organization", read_only=True)
    offering = serializers.CharField(source="offering.reference_text", read_only=True)
    offering_id = serializers.UUIDField(source="offering.public_id", read_only=True)
    title = LanguageMapField(source="offering.titles", read_only=True)
    session = serializers.UUIDField(source="session.public_id", default=None, read_only=True, allow_null=True)
    capacity_window = serializers.UUIDField(source="window.public_id", default=None, read_only=True, allow_null=True)
    capacity = serializers.IntegerField(read_only=True, help_text="Seats of the session or units of the window.")
    period = PeriodField(source="*", read_only=True)
    place = DeliveryPlaceOut(source="*", read_only=True)
    form = serializers.CharField(read_only=True)
    modality = serializers.CharField(read_only=True)
    language = serializers.CharField(read_only=True)
    seats = serializers.IntegerField(read_only=True, allow_null=True, help_text="Participants agreed.")
    participation = ParticipationStageOut(many=True, read_only=True)
    report = LanguageMapField(read_only=True)
    started_at = serializers.DateTimeField(read_only=True, allow_null=True)
    reported_at = serializers.DateTimeField(read_only=True, allow_null=True)
    confirmed_at = serializers.DateTimeField(read_only=True, allow_null=True)
    confirmation = serializers.CharField(
        read_only=True, help_text="How it was confirmed: requester, silence, settlement or import; empty before."
    )
    contest_reason = serializers.CharField(read_only=True)

    def get_allowed_actions(self, thing: Delivery) -> list[str]:
        """Give the verbs open to the caller."""
        request = self.context.get("request")
        return [] if request is None else queries.delivery_actions(thing, request.actor, at=request.at)


class MilestoneOut(LivingPartOut):
    """A dated step of the way."""

    example: ClassVar[Example] = {
        **STAMPS,
        "engagement": "ENG-2026-0001",
        "kind": "terms_of_reference",
        "label": "Terms of reference",
        "state": "open",
        "owner": "provider",
        "level": None,
        "follow_up": False,
        "done_at": None,
        "note": "",
        "waiting_for": "provider",
        "step": "milestone.complete",
        "due_at": "2026-12-14T09:00:00Z",
        "allowed_actions": ["complete"],
    }

    kind = serializers.CharField(read_only=True)
    label = LabelField("milestone_kinds", source="kind")  # type: ignore[assignment]
    owner = serializers.CharField(read_only=True)
    level = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Kirkpatrick level whose evaluation reaches it."
    )
    follow_up = serializers.BooleanField(read_only=True, help_text="Stays open after closing.")
    done_at = serializers.DateTimeField(read_only=True, allow_null=True)
    note = serializers.CharField(read_only=True)

    def get_allowed_actions(self, thing: Milestone) -> list[str]:
        """Give the verbs open to the caller."""
        request = self.context.get("request")
        return [] if request is None else queries.milestone_actions(thing, request.actor, at=request.at)


class EvaluationOut(PartOfEngagementOut):
    """What was measured at a Kirkpatrick level."""

    example: ClassVar[Example] = {
        **STAMPS,
        "engagement": "ENG-2026-0001",
        "delivery": None,
        "level": 1,
        "source": "participants",
        "instrument": "",
        "method": "survey",
        "invited": 18,
        "answered": 16,
        "value": "4.40",
        "scale_min": "1.00",
        "scale_max": "5.00",
        "outcome": 850,
        "collected_on": "2027-03-12",
        "findings": {"en": "The case work was valued most."},
        "external_id": "",
    }

    delivery = serializers.IntegerField(source="delivery.number", default=None, read_only=True, allow_null=True)
    level = serializers.IntegerField(read_only=True)
    source = serializers.CharField(read_only=True)  # type: ignore[assignment]
    instrument = serializers.CharField(read_only=True)
    method = serializers.CharField(read_only=True)
    invited = serializers.IntegerField(read_only=True, allow_null=True)
    answered = serializers.IntegerField(read_only=True, allow_null=True)
    value = serializers.DecimalField(max_digits=8, decimal_places=2, read_only=True, allow_null=True)
    scale_min = serializers.DecimalField(max_digits=8, decimal_places=2, read_only=True, allow_null=True)
    scale_max = serializers.DecimalField(max_digits=8, decimal_places=2, read_only=True, allow_null=True)
    outcome = serializers.IntegerField(read_only=True, allow_null=True, help_text="The value on 0 to 1000.")
    collected_on = serializers.DateField(read_only=True)
    findings = LanguageMapField(read_only=True)
    external_id = serializers.CharField(read_only=True)


class EvaluationWaiverOut(PartOfEngagementOut):
    """An evaluation that the secretariat does without."""

    example: ClassVar[Example] = {
        **STAMPS,
        "engagement": "ENG-2026-0001",
        "level": 2,
        "reason_code": "short_event",
        "reason_text": "Half a day.",
    }

    level = serializers.IntegerField(read_only=True)
    reason_code = serializers.CharField(read_only=True)
    reason_text = serializers.CharField(read_only=True)


class OutcomeStoryOut(PartOfEngagementOut):
    """What an engagement led to."""

    example: ClassVar[Example] = {
        **STAMPS,
        "engagement": "ENG-2026-0001",
        "kind": "network",
        "texts": {"en": "Colleagues in two countries now call each other."},
        "spin_off_request": None,
        "external_id": "",
    }

    kind = serializers.CharField(read_only=True)
    texts = LanguageMapField(read_only=True)
    spin_off_request = serializers.CharField(
        source="spin_off_request.reference_text", default=None, read_only=True, allow_null=True
    )
    external_id = serializers.CharField(read_only=True)


class CostShareOut(LivingPartOut):
    """Who bears how much."""

    example: ClassVar[Example] = {
        **STAMPS,
        **NOBODY_OWES,
        "engagement": "ENG-2026-0001",
        "state": "confirmed",
        "organization": {"code": "KOICA", "name": "Korea International Cooperation Agency"},
        "kind": "cash",
        "money": {"amount": "12000.00", "currency": "USD"},
        "actual": None,
        "agreement_reference": "KOICA/2027/14",
        "note": "",
        "allowed_actions": ["receive", "withdraw"],
    }

    organization = OrganizationRefOut(read_only=True)
    kind = serializers.CharField(read_only=True)
    money = serializers.SerializerMethodField(help_text="Exact decimal as text, with its currency.")
    actual = serializers.SerializerMethodField(help_text="What was received.")
    agreement_reference = serializers.CharField(read_only=True)
    note = serializers.CharField(read_only=True)

    def get_money(self, share: CostShare) -> dict[str, str] | None:
        """Give the share."""
        return MoneyField().to_representation(money_or_none(share.amount, share.currency))

    def get_actual(self, share: CostShare) -> dict[str, str] | None:
        """Give what was received."""
        return MoneyField().to_representation(money_or_none(share.actual_amount, share.currency))

    def get_allowed_actions(self, thing: CostShare) -> list[str]:
        """Give the verbs open to the caller."""
        request = self.context.get("request")
        return [] if request is None else queries.share_actions(thing, request.actor, at=request.at)


class EngagementChangeOut(LivingPartOut):
    """A change of what was agreed; it is answered at the engagement."""

    example: ClassVar[Example] = {
        **STAMPS,
        "engagement": "ENG-2026-0001",
        "state": "proposed",
        "proposed_side": "provider",
        "proposed_by": "Provider staff",
        "terms": {"deliveries": [{"number": 1, "start_on": "2027-04-12", "end_on": "2027-04-14"}]},
        "former": {},
        "reason_text": "The venue is not free in March.",
        "agreements": {"provider": {"at": MOMENT, "by": "Provider staff"}},
        "missing_sides": ["requester", "secretariat"],
        "applied_at": None,
        "waiting_for": "requester_and_secretariat",
        "step": "engagement.change",
        "due_at": "2027-03-22T09:00:00Z",
        "allowed_actions": [],
    }

    proposed_side = serializers.CharField(read_only=True)
    proposed_by = serializers.CharField(read_only=True)
    terms = serializers.DictField(read_only=True)
    former = serializers.DictField(read_only=True, help_text="What the change replaced, once it took effect.")
    reason_text = serializers.CharField(read_only=True)
    agreements = serializers.DictField(read_only=True)
    missing_sides = serializers.ListField(child=serializers.CharField(), read_only=True)
    applied_at = serializers.DateTimeField(read_only=True, allow_null=True)

    def get_allowed_actions(self, thing: Any) -> list[str]:
        """Give nothing: the engagement's `agree-change` and `decline-change` answer it."""
        return []
