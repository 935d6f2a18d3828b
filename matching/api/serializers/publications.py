"""What callers are shown of the publication of a plan."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext
from rest_framework import serializers

from matching.models import MatchRun
from matching.queries.publication import SKIPPED, publication_under_way


class SkippedOut(serializers.Serializer[Any]):
    """A request that the plan serves and that got no suggestion, because it changed or closed meanwhile."""

    request = serializers.CharField(read_only=True)
    code = serializers.ChoiceField(choices=tuple(SKIPPED), read_only=True)
    words = serializers.SerializerMethodField(help_text="Why, in the language of the call.")

    def get_words(self, skipped: Mapping[str, str]) -> str:
        """Say why."""
        return gettext(SKIPPED[skipped["code"]]) % skipped


class PublicationOut(serializers.Serializer[Any]):
    """The publication of a plan, null before it is asked for; `progress` of the run tells how many requests are through."""

    asked_at = serializers.DateTimeField(source="publication.asked_at", read_only=True)
    asked_by = serializers.CharField(source="publication.asked_by", read_only=True)
    under_way = serializers.SerializerMethodField(
        help_text="false as well where its work was given up: `publish` goes on where it ended."
    )
    proposals = serializers.IntegerField(
        source="publication.proposals", read_only=True, help_text="Written so far, one for each request."
    )
    live_already = serializers.IntegerField(
        source="publication.live_already",
        read_only=True,
        help_text="Requests for which the same way was live already.",
    )
    skipped = SkippedOut(source="publication.skipped", many=True, read_only=True)
    stopped = serializers.CharField(
        source="publication.stopped",
        read_only=True,
        help_text="`superseded`: a newer plan took its place before the end; the rest was left. Else empty.",
    )

    def to_representation(self, instance: MatchRun) -> Any:
        """Show nothing where no publication was asked for."""
        return super().to_representation(instance) if instance.publication else None

    def get_under_way(self, run: MatchRun) -> bool:
        """Tell whether there is more to come."""
        return publication_under_way(run)
