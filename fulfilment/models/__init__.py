"""Rows of what is agreed and delivered."""

from fulfilment.models.changes import Change
from fulfilment.models.deliveries import Delivery, Milestone, Participation
from fulfilment.models.engagements import CostShare, Engagement, EngagementCounter, EngagementLine, EngagementParty
from fulfilment.models.evaluations import Evaluation, EvaluationWaiver, OutcomeStory

__all__ = [
    "Change",
    "CostShare",
    "Delivery",
    "Engagement",
    "EngagementCounter",
    "EngagementLine",
    "EngagementParty",
    "Evaluation",
    "EvaluationWaiver",
    "Milestone",
    "OutcomeStory",
    "Participation",
]
