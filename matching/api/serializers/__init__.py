"""Shapes of policies, runs, proposals and parts."""

from matching.api.serializers.comparisons import ComparisonOut
from matching.api.serializers.incoming import (
    CounterIn,
    DeclineIn,
    ObjectionIn,
    OfferIn,
    OverruleIn,
    PolicyIn,
    PreferenceIn,
    ReasonIn,
    RefusalIn,
    RunIn,
    WhyNotIn,
)
from matching.api.serializers.outgoing import PartOut, PolicyOut, ProposalOut, RunOut
from matching.api.serializers.plans import PlanLineOut, WhyNotOut

__all__ = [
    "ComparisonOut",
    "CounterIn",
    "DeclineIn",
    "ObjectionIn",
    "OfferIn",
    "OverruleIn",
    "PartOut",
    "PlanLineOut",
    "PolicyIn",
    "PolicyOut",
    "PreferenceIn",
    "ProposalOut",
    "ReasonIn",
    "RefusalIn",
    "RunIn",
    "RunOut",
    "WhyNotIn",
    "WhyNotOut",
]
