# ruff: noqa: RUF001  (the apostrophe of French print is meant)
"""What callers are shown of reports."""

from typing import Any, ClassVar

from rest_framework import serializers

from marketplace.api.serializers import Example, LabelField, Out
from matching.api.serializers import incoming
from matching.api.wording import spoken
from matching.engine import Closing, plain
from matching.queries.reports import GapReport, OverrideReport

RUN_ID = "0198c0de-0000-7000-8000-0000000000a2"
MOMENT = "2026-11-23T09:00:00Z"
SENTENCE: Example = {
    "code": "gap.would_close",
    "params": {"theme": "labour-migration", "lines": 4},
    "text": {
        "en": "One more offering on Labour migration in French for Western Africa (Workshop) would close 4 lines of needs "
        "with 120 participants.",
        "fr": "Une offre de plus sur le thème Migration de main-d’œuvre, en français, pour Afrique occidentale "
        "(Atelier) répondrait à 4 lignes de besoins, soit 120 participants.",
    },
}


class CountOut(serializers.Serializer[Any]):
    """Lines of needs, and their participants."""

    lines = serializers.IntegerField(read_only=True)
    participants = serializers.IntegerField(read_only=True)


class ReasonCountOut(serializers.Serializer[Any]):
    """Unmet lines by reason (list `unmet_reasons`)."""

    reason = serializers.CharField(read_only=True)
    label = LabelField("unmet_reasons", source="reason")  # type: ignore[assignment]  # a field of this name
    lines = serializers.IntegerField(read_only=True)
    participants = serializers.IntegerField(read_only=True)


class DemandOut(serializers.Serializer[Any]):
    """What is asked, what of it is unmet and why."""

    asked = CountOut(read_only=True)
    unmet = CountOut(read_only=True)
    reasons = serializers.SerializerMethodField()
    unranked = serializers.IntegerField(
        read_only=True, help_text="Lines that no ranking has answered yet; not counted as unmet."
    )

    def get_reasons(self, demand: Any) -> list[dict[str, Any]]:
        """Give the reasons, most lines first."""
        rows = [
            {"reason": reason, "lines": count.lines, "participants": count.participants}
            for reason, count in demand.reasons
        ]
        return list(ReasonCountOut(rows, many=True, context=self.context).data)


class GapCellOut(serializers.Serializer[Any]):
    """One cell of theme, region, language and forms."""

    theme = serializers.CharField(read_only=True)
    theme_label = LabelField("themes", source="theme")
    region = serializers.CharField(read_only=True, help_text="M49; the nearest area around the country asked.")
    region_label = LabelField("regions", source="region")
    language = serializers.CharField(read_only=True, help_text="Empty: any.")
    forms = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Accepted; empty: any. A line is in one cell only."
    )
    demand = DemandOut(read_only=True)
    supply = serializers.IntegerField(
        read_only=True, help_text="Offerings on the market that match theme, place, language and one of the forms."
    )


class GapBasisOut(serializers.Serializer[Any]):
    """What was counted."""

    as_of = serializers.DateField(read_only=True)
    run = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="The plan; null: the open lines and their latest rankings."
    )


class SupplyOut(serializers.Serializer[Any]):
    """Offerings."""

    matching = serializers.IntegerField(read_only=True, help_text="Match at least one cell.")
    on_market = serializers.IntegerField(read_only=True)


CLOSING: Example = {
    "offering": {
        "theme": "labour-migration",
        "language": "fr",
        "region": "011",
        "form": "workshop",
        "modality": "in_person",
        "level": "introductory",
    },
    "audiences": ["officials"],
    "lines": 4,
    "needs": 3,
    "participants": 120,
    "by_class": {"1": 1, "3": 3},
    "closes": [{"request": "GMG-MLI-2026-0007", "line": 1}],
    "sentence": SENTENCE,
}


class GapOut(Out):
    """The gap report."""

    example: ClassVar[Example] = {
        "basis": {"as_of": "2026-11-23", "run": RUN_ID},
        "demand": {
            "asked": {"lines": 61, "participants": 1830},
            "unmet": {"lines": 9, "participants": 240},
            "reasons": [
                {"reason": "no_language", "label": "No provider in the language", "lines": 6, "participants": 160}
            ],
            "unranked": 0,
        },
        "requests": 48,
        "supply": {"matching": 130, "on_market": 152},
        "cells": [
            {
                "theme": "labour-migration",
                "theme_label": "Labour migration",
                "region": "011",
                "region_label": "Western Africa",
                "language": "fr",
                "forms": ["workshop"],
                "demand": {
                    "asked": {"lines": 5, "participants": 150},
                    "unmet": {"lines": 4, "participants": 120},
                    "reasons": [
                        {
                            "reason": "no_language",
                            "label": "No provider in the language",
                            "lines": 4,
                            "participants": 120,
                        }
                    ],
                    "unranked": 0,
                },
                "supply": 1,
            }
        ],
        "ranking": {
            "unmet": 9,
            "participants": 240,
            "closable": 8,
            "candidates": 31,
            "method": "greedy",
            "guarantee_permille": 632,
            "assumptions": {"hours": 12, "lead_time_days": 30, "participants_min": 1, "participants_max": 1000},
            "singles": [CLOSING],
            "together": [
                {"adds": CLOSING, "closed": 4, "closed_participants": 120, "bound": 4, "proven": True},
            ],
            "out_of_reach": [{"request": "GMG-NPL-2026-0011", "line": 2, "codes": ["window_missed"]}],
            "sentences": [SENTENCE],
        },
    }

    basis = GapBasisOut(read_only=True)
    demand = DemandOut(source="total", read_only=True)
    requests = serializers.IntegerField(read_only=True)
    supply = SupplyOut(source="*", read_only=True)
    cells = GapCellOut(many=True, read_only=True)
    ranking = serializers.SerializerMethodField(
        help_text="Offerings that nobody makes, by the unmet lines they would close: `singles` alone (exact), `together` "
        "chosen greedily, each step with a bound that no choice of as many can exceed."
    )

    def get_ranking(self, report: GapReport) -> dict[str, Any]:
        """Give the ranking with requests by their references and sentences in words."""
        found = report.ranking

        def closing(entry: Closing) -> dict[str, Any]:
            closes = [{"request": report.references[need], "line": line} for need, line in entry.lines]
            return {**_plain(entry), "lines": len(entry.lines), "closes": closes}

        shown = {
            **_plain(found),
            "singles": [closing(entry) for entry in found.singles],
            "together": [{**_plain(step), "adds": closing(step.adds)} for step in found.together],
            "out_of_reach": [
                {"request": report.references[entry.need], "line": entry.line, "codes": list(entry.codes)}
                for entry in found.out_of_reach
            ],
        }
        spoken_ranking: dict[str, Any] = spoken(shown)
        return spoken_ranking


def _plain(value: object) -> dict[str, Any]:
    found = plain(value)
    if not isinstance(found, dict):
        raise TypeError("not a mapping")
    return dict(found)


class OverrideRowOut(serializers.Serializer[Any]):
    """One decision against the engine's first; people are shown by their role only."""

    request = serializers.CharField(read_only=True)
    decided_at = serializers.DateTimeField(read_only=True)
    role = serializers.CharField(read_only=True)
    origin = serializers.CharField(read_only=True)
    reason_code = serializers.CharField(read_only=True)
    rank = serializers.IntegerField(read_only=True, allow_null=True)
    score = serializers.IntegerField(read_only=True, allow_null=True)
    best_score = serializers.IntegerField(read_only=True)
    loss = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Score of the engine's first less that of the one approved, exact."
    )
    differences = serializers.DictField(
        child=serializers.IntegerField(),
        read_only=True,
        help_text="Value chosen less value of the first, by criterion.",
    )


class RoleCountOut(serializers.Serializer[Any]):
    """Decisions of one role."""

    role = serializers.CharField(read_only=True)
    decisions = serializers.IntegerField(read_only=True)
    overrides = serializers.IntegerField(read_only=True)
    loss = serializers.IntegerField(read_only=True)
    largest_loss = serializers.IntegerField(read_only=True)


class CriterionOverridesOut(serializers.Serializer[Any]):
    """How overrides fall on one criterion."""

    criterion = serializers.CharField(read_only=True)
    better = serializers.IntegerField(read_only=True)
    equal = serializers.IntegerField(read_only=True)
    worse = serializers.IntegerField(read_only=True)
    mean_difference = serializers.IntegerField(read_only=True, help_text="Thousandths of the scale.")


class OverridesOut(Out):
    """The report of overrides, with the weights that would have agreed more often."""

    example: ClassVar[Example] = {
        "decisions": 24,
        "overrides": 5,
        "without_alternative": 2,
        "loss": 61_300,
        "by_role": [
            {"role": "secretariat_officer", "decisions": 24, "overrides": 5, "loss": 61_300, "largest_loss": 30_100}
        ],
        "by_criterion": [{"criterion": "place", "better": 4, "equal": 1, "worse": 0, "mean_difference": 210}],
        "rows": [
            {
                "request": "GMG-MLI-2026-0007",
                "decided_at": MOMENT,
                "role": "secretariat_officer",
                "origin": "engine",
                "reason_code": "",
                "rank": 2,
                "score": 782_300,
                "best_score": 812_400,
                "loss": 30_100,
                "differences": {"theme": 0, "place": 250},
            }
        ],
        "suggestion": {
            "decisions": 22,
            "overrides": 5,
            "least": 10,
            "enough": True,
            "present": incoming.PolicyIn.example["weights"],
            "suggested": incoming.PolicyIn.example["weights"],
            "folds": 5,
            "held_out_suggested": 850,
            "held_out_present": 780,
            "sentences": [],
        },
    }

    decisions = serializers.IntegerField(read_only=True)
    overrides = serializers.IntegerField(read_only=True)
    without_alternative = serializers.IntegerField(read_only=True)
    loss = serializers.IntegerField(read_only=True)
    by_role = RoleCountOut(many=True, read_only=True)
    by_criterion = CriterionOverridesOut(many=True, read_only=True)
    rows = OverrideRowOut(many=True, read_only=True)
    suggestion = serializers.SerializerMethodField(
        help_text="Only a suggestion, in the order of the criteria: a person publishes a new policy by "
        "`POST /matching-policies`. `held_out_...`: per mille of decisions held out of the fit that the weights agree with."
    )

    def get_suggestion(self, report: OverrideReport) -> dict[str, Any]:
        """Give the suggestion beside the present weights, with its sentences in words."""
        found: dict[str, Any] = spoken(_plain(report.suggestion))
        return found
