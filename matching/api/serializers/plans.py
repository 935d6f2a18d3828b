# ruff: noqa: RUF001  (the apostrophe of French print is meant)
"""What callers are shown of a plan: its lines, and what forcing an offering would do."""

from typing import Any, ClassVar

from rest_framework import serializers

from marketplace.api.serializers import Example, LanguageMapField, MoneyField, OrganizationRefOut, Out
from marketplace.kernel.money import Money
from matching.api.wording import spoken
from matching.models import PlanLine

SENTENCE_EXAMPLE: Example = {
    "code": "plan.chosen_best",
    "params": {},
    "text": {"en": "It is the best candidate.", "fr": "C’est la meilleure candidature."},
}


class PlanChoiceOut(serializers.Serializer[Any]):
    """The delivery chosen, with the reasons of its score."""

    slot = serializers.DictField(help_text="`kind`, `code`, `start`, `end`, `deliveries`, `trainer_days`.")
    participants = serializers.IntegerField()
    least = serializers.BooleanField(help_text="The smallest group only, because others want the slot as well.")
    together = serializers.ListField(
        child=serializers.IntegerField(),
        default=list,
        help_text="Numbers of the other lines of the request in the same delivery; the cost is shared by participants.",
    )
    breakdown = serializers.ListField(child=serializers.DictField())
    evidence = serializers.IntegerField(help_text="Per mille of the weights.")
    flags = serializers.ListField(child=serializers.CharField())
    cost = serializers.SerializerMethodField(help_text="In the currency of the request; null where it is not known.")

    def get_cost(self, choice: dict[str, Any]) -> dict[str, str] | None:
        """Give the estimate."""
        if choice.get("cost") is None:
            return None
        return MoneyField().to_representation(
            Money(serializers.DecimalField(14, 2).to_internal_value(choice["cost"]), choice["currency"])
        )


class PlanLineOut(Out):
    """One line of one request in a plan: served by what and why, with alternates; or not served, and why not."""

    example: ClassVar[Example] = {
        "position": 1,
        "request": "GMG-MLI-2026-0007",
        "line": 1,
        "agency": {"code": "GMG-AGENCY", "name": "Agency"},
        "priority_class": 1,
        "theme": "mainstreaming",
        "country": "MLI",
        "region": "011",
        "language": "fr",
        "forms": [],
        "outcome": "served",
        "unmet_reason": "",
        "eligible": 4,
        "best_score": 812_400,
        "score": 803_100,
        "regret": 9_300,
        "offering": "MAINSTREAM-SUPPORT",
        "offering_id": "0198c0de-0000-7000-8000-0000000000e1",
        "hypothetical": "",
        "provider": "GMG-WG",
        "title": {"en": "Support to country teams", "fr": "Appui aux équipes de pays"},
        "choice": None,
        "alternates": [],
        "reasons": [SENTENCE_EXAMPLE],
        "shortage": {},
    }

    position = serializers.IntegerField(read_only=True, help_text="Most urgent class first, then reference and line.")
    request = serializers.CharField(source="request.reference_text", read_only=True)
    line = serializers.IntegerField(source="line.number", read_only=True)
    agency = OrganizationRefOut(source="request.requesting_organization", read_only=True)
    priority_class = serializers.IntegerField(read_only=True, help_text="1 comes first.")
    theme = serializers.CharField(read_only=True)
    country = serializers.CharField(read_only=True)
    region = serializers.CharField(read_only=True)
    language = serializers.CharField(read_only=True)
    forms = serializers.ListField(child=serializers.CharField(), read_only=True)
    outcome = serializers.CharField(read_only=True, help_text="`served` or `unmet`.")
    unmet_reason = serializers.CharField(read_only=True, help_text="Code list `unmet_reasons`.")
    eligible = serializers.IntegerField(read_only=True, help_text="Offerings that fail no hard constraint.")
    best_score = serializers.IntegerField(read_only=True, allow_null=True)
    score = serializers.IntegerField(read_only=True, allow_null=True, help_text="0 to 1,000,000.")
    regret = serializers.SerializerMethodField(help_text="What the line gives up for the plan as a whole.")
    offering = serializers.CharField(source="offering.reference_text", default=None, read_only=True, allow_null=True)
    offering_id = serializers.UUIDField(source="offering.public_id", default=None, read_only=True, allow_null=True)
    hypothetical = serializers.CharField(read_only=True, help_text="Code of an invented offering.")
    provider = serializers.CharField(source="offering.provider.code", default=None, read_only=True, allow_null=True)
    title = LanguageMapField(source="offering.titles", default=None, read_only=True, allow_null=True)
    choice = serializers.SerializerMethodField()
    alternates = serializers.SerializerMethodField(
        help_text="The next best that would fit as well, each with what choosing it would change in the whole plan."
    )
    reasons = serializers.SerializerMethodField(help_text="Sentences in both languages.")
    shortage = serializers.SerializerMethodField(
        help_text="Of an unmet line: who competes for what is short, or what the requester could give up."
    )

    def get_regret(self, line: PlanLine) -> int | None:
        """Give the distance from the best candidate of the line."""
        return None if line.score is None or line.best_score is None else line.best_score - line.score

    def get_choice(self, line: PlanLine) -> dict[str, Any] | None:
        """Give the delivery with its sentences in words."""
        found: dict[str, Any] | None = spoken(PlanChoiceOut(line.choice).data) if line.choice else None
        return found

    def get_alternates(self, line: PlanLine) -> list[dict[str, Any]]:
        """Give the alternates with their sentences in words."""
        found: list[dict[str, Any]] = spoken(line.alternates)
        return found

    def get_reasons(self, line: PlanLine) -> list[dict[str, Any]]:
        """Give the reasons in words."""
        found: list[dict[str, Any]] = spoken(line.reasons)
        return found

    def get_shortage(self, line: PlanLine) -> dict[str, Any]:
        """Give what is short in words."""
        found: dict[str, Any] = spoken(line.shortage)
        return found


class WhyNotOut(Out):
    """What forcing an offering would do to the plan, exactly; or why it cannot be."""

    example: ClassVar[Example] = {
        "request": "GMG-MLI-2026-0007",
        "line": 1,
        "offering": "MAINSTREAM-SUPPORT",
        "chosen": False,
        "possible": True,
        "reason": "",
        "constraints": [],
        "change": {"served": {}, "worst_score": 0, "total_score": -9_300, "kept": 0, "exact": True, "at_most": False},
        "moves": [],
        "sentences": [SENTENCE_EXAMPLE],
    }

    request = serializers.CharField(read_only=True)
    line = serializers.IntegerField(read_only=True)
    offering = serializers.CharField(read_only=True)
    chosen = serializers.BooleanField(read_only=True, help_text="The plan has it already.")
    possible = serializers.BooleanField(read_only=True)
    reason = serializers.CharField(
        read_only=True,
        help_text="Empty where it is possible; else `not_eligible`, `not_a_candidate`, `banned`, `conflict` or `not_proven`.",
    )
    constraints = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Hard constraints that it fails."
    )
    change = serializers.DictField(read_only=True, allow_null=True, help_text="Difference of the whole plan.")
    moves = serializers.ListField(
        child=serializers.DictField(), read_only=True, help_text="Lines that change hands: who gains and who loses."
    )
    sentences = serializers.SerializerMethodField()

    def get_sentences(self, answer: Any) -> list[dict[str, Any]]:
        """Give the sentences in words."""
        found: list[dict[str, Any]] = spoken(answer.sentences)
        return found
