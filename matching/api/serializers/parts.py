"""What callers are shown of the parts of a proposal."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers

from marketplace.api.serializers import (
    Example,
    LanguageMapField,
    LifecycleOut,
    MoneyField,
    OrganizationRefOut,
    PeriodField,
)
from marketplace.records.fields import money_or_none
from matching import queries
from matching.models import ProposalPart

PROPOSAL_ID = "0198c0de-0000-7000-8000-0000000000b1"
PART_ID = "0198c0de-0000-7000-8000-0000000000c1"
MOMENT = "2026-11-23T09:00:00Z"


class PartLineOut(serializers.Serializer[Any]):
    """Participants of one line."""

    line = serializers.IntegerField(source="line.number")
    participants = serializers.IntegerField()


class CounterOut(serializers.Serializer[Any]):
    """Other terms that a partner offers, and what requester and secretariat have said."""

    period = PeriodField(source="*", read_only=True, allow_null=True)
    session = serializers.UUIDField(source="session.public_id", default=None, allow_null=True)
    participants = serializers.IntegerField(allow_null=True)
    language = serializers.CharField()
    place = serializers.DictField()
    cost = serializers.SerializerMethodField()
    terms = serializers.CharField()
    reason = serializers.CharField()
    made_at = serializers.DateTimeField()
    requester_consent = serializers.BooleanField(allow_null=True)
    secretariat_consent = serializers.BooleanField(allow_null=True)
    outcome = serializers.CharField()

    def get_cost(self, counter: Any) -> dict[str, str] | None:
        """Give the price."""
        return MoneyField().to_representation(money_or_none(counter.cost_amount, counter.cost_currency))


PART_EXAMPLE: Mapping[str, object] = {
    "id": PART_ID,
    "version": 4,
    "state": "asked",
    "position": 1,
    "proposal": PROPOSAL_ID,
    "provider": "GMG-WG",
    "organization": {"code": "GMG-WG", "name": "GMG Working Group"},
    "offering": "MAINSTREAM-SUPPORT",
    "offering_id": "0198c0de-0000-7000-8000-0000000000e1",
    "title": {"en": "Support to country teams", "fr": "Appui aux équipes de pays"},
    "slot": "capacity_window",
    "session": None,
    "capacity_window": "0198c0de-0000-7000-8000-0000000000f1",
    "period": {"start": "2027-04-12", "end": "2027-04-14", "precision": "day"},
    "place": {},
    "language": "fr",
    "participants": 25,
    "deliveries": 1,
    "cost": {"amount": "18000.00", "currency": "USD"},
    "terms": "",
    "lines": [{"line": 1, "participants": 25}],
    "answer": {"reason_code": "", "reason_text": "", "at": None},
    "counters": [],
    "replaces": None,
    "waiting_for": "provider",
    "step": "proposal.answer",
    "due_at": "2026-12-07T09:00:00Z",
    "allowed_actions": ["accept", "counter", "refuse"],
    "created_at": MOMENT,
    "updated_at": MOMENT,
}


class PartOut(LifecycleOut):
    """What one partner would deliver, and how it answered."""

    example: ClassVar[Example] = PART_EXAMPLE

    version = serializers.IntegerField(source="root.version", read_only=True, help_text="Version of the proposal.")
    position = serializers.IntegerField(read_only=True)
    proposal = serializers.UUIDField(source="proposal.public_id", read_only=True)
    provider = serializers.CharField(source="provider.code", read_only=True)
    organization = OrganizationRefOut(source="provider.organization", read_only=True)
    offering = serializers.CharField(source="offering.reference_text", read_only=True)
    offering_id = serializers.UUIDField(source="offering.public_id", read_only=True)
    title = LanguageMapField(source="offering.titles", read_only=True)
    slot = serializers.CharField(source="slot_kind", read_only=True)
    session = serializers.UUIDField(source="session.public_id", default=None, read_only=True, allow_null=True)
    capacity_window = serializers.UUIDField(source="window.public_id", default=None, read_only=True, allow_null=True)
    period = PeriodField(source="*", read_only=True, allow_null=True)
    place = serializers.DictField(read_only=True)
    language = serializers.CharField(read_only=True)
    participants = serializers.IntegerField(read_only=True)
    deliveries = serializers.IntegerField(read_only=True)
    cost = serializers.SerializerMethodField()
    terms = serializers.CharField(read_only=True)
    lines = PartLineOut(many=True, read_only=True)
    answer = serializers.SerializerMethodField()
    counters = CounterOut(many=True, read_only=True)
    replaces = serializers.SerializerMethodField(
        help_text="The part that refused or lapsed, where this one replaces it."
    )

    def to_representation(self, instance: ProposalPart) -> dict[str, Any]:
        """Leave out the price, terms and answer of other partners."""
        shown = super().to_representation(instance)
        if not self._sees_all(instance):
            for name, empty in (("cost", None), ("terms", ""), ("counters", []), ("answer", None)):
                if name in shown:
                    shown[name] = empty
        return shown

    def _sees_all(self, part: ProposalPart) -> bool:
        request = self.context.get("request")
        if request is None:
            return True
        return queries.sees_part(request.actor, part, at=request.at)

    def get_cost(self, part: ProposalPart) -> dict[str, str] | None:
        """Give the price."""
        return MoneyField().to_representation(money_or_none(part.cost_amount, part.cost_currency))

    def get_answer(self, part: ProposalPart) -> dict[str, object]:
        """Give the partner's answer."""
        return {"reason_code": part.answer_reason, "reason_text": part.answer_text, "at": part.answered_at}

    def get_replaces(self, part: ProposalPart) -> str | None:
        """Give the id of the part that this one replaces."""
        return str(part.replaces.public_id) if part.replaces else None

    def get_allowed_actions(self, part: ProposalPart) -> list[str]:
        """Give the verbs open to the caller."""
        request = self.context.get("request")
        return [] if request is None else queries.open_part_actions(part, request.actor, at=request.at)
