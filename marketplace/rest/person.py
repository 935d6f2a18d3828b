"""What is held about you."""

from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.base import ApiView
from marketplace.api.contracts import Contract
from marketplace.api.serializers import Out
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.privacy.export import export_person
from marketplace.rest.account import OWN


class PersonExportOut(Out):
    """Everything that is held about a person."""

    example: ClassVar[dict[str, object]] = {
        "form": "gmg-person-1",
        "told_at": "2026-11-23T09:00:00Z",
        "person": {"id": "0198c0de-0000-7000-8000-000000000003", "login": "awa.diallo", "name": "Awa Diallo"},
        "held": {"accounts.Membership": [{"leads_by": ["user"], "row": {"role": "focal_point"}}]},
        "acts": [{"at": "2026-11-23T09:00:00Z", "resource": "training_request", "action": "submit"}],
        "acts_about": [],
    }

    form = serializers.CharField(help_text="Name and number of this form.")
    told_at = serializers.DateTimeField()
    person = serializers.DictField()
    held = serializers.DictField(help_text="Rows by kind, with the columns that lead to the person.")
    acts = serializers.ListField(
        child=serializers.DictField(), help_text="Records of the trail of what the person did."
    )
    acts_about = serializers.ListField(
        child=serializers.DictField(), help_text="Records of what others did about the person's account."
    )


class PersonExportView(ApiView):
    """`/me/export`."""

    tag = "Account"
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Read everything that is held about you",
            OWN,
            description="For persons; a system is nobody. Secrets are left out.",
            out=PersonExportOut,
            operation_id="me_export",
            errors=(ErrorCode.PERMISSION_DENIED,),
        )
    }

    def get(self, request: Request) -> Response:
        """Gather it. Raises DomainError(permission_denied) for a system."""
        user = self.request.actor.user
        if user is None:
            raise DomainError(ErrorCode.PERMISSION_DENIED, permission="me")
        told = export_person(user, at=self.request.at)
        return Response(PersonExportOut(told, context=self.shape_context()).data)
