"""What a replay found."""

from typing import Any, ClassVar

from django.utils.translation import gettext
from rest_framework import serializers

from marketplace.api.serializers import Example, Out
from matching.models import COMPARED, IMPOSSIBLE, MatchRun
from matching.queries.replay import WORDS

OUTCOME_HELP = (
    "`inconclusive`: the answers differ, but a time limit ended the search, which may get further or less far another "
    "time; that proves nothing. `impossible`: it cannot be computed again."
)


class DifferenceOut(serializers.Serializer[Any]):
    """The first place where the kept answer and the replayed one part; both values as JSON, empty for nothing."""

    pointer = serializers.CharField(read_only=True, help_text="JSON pointer (RFC 6901) into `result`.")
    kept = serializers.CharField(read_only=True)
    replayed = serializers.CharField(read_only=True)


class ReplayOut(Out):
    """A run computed again from the inputs it kept: the same bytes, or where the answers part."""

    example: ClassVar[Example] = {
        "same": True,
        "outcome": "same",
        "words": "The same inputs gave the same answer, to the byte.",
        "mode": "request",
        "engine_version": "2.0.0",
        "snapshot_digest": "9f2c0a51d1c5c1a4a9bd1d54b7c2f0f1a6f3c1ac0a1f3f6f3e0d7b1f4e5d6c7b",
        "output_digest": "1b7d3f6f3e0d7b1f4e5d6c7b9f2c0a51d1c5c1a4a9bd1d54b7c2f0f1a6f3c1ac",
        "replayed_digest": "1b7d3f6f3e0d7b1f4e5d6c7b9f2c0a51d1c5c1a4a9bd1d54b7c2f0f1a6f3c1ac",
        "difference": None,
        "seconds": 0.412,
    }

    same = serializers.BooleanField(
        read_only=True, help_text="The digests agree, and so does all of the answer that the run keeps."
    )
    outcome = serializers.ChoiceField(choices=COMPARED, read_only=True, help_text=OUTCOME_HELP)
    words = serializers.SerializerMethodField(help_text="The outcome in the language of the call.")
    mode = serializers.CharField(read_only=True)
    engine_version = serializers.CharField(read_only=True, help_text="Of the run, and of the engine that replayed it.")
    snapshot_digest = serializers.CharField(read_only=True, help_text="SHA-256 of the canonical inputs.")
    output_digest = serializers.CharField(read_only=True, help_text="SHA-256 of the answer of the run.")
    replayed_digest = serializers.CharField(read_only=True, help_text="SHA-256 of the answer of the replay.")
    difference = DifferenceOut(
        read_only=True, allow_null=True, help_text="null where all that the run keeps of its answer is the same."
    )
    seconds = serializers.FloatField(read_only=True, help_text="How long the replay took.")

    def get_words(self, found: Any) -> str:
        """Say the outcome."""
        return gettext(WORDS[found["outcome"]])


class RunReplayOut(serializers.Serializer[Any]):
    """The last replay of a run in the background, null where none was asked for: poll the run until `at` is set."""

    asked_at = serializers.DateTimeField(source="replay_asked_at", read_only=True)
    at = serializers.DateTimeField(
        source="replayed_at",
        read_only=True,
        allow_null=True,
        help_text="When it had ended; null while it is under way.",
    )
    outcome = serializers.ChoiceField(
        source="replay_outcome",
        choices=(*COMPARED, IMPOSSIBLE),
        read_only=True,
        allow_blank=True,
        help_text=f"Empty while it is under way. {OUTCOME_HELP}",
    )
    same = serializers.SerializerMethodField(help_text="null where nothing was compared (yet).")
    words = serializers.SerializerMethodField(help_text="The outcome in the language of the call.")
    digest = serializers.CharField(
        source="replayed_digest", read_only=True, help_text="SHA-256 of the answer of the replay."
    )
    difference = DifferenceOut(source="replay_report.difference", default=None, read_only=True, allow_null=True)
    refusal = serializers.CharField(
        source="replay_report.refusal", default="", read_only=True, help_text="Code of why it is `impossible`."
    )
    seconds = serializers.FloatField(source="replay_report.seconds", default=None, read_only=True, allow_null=True)

    def to_representation(self, instance: MatchRun) -> Any:
        """Show nothing where no replay was asked for."""
        return None if instance.replay_asked_at is None else super().to_representation(instance)

    def get_same(self, run: MatchRun) -> bool | None:
        """Tell whether the answers agree."""
        return run.replay_outcome == "same" if run.replay_outcome in COMPARED else None

    def get_words(self, run: MatchRun) -> str:
        """Say the outcome; nothing while it is under way."""
        return gettext(WORDS[run.replay_outcome]) if run.replay_outcome else ""
