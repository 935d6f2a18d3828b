"""The audit trail, for auditors and the head of the secretariat."""

from typing import ClassVar

import django_filters
from django.db.models import Exists, OuterRef, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.roles import Permission
from marketplace.api.base import ApiView
from marketplace.api.contracts import Contract
from marketplace.api.filters import CodesFilter, FilterSet, MomentFilter
from marketplace.api.serializers import Out
from marketplace.api.views import Lists, Reads, ThingViewSet
from marketplace.audit import queries
from marketplace.audit.models import AuditRecord
from marketplace.events.models import Audience, OutboxEvent

DIGEST = "0c6f0f3e2f1f4f0f8d5c7b1f3d9a6e5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f"


class ChainPlaceOut(Out):
    """The place of a record in the chain."""

    position = serializers.IntegerField()
    digest = serializers.CharField(help_text="Covers the record, its place and all that stands before it.")
    linked_at = serializers.DateTimeField()


class AuditRecordOut(Out):
    """One act: who, when, what, from which state to which, why."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-000000000020",
        "at": "2026-11-23T09:00:00Z",
        "actor_kind": "user",
        "actor_id": "0198c0de-0000-7000-8000-000000000003",
        "actor_label": "Awa Diallo",
        "acting_for": "",
        "organization_code": "IOM",
        "resource": "training_request",
        "resource_id": "0198c0de-0000-7000-8000-000000000011",
        "reference": "GMG-MLI-2026-0007",
        "action": "submit",
        "from_state": "draft",
        "to_state": "submitted",
        "reason_code": "",
        "reason_text": "",
        "changes": {},
        "request_id": "7f0c",
        "seals": {"actor_label": DIGEST},
        "erased": [],
        "chain": {"position": 41, "digest": DIGEST, "linked_at": "2026-11-23T09:00:01Z"},
    }

    id = serializers.UUIDField(source="public_id")
    at = serializers.DateTimeField()
    actor_kind = serializers.CharField()
    actor_id = serializers.CharField()
    actor_label = serializers.CharField()
    acting_for = serializers.CharField()
    organization_code = serializers.CharField()
    resource = serializers.CharField()
    resource_id = serializers.UUIDField()
    reference = serializers.CharField()
    action = serializers.CharField()
    from_state = serializers.CharField()
    to_state = serializers.CharField()
    reason_code = serializers.CharField()
    reason_text = serializers.CharField()
    changes = serializers.DictField()
    request_id = serializers.CharField()
    seals = serializers.DictField(
        child=serializers.CharField(), help_text="Salted digests of the values that may be erased, by their names."
    )
    erased = serializers.ListField(child=serializers.CharField(), help_text="Names of the values that were erased.")
    chain = ChainPlaceOut(
        source="link", default=None, allow_null=True, help_text="Null in the moment before it is linked."
    )


class AuditFilters(FilterSet):
    """Filters of the trail."""

    resource = CodesFilter("resource")
    resource_id = django_filters.UUIDFilter()
    reference = CodesFilter("reference")
    organization = CodesFilter("organization_code")
    action = CodesFilter("action")
    actor_id = CodesFilter("actor_id")
    since = MomentFilter("at", lookup_expr="gte", help_text="Only acts at or after this moment.")
    until = MomentFilter("at", lookup_expr="lt", help_text="Only acts before this moment.")


class AuditViewSet(Lists, Reads, ThingViewSet):
    """`/audit`: acts on what somebody drafts are shown only once it was submitted (domain rule 5)."""

    tag, noun, nouns = "Events", "audit record", "audit records"
    resource, basename = "audit", "audit-record"
    access = Permission.AUDIT_READ
    reads = AuditRecordOut
    filterset_class = AuditFilters
    ordering, ordering_fields = ("-pk",), {"at": "at"}

    def visible(self) -> QuerySet[AuditRecord]:
        """Give the acts on what others than its author know of.

        A reader whose auditing is limited to programmes or countries sees none: a record does not say to which it belongs.
        """
        rights = [right for right in self.request.actor.rights(self.request.at) if self.access in right.permissions]
        if all(right.programmes or right.countries for right in rights):
            return AuditRecord.objects.none()
        told = OutboxEvent.objects.filter(resource_id=OuterRef("resource_id")).exclude(audience=Audience.PRIVATE)
        return queries.records().filter(Exists(told))


# --- the chain --------------------------------------------------------------------------------------------------------
class VerificationOut(Out):
    """The walk along the chain that counts: the newest whose findings no later walk has taken back, else the last."""

    at = serializers.DateTimeField()
    first = serializers.IntegerField(help_text="First position that was computed again.")
    last = serializers.IntegerField(help_text="Last one.")
    findings = serializers.IntegerField(help_text="How many things did not fit; 0 when all is well.")


class AuditHeadOut(Out):
    """Where the chain ends, what waits to be linked, and what verifying it found."""

    example: ClassVar[dict[str, object]] = {
        "position": 41,
        "digest": DIGEST,
        "linked_at": "2026-11-23T09:00:01Z",
        "waiting": 0,
        "waiting_seconds": 0.0,
        "verification": {"at": "2026-11-23T03:00:00Z", "first": 1, "last": 40, "findings": 0},
    }

    position = serializers.IntegerField(help_text="How many records are in the chain.")
    digest = serializers.CharField(help_text="Of the last link. Keep it elsewhere: it vouches for all before it.")
    linked_at = serializers.DateTimeField(allow_null=True)
    waiting = serializers.IntegerField(help_text="Records that are not linked yet.")
    waiting_seconds = serializers.FloatField(help_text="How long the oldest of them has waited.")
    verification = VerificationOut(allow_null=True)


class AuditHeadView(ApiView):
    """`/audit/head`."""

    tag = "Events"
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Read the head of the audit chain",
            Permission.AUDIT_READ,
            description="Whoever keeps position and digest can prove later that nothing up to there was changed, "
            "dropped or put in: `manage.py verify_audit --head` compares.",
            out=AuditHeadOut,
            operation_id="audit_head_read",
        )
    }

    def get(self, request: Request) -> Response:
        """Read it."""
        status = queries.chain_status(self.request.at)
        return Response(AuditHeadOut(status, context=self.shape_context()).data)
