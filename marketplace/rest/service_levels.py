"""Service levels: read by everybody signed in, changed by the head of the secretariat."""

from datetime import datetime
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.journal import note
from marketplace.accounts.roles import Permission
from marketplace.api.base import READING, ApiView
from marketplace.api.contracts import Contract, IfMatch, Write
from marketplace.api.parsers import MergePatchParser, StrictJSONParser
from marketplace.api.permissions import check_role
from marketplace.api.preconditions import expected_version
from marketplace.api.serializers import LanguageMapField, Out, StrictSerializer
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.rest.labels import OPEN, LabelledOut
from marketplace.vocabularies import operations, queries
from marketplace.vocabularies.models import ServiceLevel


class ServiceLevelOut(LabelledOut):
    """Who owes a step, in how many working days, who is told when it is late, and what the deadline does."""

    example: ClassVar[dict[str, object]] = {
        "label": "Screen a request",
        "labels": {"en": "Screen a request"},
        "step": "request.screen",
        "owner": "secretariat",
        "working_days": 5,
        "remind_before": 1,
        "overdue_action": "escalate",
        "remind": ["secretariat"],
        "escalate_to": "head",
        "deadline_effect": "none",
        "effect_after_working_days": None,
        "on_overdue": {"en": "The head is told."},
        "at_deadline": {"en": "Nothing changes."},
        "edited": False,
        "version": 1,
    }

    step = serializers.CharField()
    owner = serializers.CharField()
    working_days = serializers.IntegerField()
    remind_before = serializers.IntegerField(allow_null=True)
    overdue_action = serializers.CharField()
    remind = serializers.ListField(child=serializers.CharField())
    escalate_to = serializers.CharField(allow_blank=True)
    deadline_effect = serializers.CharField()
    effect_after_working_days = serializers.IntegerField(allow_null=True)
    on_overdue = serializers.DictField(child=serializers.CharField())
    at_deadline = serializers.DictField(child=serializers.CharField())
    edited = serializers.BooleanField(help_text="Changed by the secretariat; a reload leaves it alone.")
    version = serializers.IntegerField()


class ServiceLevelsOut(Out):
    """The table of service levels."""

    example: ClassVar[dict[str, object]] = {"results": [ServiceLevelOut.example]}

    results = ServiceLevelOut(many=True)


class ServiceLevelChange(StrictSerializer):
    """What the head of the secretariat may change."""

    example: ClassVar[dict[str, object]] = {"working_days": 4}

    labels = LanguageMapField(max_length=200)
    owner = serializers.CharField(max_length=32)
    working_days = serializers.IntegerField(min_value=1)
    remind_before = serializers.IntegerField(min_value=0, allow_null=True)
    overdue_action = serializers.CharField(max_length=24)
    remind = serializers.ListField(child=serializers.CharField(max_length=32), max_length=10)
    escalate_to = serializers.CharField(max_length=16, allow_blank=True)
    deadline_effect = serializers.CharField(max_length=32)
    effect_after_working_days = serializers.IntegerField(min_value=0, allow_null=True)


def change_service_level(
    *, actor: Actor, at: datetime, step: str, expected_version: int | None, **changes: Any
) -> ServiceLevel:
    """Change a service level and record who did. Raises DomainError(permission_denied) and what the change raises."""
    permissions.check(actor, Permission.SERVICE_LEVELS_MANAGE, at=at)
    level = operations.change_service_level(
        step=step, changes=changes, by=actor.label, at=at, expected_version=expected_version
    )
    note(level, "changed", actor=actor, at=at, changes=changes)
    return level


class ServiceLevelsView(ApiView):
    """`/service-levels`."""

    tag = "Vocabularies"
    in_test_mode = READING
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract("List service levels", OPEN, out=ServiceLevelsOut, operation_id="service_levels_list")
    }

    def get(self, request: Request) -> Response:
        """List the table."""
        return Response(ServiceLevelsOut({"results": queries.service_levels()}, context=self.shape_context()).data)


class ServiceLevelView(ApiView):
    """`/service-levels/{step}`."""

    tag = "Vocabularies"
    in_test_mode = READING
    parser_classes = (StrictJSONParser, MergePatchParser)
    path_parameters: ClassVar[dict[str, str]] = {"step": "Code of the step."}
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract("Read one service level", OPEN, out=ServiceLevelOut, operation_id="service_levels_read"),
        "patch": Write(
            "Change a service level",
            Permission.SERVICE_LEVELS_MANAGE,
            body=ServiceLevelChange,
            out=ServiceLevelOut,
            if_match=IfMatch.REQUIRED,
            errors=(ErrorCode.RULE_BROKEN,),
            operation_id="service_levels_change",
            operation=change_service_level,
        ),
    }

    def names_a_thing(self) -> bool:
        """The step is looked up before the role is asked."""
        return True

    def get(self, request: Request, step: str) -> Response:
        """Read one. Raises DomainError(not_found)."""
        row = self._row(step)
        self.etag_version = row.version
        return Response(ServiceLevelOut(row, context=self.shape_context()).data)

    def patch(self, request: Request, step: str) -> Response:
        """Change one."""
        row = self._row(step)
        contract = self.contracts["patch"]
        check_role(self.request.actor, contract.access, self.request.at)
        version = expected_version(self.request, IfMatch.REQUIRED, row.version)
        changes = self.body(contract, patched={}).arguments()
        change_service_level(
            actor=self.request.actor, at=self.request.at, step=step, expected_version=version, **changes
        )
        queries.refresh()
        return self.get(request, step)

    @staticmethod
    def _row(step: str) -> Any:
        try:
            return queries.service_level(step)
        except LookupError:
            raise DomainError(ErrorCode.NOT_FOUND) from None
