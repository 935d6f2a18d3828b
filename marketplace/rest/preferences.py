"""What you are told by e-mail, and when."""

from typing import Any, ClassVar

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.models import User
from marketplace.api.base import ApiView
from marketplace.api.contracts import Contract
from marketplace.api.parsers import MergePatchParser, StrictJSONParser
from marketplace.api.serializers import Out, StrictSerializer
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.notifications import preferences
from marketplace.notifications.preferences import Choice
from marketplace.notifications.subjects import Cadence, Subject
from marketplace.rest.account import OWN

SUBJECTS = [subject.value for subject in Subject]
CADENCES = [cadence.value for cadence in Cadence]
LANGUAGES = [code for code, _ in settings.LANGUAGES]


class NotificationPreferencesOut(Out):
    """What the caller chose, and how their address takes it."""

    example: ClassVar[dict[str, object]] = {
        "email": True,
        "cadence": "daily",
        "subjects": ["step_opened", "step_overdue", "step_reminder"],
        "language": "fr",
        "address": "awa.diallo@example.org",
        "address_failing_since": None,
    }

    email = serializers.BooleanField(help_text="Whether you are told by e-mail at all; `/notifications` has it anyway.")
    cadence = serializers.ChoiceField(choices=CADENCES, help_text="Each at once, or together once a day or a week.")
    subjects = serializers.ListField(
        child=serializers.ChoiceField(choices=SUBJECTS), help_text="What you are told of by e-mail."
    )
    language = serializers.ChoiceField(choices=LANGUAGES, allow_null=True, help_text="Null: that of your account.")
    address = serializers.CharField(help_text="That of your account; empty: none is known.")
    address_failing_since = serializers.DateTimeField(
        allow_null=True, help_text="Since when it is written to no more because it refuses; `email: true` tries again."
    )


class NotificationPreferencesChange(StrictSerializer):
    """What to change."""

    example: ClassVar[dict[str, object]] = {"cadence": "daily", "subjects": ["step_opened", "step_overdue"]}

    email = serializers.BooleanField(required=False)
    cadence = serializers.ChoiceField(choices=CADENCES, required=False)
    subjects = serializers.ListField(
        child=serializers.ChoiceField(choices=SUBJECTS), max_length=len(SUBJECTS), required=False
    )
    language = serializers.ChoiceField(choices=LANGUAGES, allow_null=True, required=False)

    def arguments(self) -> dict[str, Any]:
        """Say the account's language as the empty one."""
        found = super().arguments()
        return {**found, "language": found["language"] or ""} if "language" in found else found


def facts_of(user: User, choice: Choice) -> dict[str, object]:
    """Gather what is shown."""
    return {
        "email": choice.email,
        "cadence": choice.cadence.value,
        "subjects": sorted(set(SUBJECTS) - choice.muted),
        "language": choice.language or None,
        "address": user.email,
        "address_failing_since": choice.failing_since,
    }


class NotificationPreferencesView(ApiView):
    """`/me/notification-preferences`."""

    tag = "Account"
    parser_classes = (StrictJSONParser, MergePatchParser)
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Read what you are told by e-mail",
            OWN,
            description="For persons; systems read the event feed or have webhooks.",
            out=NotificationPreferencesOut,
            operation_id="me_notification_preferences_read",
            errors=(ErrorCode.PERMISSION_DENIED,),
        ),
        "patch": Contract(
            "Choose what you are told by e-mail",
            OWN,
            body=NotificationPreferencesChange,
            out=NotificationPreferencesOut,
            operation_id="me_notification_preferences_change",
            errors=(ErrorCode.PERMISSION_DENIED,),
        ),
    }

    def get(self, request: Request) -> Response:
        """Say it. Raises DomainError(permission_denied) for a system."""
        user = self._person()
        return self._answer(user, preferences.choice_of(user))

    def patch(self, request: Request) -> Response:
        """Change what is given. Raises DomainError(permission_denied, invalid_input)."""
        user = self._person()
        changes = self.body(self.contracts["patch"], patched={}).arguments()
        return self._answer(user, preferences.change(user, at=self.request.at, **changes))

    def _person(self) -> User:
        user = self.request.actor.user
        if user is None:
            raise DomainError(ErrorCode.PERMISSION_DENIED, permission="me")
        return user

    def _answer(self, user: User, choice: Choice) -> Response:
        return Response(NotificationPreferencesOut(facts_of(user, choice), context=self.shape_context()).data)
