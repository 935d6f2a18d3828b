"""Shapes of policies, runs, proposals and parts."""

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
)
from matching.api.serializers.outgoing import ComparisonOut, PartOut, PolicyOut, ProposalOut, RunOut

__all__ = [
    "ComparisonOut",
    "CounterIn",
    "DeclineIn",
    "ObjectionIn",
    "OfferIn",
    "OverruleIn",
    "PartOut",
    "PolicyIn",
    "PolicyOut",
    "PreferenceIn",
    "ProposalOut",
    "ReasonIn",
    "RefusalIn",
    "RunIn",
    "RunOut",
]
