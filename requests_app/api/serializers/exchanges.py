"""What belongs to a request, as it is shown."""

from typing import ClassVar

from rest_framework import serializers

from marketplace.api.serializers import Example, LifecycleOut, OrganizationRefOut, Out, ThingOut
from requests_app.api.serializers.fields import (
    ENDORSEMENT_ID,
    MOMENT,
    NOBODY,
    QUESTION_ID,
    REQUEST_ID,
    STAMPS,
    code_list,
    moment,
    number,
    text,
    texts,
)


class ClarificationOut(LifecycleOut):
    """A question to the requester and its answer."""

    example: ClassVar[Example] = {
        "id": QUESTION_ID,
        **STAMPS,
        "state": "open",
        "waiting_for": "requester",
        "step": "clarification.answer",
        "due_at": "2026-11-30T09:00:00Z",
        "allowed_actions": ["answer"],
        "asked_by": None,
        "question": "Do participants read English?",
        "question_language": "en",
        "answer": "",
        "answer_language": "",
        "answered_at": None,
    }

    asked_by = OrganizationRefOut(
        source="asking_organization", read_only=True, allow_null=True, help_text="Null where the secretariat asks."
    )
    question = text()
    question_language = text()
    answer = text()
    answer_language = text()
    answered_at = moment()


class EndorsementOut(LifecycleOut):
    """A national authority's word on a request."""

    example: ClassVar[Example] = {
        "id": ENDORSEMENT_ID,
        **STAMPS,
        "state": "given",
        **NOBODY,
        "allowed_actions": [],
        "authority": {"code": "GOV-MLI", "name": "Government of Mali"},
        "letter": None,
        "letter_reference": "MAE/2026/114",
        "decided_on": "2026-11-20",
        "valid_until": "2027-12-31",
        "remark": "",
    }

    authority = OrganizationRefOut(read_only=True)
    letter = serializers.UUIDField(read_only=True, allow_null=True, help_text="Id of the document.")
    letter_reference = text()
    decided_on = serializers.DateField(read_only=True, allow_null=True)
    valid_until = serializers.DateField(read_only=True, allow_null=True)
    remark = text()


class RequestShareOut(ThingOut):
    """An organization that may read the request, what of it, and until when."""

    example: ClassVar[Example] = {
        "id": "0198c0de-0000-7000-8000-000000000015",
        **STAMPS,
        "organization": {"code": "CIFAL-JEJU", "name": "CIFAL Jeju"},
        "reason": "asked",
        "sees": "documents",
        "may": "comment",
        "shared_at": MOMENT,
        "expires_at": None,
        "ended_at": None,
    }

    organization = OrganizationRefOut(read_only=True)
    reason = text(help_text="`asked` by a proposal, or `shared` by requester or secretariat.")
    sees = text(help_text="`summary`, `body` or `documents`, each with what comes before it.")
    may = text(help_text="`read`, or `comment`: put questions too.")
    shared_at = moment()
    expires_at = moment()
    ended_at = moment(help_text="When it was taken back.")


class RequestTimelineEntryOut(Out):
    """One thing that happened; `by` and the words are for the requester's side and the secretariat."""

    at = serializers.DateTimeField(read_only=True)
    resource = text()
    reference = text()
    action = text()
    from_state = text()
    to_state = text()
    by = text()
    reason_code = text()
    reason_text = text()
    texts = serializers.DictField(child=serializers.CharField(), read_only=True, help_text="Question, answer.")
    changed = code_list(help_text="Names of the fields.")


class RequestTimelineOut(Out):
    """The history of a request, oldest first."""

    example: ClassVar[Example] = {
        "results": [
            {
                "at": MOMENT,
                "resource": "training_request",
                "reference": "GMG-MLI-2026-0007",
                "action": "open",
                "from_state": "submitted",
                "to_state": "open",
                "by": "Officer",
                "reason_code": "",
                "reason_text": "",
                "texts": {},
                "changed": [],
            }
        ]
    }

    results = RequestTimelineEntryOut(many=True, read_only=True)


class SimilarRequestOut(Out):
    """A similar request: how similar (0..1000) and in what."""

    id = serializers.UUIDField(source="request.public_id", read_only=True)
    reference = text(source="request.reference")
    title = texts(source="request.title")
    state = text(source="request.state")
    requesting_organization = OrganizationRefOut(source="request.requesting_organization", read_only=True)
    score = number()
    shared = code_list()


class SimilarRequestsOut(Out):
    """Similar requests, best first."""

    example: ClassVar[Example] = {
        "results": [
            {
                "id": REQUEST_ID,
                "reference": "GMG-MLI-2026-0029",
                "title": {"en": "Mainstreaming migration in Mali"},
                "state": "submitted",
                "requesting_organization": {"code": "IOM", "name": "International Organization for Migration"},
                "score": 900,
                "shared": ["theme", "place", "audience", "window"],
            }
        ]
    }

    results = SimilarRequestOut(many=True, read_only=True)


class RequestRevisionOut(Out):
    """A former content."""

    content_version = number()
    changed = code_list()
    replaced_at = moment()
    content = serializers.DictField(read_only=True)


class RequestRevisionsOut(Out):
    """The former contents, oldest first."""

    example: ClassVar[Example] = {
        "results": [
            {
                "content_version": 1,
                "changed": ["budget_ceiling"],
                "replaced_at": MOMENT,
                "content": {"budget_ceiling": "45000.00"},
            }
        ]
    }

    results = RequestRevisionOut(many=True, read_only=True)
