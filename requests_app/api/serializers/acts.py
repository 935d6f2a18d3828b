"""What comes in with a verb."""

from typing import Any, ClassVar

from rest_framework import serializers

from marketplace.api.serializers import CodeField, Example, ReferenceField, StrictSerializer
from requests_app.api.serializers.incoming import LINES
from requests_app.models import MAY, SEES

WORDS, LETTER_REFERENCE = 4_000, 200  # characters


class RequestReasonIn(StrictSerializer):
    """Why, by code and, if needed, in words."""

    example: ClassVar[Example] = {"reason_code": "funding_lost", "reason_text": "The programme was cut."}

    reason_code = serializers.CharField(max_length=40)
    reason_text = serializers.CharField(required=False, allow_blank=True, max_length=WORDS)


class WithdrawalIn(RequestReasonIn):
    """Why, for who wants to say."""

    example: ClassVar[Example] = {"reason_code": "met_elsewhere"}

    reason_code = serializers.CharField(required=False, max_length=40)


class RequestReturnIn(StrictSerializer):
    """The question with which a request is returned."""

    example: ClassVar[Example] = {
        "question": "Which ministries will send participants?",
        "language": "en",
        "reason_code": "unclear_need",
    }

    question = serializers.CharField(max_length=WORDS)
    language = CodeField("languages", required=False)
    reason_code = CodeField("return_reasons", required=False)


class RequesterAnswerIn(StrictSerializer):
    """The requester's answer."""

    example: ClassVar[Example] = {"answer": "Planning, Interior and Labour.", "language": "en"}

    answer = serializers.CharField(max_length=WORDS)
    language = CodeField("languages", required=False)


class RequestQuestionIn(StrictSerializer):
    """A question to the requester."""

    example: ClassVar[Example] = {"question": "Do participants read English?", "language": "en"}

    question = serializers.CharField(max_length=WORDS)
    language = CodeField("languages", required=False)


class RequestMergeIn(StrictSerializer):
    """Into which request."""

    example: ClassVar[Example] = {"into": "GMG-MLI-2026-0007", "take_lines": True}

    into = ReferenceField()
    take_lines = serializers.BooleanField(required=False, help_text="Add the participants to the other's lines.")


class RequestUnmetIn(RequestReasonIn):
    """Why a need is not yet met."""

    example: ClassVar[Example] = {
        "reason_code": "no_language",
        "reason_text": "No partner teaches this in Arabic.",
        "conflicts": ["language", "theme"],
        "lines": [2],
    }

    reason_code = CodeField("unmet_reasons")
    conflicts = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=20)
    lines = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=32_000),
        required=False,
        max_length=LINES,
        help_text="Numbers of the lines; all open ones when left out.",
    )

    def arguments(self) -> dict[str, Any]:
        """Give the arguments of ``mark_unmet``."""
        found = dict(self.validated_data)
        if "lines" in found:
            found["line_numbers"] = found.pop("lines")
        return found


class OfferCallIn(StrictSerializer):
    """How long a call for offers lasts."""

    example: ClassVar[Example] = {"deadline_days": 10}

    deadline_days = serializers.IntegerField(
        required=False, min_value=1, max_value=60, help_text="Working days; else as the service level says."
    )


# --- what belongs to a request ------------------------------------------------------------------------------------
class EndorsementIn(StrictSerializer):
    """Whose word is needed."""

    example: ClassVar[Example] = {"authority": "GOV-MLI"}

    authority = ReferenceField(help_text="Organization code.")


class EndorsementRecordIn(StrictSerializer):
    """The authority's answer, with the letter: its document or its reference."""

    example: ClassVar[Example] = {
        "given": True,
        "decided_on": "2026-11-20",
        "letter_reference": "MAE/2026/114",
        "valid_until": "2027-12-31",
    }

    given = serializers.BooleanField()
    decided_on = serializers.DateField(help_text="The date of the letter.")
    letter = serializers.UUIDField(required=False, help_text="Id of a document of this request.")
    letter_reference = serializers.CharField(required=False, allow_blank=True, max_length=LETTER_REFERENCE)
    valid_until = serializers.DateField(required=False, allow_null=True)
    remark = serializers.CharField(required=False, allow_blank=True, max_length=WORDS)


class RequestShareIn(StrictSerializer):
    """With whom a request is shared, what they see and may do, and until when."""

    example: ClassVar[Example] = {
        "organization": "CIFAL-JEJU",
        "sees": "body",
        "may": "comment",
        "expires_at": "2027-01-31T00:00:00Z",
    }

    organization = ReferenceField(help_text="Code of an agency, or of the organization of a provider.")
    sees = serializers.ChoiceField(
        choices=list(SEES), required=False, help_text="Each with what comes before it. `body` when left out."
    )
    may = serializers.ChoiceField(
        choices=list(MAY), required=False, help_text="`comment`: put questions too. `read` when left out."
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True, help_text="Without it: for good.")
