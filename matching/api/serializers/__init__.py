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
from matching.api.serializers.needs import NeedOut
from matching.api.serializers.outgoing import PolicyOut, ProposalOut, RunOut
from matching.api.serializers.parts import PartOut
from matching.api.serializers.plans import PlanLineOut, WhyNotOut
from matching.api.serializers.watches import WatchChange, WatchIn, WatchOut

__all__ = [
    "ComparisonOut",
    "CounterIn",
    "DeclineIn",
    "NeedOut",
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
    "WatchChange",
    "WatchIn",
    "WatchOut",
    "WhyNotIn",
    "WhyNotOut",
]
