"""What callers are shown of themes found in a text."""

from typing import Any, ClassVar

from rest_framework import serializers

from marketplace.api.serializers import Example, Out
from marketplace.kernel.text import pick
from matching.api.wording import spoken


class SuggestedThemeOut(Out):
    """A theme that a text speaks of."""

    theme = serializers.CharField()
    label = serializers.SerializerMethodField(help_text="In the caller's language.")  # type: ignore[assignment]
    labels = serializers.DictField(child=serializers.CharField(), help_text="By language.")
    weight = serializers.IntegerField(help_text="How sure it is, 0 to 1,000.")
    words = serializers.ListField(child=serializers.CharField(), help_text="The words of the text that say so.")
    reason = serializers.SerializerMethodField(help_text="A sentence with its text in each language.")
    lines = serializers.ListField(
        child=serializers.IntegerField(), help_text="Lines of the request that ask for it already."
    )

    def get_label(self, row: Any) -> str:
        """Choose the label."""
        request = self.context.get("request")
        return pick(row.labels, getattr(request, "language", "en"))[0]

    def get_reason(self, row: Any) -> dict[str, Any]:
        """Give the sentence in words."""
        found: dict[str, Any] = spoken(row.reason)
        return found


class SuggestedThemesOut(Out):
    """Themes found in a text, the surest first."""

    example: ClassVar[Example] = {
        "results": [
            {
                "theme": "trafficking",
                "label": "Trafficking in persons",
                "labels": {"en": "Trafficking in persons", "fr": "Traite des personnes"},
                "weight": 882,
                "words": ["traite des êtres humains"],
                "reason": {
                    "code": "theme_found.named",
                    "params": {"theme": "trafficking", "words": ["traite des êtres humains"]},
                    "text": {
                        "en": "The text names this theme (Trafficking in persons): traite des êtres humains.",
                        "fr": "Le texte nomme ce thème (Traite des personnes) : traite des êtres humains.",
                    },
                },
                "lines": [1],
            }
        ]
    }

    results = SuggestedThemeOut(many=True)
