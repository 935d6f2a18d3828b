"""What a replay found."""

from typing import Any, ClassVar

from rest_framework import serializers

from marketplace.api.serializers import Example, Out


class DifferenceOut(serializers.Serializer[Any]):
    """The first place where the kept answer and the replayed one part; both values as JSON, empty for nothing."""

    pointer = serializers.CharField(read_only=True, help_text="JSON pointer (RFC 6901) into `result`.")
    kept = serializers.CharField(read_only=True)
    replayed = serializers.CharField(read_only=True)


class ReplayOut(Out):
    """A run computed again from the inputs it kept: the same bytes, or where the answers part."""

    example: ClassVar[Example] = {
        "same": True,
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
    mode = serializers.CharField(read_only=True)
    engine_version = serializers.CharField(read_only=True, help_text="Of the run, and of the engine that replayed it.")
    snapshot_digest = serializers.CharField(read_only=True, help_text="SHA-256 of the canonical inputs.")
    output_digest = serializers.CharField(read_only=True, help_text="SHA-256 of the answer of the run.")
    replayed_digest = serializers.CharField(read_only=True, help_text="SHA-256 of the answer of the replay.")
    difference = DifferenceOut(
        read_only=True, allow_null=True, help_text="null where all that the run keeps of its answer is the same."
    )
    seconds = serializers.FloatField(read_only=True, help_text="How long the replay took.")
