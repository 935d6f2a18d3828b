"""What callers are shown of proposals side by side."""

from typing import Any, ClassVar

from rest_framework import serializers

from marketplace.api.serializers import Example, Out
from matching.api.serializers.parts import PROPOSAL_ID
from matching.api.wording import spoken


class ComparisonOut(Out):
    """Proposals side by side, criterion by criterion."""

    example: ClassVar[Example] = {
        "criteria": ["theme", "place"],
        "proposals": [{"id": PROPOSAL_ID, "lead": "GMG-WG", "score": 812_400, "contributions": [220_000, 130_000]}],
        "contrasts": [
            {
                "one": PROPOSAL_ID,
                "other": "0198c0de-0000-7000-8000-0000000000b2",
                "difference": 20_000,
                "criteria": [
                    {"criterion": "theme", "contribution": 30_000},
                    {"criterion": "place", "contribution": -10_000},
                ],
                "sentence": {
                    "code": "contrast.ahead_in_spite",
                    "params": {"rank": 2, "points": 20, "criteria": ["theme"], "drawbacks": ["place"]},
                    "text": {
                        "en": "20 of 1,000 points ahead of number 2, by: theme; in spite of: place and experience there.",
                        "fr": "20 points sur 1\u202f000 d\u2019avance sur le n° 2, grâce à : thème ; malgré : lieu et "
                        "expérience sur place.",
                    },
                },
            }
        ],
    }

    criteria = serializers.ListField(child=serializers.CharField(), read_only=True)
    proposals = serializers.ListField(child=serializers.DictField(), read_only=True)
    contrasts = serializers.SerializerMethodField(
        help_text="Each proposal against each later one in the list: the differences add up to that of the scores. "
        "Sentences call the later one by its place in the list."
    )

    def get_contrasts(self, comparison: dict[str, Any]) -> list[dict[str, Any]]:
        """Give those of ranked proposals, with their sentences in words."""
        found: list[dict[str, Any]] = spoken([entry for entry in comparison["contrasts"] if entry is not None])
        return found
