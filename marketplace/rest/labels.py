"""What the endpoints of vocabularies share: codes with their labels, open to everybody signed in, kept five minutes."""

from typing import Any

from rest_framework import serializers

from marketplace.api.permissions import SignedIn
from marketplace.api.serializers import Out
from marketplace.kernel.text import pick

OPEN = SignedIn("vocabularies hold nothing private")
KEEP = "private, max-age=300"


class LabelledOut(Out):
    """A code with its labels by language, and the one in the caller's language."""

    label = serializers.SerializerMethodField(help_text="In the caller's language.")  # type: ignore[assignment]
    labels = serializers.DictField(child=serializers.CharField(), help_text="By language.")

    def get_label(self, row: Any) -> str:
        """Choose the label."""
        request = self.context.get("request")
        return pick(row.labels, getattr(request, "language", "en"))[0]
