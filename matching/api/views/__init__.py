"""Policies, runs, proposals and parts over HTTP."""

from matching.api.views.needs import ProviderNeedViewSet
from matching.api.views.parts import PartViewSet
from matching.api.views.plans import PlanLineViewSet
from matching.api.views.policies import PolicyViewSet
from matching.api.views.proposals import OfferViewSet, ProposalViewSet, RequestProposalViewSet
from matching.api.views.runs import RunViewSet
from matching.api.views.watches import WatchViewSet

__all__ = [
    "OfferViewSet",
    "PartViewSet",
    "PlanLineViewSet",
    "PolicyViewSet",
    "ProposalViewSet",
    "ProviderNeedViewSet",
    "RequestProposalViewSet",
    "RunViewSet",
    "WatchViewSet",
]
