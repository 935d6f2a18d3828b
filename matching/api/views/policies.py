"""Policies over HTTP."""

from django.db.models import QuerySet

from marketplace.accounts.roles import Permission
from marketplace.api.base import READING
from marketplace.api.contracts import Write
from marketplace.api.views import Creates, Lists, Reads, ThingViewSet
from marketplace.kernel.errors import ErrorCode
from matching import operations, queries
from matching.api import serializers
from matching.models import MatchingPolicy


class PolicyViewSet(Lists, Reads, Creates, ThingViewSet):
    """How needs are ranked."""

    tag, noun, nouns = "Matching", "matching policy", "matching policies"
    in_test_mode = READING
    resource, basename = "matching_policies", "matching-policy"
    access = Permission.PROPOSALS_READ
    reads = serializers.PolicyOut
    ordering, ordering_fields = ("-number",), {"number": "number"}
    create_with = Write(
        "Publish a matching policy",
        Permission.MATCHING_POLICY,
        description="The new version is current from now on; earlier versions stay as they were.",
        body=serializers.PolicyIn,
        errors=(ErrorCode.RULE_BROKEN,),
        operation=operations.publish_policy,
    )

    def visible(self) -> QuerySet[MatchingPolicy]:
        """Give all policies."""
        return queries.policies_visible_to(self.request.actor, at=self.request.at)
