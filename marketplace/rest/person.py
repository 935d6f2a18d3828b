"""What is held about you."""

from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.base import ApiView
from marketplace.api.contracts import Contract
from marketplace.api.serializers import Out
from marketplace.kernel.errors import ErrorCode
from marketplace.privacy.export import export_for
from marketplace.rest.account import OWN, whole_person


class PersonExportOut(Out):
    """What is held about a person, as the person is given it."""

    example: ClassVar[dict[str, object]] = {
        "form": "gmg-person-1",
        "told_at": "2026-11-23T09:00:00Z",
        "person": {"id": "0198c0de-0000-7000-8000-000000000003", "login": "awa.diallo", "name": "Awa Diallo"},
        "held": {
            "accounts.Membership": [{"leads_by": ["user"], "row": {"role": "focal_point"}}],
            "requests_app.TrainingRequest": [
                {"leads_by": ["drafted_by"], "row": {"resource": "training_request", "reference": "GMG-MLI-2026-0001"}}
            ],
        },
        "acts": [{"at": "2026-11-23T09:00:00Z", "resource": "training_request", "action": "submit"}],
        "acts_about": [],
    }

    form = serializers.CharField(help_text="Name and number of this form.")
    told_at = serializers.DateTimeField()
    person = serializers.DictField()
    held = serializers.DictField(
        help_text="Rows by kind, with the columns that lead to the person; of records of work, which ones they are."
    )
    acts = serializers.ListField(
        child=serializers.DictField(),
        help_text="Records of the trail of what the person did, without what it changed in records of work.",
    )
    acts_about = serializers.ListField(
        child=serializers.DictField(),
        help_text="What others did about the person's account: what and when, and not who, from where and why.",
    )


class PersonExportView(ApiView):
    """`/me/export`."""

    tag = "Account"
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Read everything that is held about you",
            OWN,
            description=(
                "For persons, in a session or with a token of all scopes; a system is nobody. Secrets are left out, and what "
                "records of work say: of each is told which it is, and as what you stand in it."
            ),
            out=PersonExportOut,
            operation_id="me_export",
            errors=(ErrorCode.PERMISSION_DENIED,),
        )
    }

    def get(self, request: Request) -> Response:
        """Gather it. Raises DomainError(permission_denied) for systems, OAuth tokens and tokens that lack a scope."""
        told = export_for(whole_person(self.request.actor), at=self.request.at)
        return Response(PersonExportOut(told, context=self.shape_context()).data)
