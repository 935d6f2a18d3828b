"""The audit trail, for auditors and the head of the secretariat."""

from typing import ClassVar

import django_filters
from django.db.models import Exists, OuterRef, QuerySet
from rest_framework import serializers

from marketplace.accounts.roles import Permission
from marketplace.api.filters import CodesFilter, FilterSet
from marketplace.api.serializers import Out
from marketplace.api.views import Lists, Reads, ThingViewSet
from marketplace.audit import queries
from marketplace.audit.models import AuditRecord
from marketplace.events.models import Audience, OutboxEvent


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


class AuditFilters(FilterSet):
    """Filters of the trail."""

    resource = CodesFilter("resource")
    resource_id = django_filters.UUIDFilter()
    reference = CodesFilter("reference")
    organization = CodesFilter("organization_code")
    action = CodesFilter("action")
    actor_id = CodesFilter("actor_id")
    since = django_filters.IsoDateTimeFilter("at", lookup_expr="gte", help_text="Only acts at or after this moment.")
    until = django_filters.IsoDateTimeFilter("at", lookup_expr="lt", help_text="Only acts before this moment.")


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

        A reader whose auditing is limited to programmes sees none: a record does not say to which programme it belongs.
        """
        rights = [right for right in self.request.actor.rights(self.request.at) if self.access in right.permissions]
        if not any(not right.programmes for right in rights):
            return AuditRecord.objects.none()
        told = OutboxEvent.objects.filter(resource_id=OuterRef("resource_id")).exclude(audience=Audience.PRIVATE)
        return queries.records().filter(Exists(told))
