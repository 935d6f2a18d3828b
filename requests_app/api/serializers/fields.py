"""Short makers of read-only fields, and the constants of examples."""

from typing import Any

from rest_framework import serializers

from marketplace.api.serializers import Example

ROOT = "https://marketplace.example/api/v1"
MOMENT = "2026-11-23T09:00:00Z"
REQUEST_ID = "0198c0de-0000-7000-8000-000000000001"
LINE_ID = "0198c0de-0000-7000-8000-000000000002"
QUESTION_ID = "0198c0de-0000-7000-8000-000000000003"
ENDORSEMENT_ID = "0198c0de-0000-7000-8000-000000000004"
STAMPS: Example = {"version": 3, "created_at": MOMENT, "updated_at": MOMENT}
NOBODY: Example = {"waiting_for": "nobody", "step": "", "due_at": None}


def text(**options: Any) -> serializers.CharField:
    """Make the field that shows a text."""
    return serializers.CharField(read_only=True, **options)


def number(**options: Any) -> serializers.IntegerField:
    """Make the field that shows a whole number."""
    return serializers.IntegerField(read_only=True, **options)


def moment(**options: Any) -> serializers.DateTimeField:
    """Make the field that shows an instant, null before it came."""
    return serializers.DateTimeField(read_only=True, allow_null=True, **options)


def code_list(**options: Any) -> serializers.ListField:
    """Make the field that shows a list of codes."""
    return serializers.ListField(child=serializers.CharField(), read_only=True, **options)


def texts(**options: Any) -> serializers.DictField:
    """Make the field that shows texts by language."""
    return serializers.DictField(child=serializers.CharField(), read_only=True, help_text="By language.", **options)
